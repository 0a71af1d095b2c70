"""What symmetries say of the vectors of a sector in which each of them is +1 or -1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.models.composite import Symmetry


@dataclass(frozen=True, kw_only=True)
class Element:
    """v[P n ^ x] = ``factor`` (-1)^|n & z| v[n] for all vectors v of a sector; |m| is the number of set bits of m.

    ``permutation``: P moves bit b of a configuration to bit permutation[b]. Site j is bit L-1-j.
    """

    permutation: tuple[int, ...]
    x: int
    z: int
    factor: int

    @classmethod
    def of(cls, symmetry: Symmetry, value: int) -> "Element":
        """The symmetry itself in its sector ``value``."""
        last = len(symmetry.permutation) - 1
        permutation = tuple(last - symmetry.permutation[last - bit] for bit in range(last + 1))
        flips, signs = (sum(1 << last - site for site in sites) for sites in (symmetry.flip, symmetry.sign))
        return cls(permutation=permutation, x=moved(flips, permutation), z=signs, factor=value)

    @property
    def is_pauli(self) -> bool:
        """Whether no spin moves."""
        return self.permutation == tuple(range(len(self.permutation)))

    def image(self, states: np.ndarray) -> np.ndarray:
        """P n ^ x of configurations n."""
        result = np.full_like(states, self.x)
        for bit, target in enumerate(self.permutation):
            result ^= (states >> bit & 1) << target
        return result

    def after(self, first: "Element") -> "Element":
        """The product: ``first``, then this one."""
        back = np.argsort(first.permutation).tolist()
        return Element(
            permutation=tuple(self.permutation[bit] for bit in first.permutation),
            x=moved(first.x, self.permutation) ^ self.x,
            z=first.z ^ moved(self.z, back),
            factor=first.factor * self.factor * (-1) ** (first.x & self.z).bit_count(),
        )


def moved(mask: int, permutation: Sequence[int]) -> int:
    """The mask with each bit b at permutation[b]."""
    return sum(1 << target for bit, target in enumerate(permutation) if mask >> bit & 1)


def group(generators: Sequence[Element]) -> tuple[Element, ...]:
    """All products of commuting involutions, the identity first."""
    sites = len(generators[0].permutation)
    found = [Element(permutation=tuple(range(sites)), x=0, z=0, factor=1)]
    for generator in generators:
        if generator not in found:
            found += [generator.after(element) for element in found]
    return tuple(found)
