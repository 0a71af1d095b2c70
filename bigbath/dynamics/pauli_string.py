"""Pauli strings on vectors over a space of configurations, without a matrix."""

from dataclasses import dataclass

import numpy as np

from bigbath.errors import JobError
from bigbath.spaces import Sector, Space

#: States that are handled at once.
CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class PauliString:
    """A product of Pauli matrices: |n> -> ``phase`` (-1)^(number of bits of n & ``signs``) |n ^ ``flips``>."""

    flips: int
    signs: int
    phase: complex

    @classmethod
    def of(cls, letters: str, where: tuple[int, ...], sites: int) -> "PauliString":
        """The string of ``letters`` "x", "y", "z" on the sites ``where`` of ``sites`` spins, as "zz" on (0, 1)."""
        if len(letters) != len(where) or not letters or set(letters) - set("xyz"):
            raise JobError(
                f'a Pauli string has one letter "x", "y" or "z" for each site, not {letters!r} on {list(where)}'
            )
        if len(set(where)) < len(where) or min(where) < 0 or max(where) >= sites:
            raise JobError(f"{list(where)} are not different sites below {sites}")
        bits = [(letter, 1 << (sites - 1 - site)) for letter, site in zip(letters, where, strict=True)]
        flips = sum(bit for letter, bit in bits if letter in "xy")
        signs = sum(bit for letter, bit in bits if letter in "zy")
        return cls(flips=flips, signs=signs, phase=1j ** (letters.count("y") % 4))

    def __call__(self, space: Space, vector: np.ndarray) -> np.ndarray:
        """P v (d,) of a vector (d,) over the configurations of a space; JobError where the string leads out of it."""
        dtype = np.result_type(vector, float if self.phase.imag == 0 else complex)
        result = np.empty(vector.shape, dtype)
        phase = self.phase if self.phase.imag else self.phase.real
        for first in range(0, space.dim, CHUNK):
            last = min(first + CHUNK, space.dim)
            target, factors = self._from(space, first, last)
            result[first:last] = phase * factors * vector[target]
        return result

    def expectation(self, space: Space, vector: np.ndarray) -> float:
        """<v|P|v> of a vector (d,) over the configurations of a space; parts that lead out of it are 0."""
        total = 0j
        for first in range(0, space.dim, CHUNK):
            last = min(first + CHUNK, space.dim)
            source, factors = self._from(space, first, last, leaves=True)
            inside = source >= 0
            here = vector[first:last]
            total += self.phase * np.sum(here[inside].conj() * factors[inside] * vector[source[inside]])
        return float(total.real)

    def keeps(self, space: Space) -> bool:
        """Whether it leads from every configuration of the space to one of the space."""
        return not self.flips or bool(np.all(space.index(space.states() ^ self.flips) >= 0))

    def _from(self, space: Space, first: int, last: int, *, leaves: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """For the states ``first`` ... ``last`` - 1 the number of the one that leads there, and its sign."""
        sources = space.states(first, last) ^ self.flips
        numbers = space.index(sources) if self.flips else np.arange(first, last)
        if not leaves and np.any(numbers < 0):
            raise JobError("the Pauli string leads out of the sector: choose one without this charge")
        return numbers, 1.0 - 2.0 * (np.bitwise_count(sources & self.signs) & 1)


def require_configurations(sector: Sector, what: str) -> None:
    """JobError for a sector of symmetries, whose states are superpositions of configurations."""
    if sector.isometry is not None:
        raise JobError(f"{what} leads out of the symmetry sector {sector}: use sectors of charges only, or none")
