"""Pauli strings as a diagonal plus flips with signs: H = diag(d) + sum_f c_f S_{z_f} X_{x_f}.

X_x flips the spins in the bit mask x, S_z multiplies by (-1)^(number of down spins in z): (H v)[n] = d[n] v[n] +
sum_f c_f (-1)^|n & z_f| v[n ^ x_f]. Masks use the basis order of ``models.composite``: site j is bit L-1-j. The
Hadamard rotation sigma^x <-> sigma^z, sigma^y -> -sigma^y of chosen sites keeps H real; it is applied where that
leaves fewer flips (the all-to-all Ising bath: L flips instead of L(L-1)/2).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bigbath.models.composite import Term

#: Sums of couplings below this, in units of the couplings that are summed, are rounding.
_ROUNDING = 1e-15

_Strings = list[tuple[str, tuple[complex, ...]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Flips:
    """A real Pauli-string Hamiltonian in the basis where the sites in ``rotated`` have sigma^x diagonal.

    ``fields``: {z mask: coefficient} of the diagonal. ``flips``: {(x mask, z mask): c_f}, x mask > 0.
    """

    sites: int
    rotated: frozenset[int]
    fields: dict[int, float]
    flips: dict[tuple[int, int], float]

    @property
    def dim(self) -> int:
        """Dimension 2^L."""
        return 2**self.sites

    @cached_property
    def diagonal(self) -> np.ndarray:
        """d (2^L,)."""
        return diagonal_of(self.fields, self.sites)

    @property
    def entries(self) -> int:
        """Matrix entries: a diagonal and one for each flip mask, times the dimension."""
        return self.dim * (1 + len({x for x, _ in self.flips}))

    def __matmul__(self, vector: np.ndarray) -> np.ndarray:
        """H v for vectors (2^L,) or (2^L, k) of the rotated basis: the NumPy twin of the kernels."""
        states = np.arange(self.dim)
        columns = (slice(None),) + (None,) * (vector.ndim - 1)
        result = self.diagonal[columns] * vector
        for (x, z), c in self.flips.items():
            result += (c * (1 - 2.0 * (np.bitwise_count(states & z) & 1)))[columns] * vector[states ^ x]
        return result

    def to_z_basis(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (2^L,) or (2^L, k) of the rotated basis in the sigma^z basis, in place; its own inverse."""
        walsh_hadamard(vectors, [self.sites - 1 - site for site in self.rotated])
        vectors *= 2.0 ** (-len(self.rotated) / 2)
        return vectors


def diagonal_of(fields: dict[int, float], sites: int) -> np.ndarray:
    """The diagonal sum_z c_z (-1)^|n & z| (2^L,) of fields {z mask: c_z}, by one fast Walsh-Hadamard transform."""
    result = np.zeros(2**sites)
    for mask, value in fields.items():
        result[mask] = value
    return walsh_hadamard(result, range(sites))


def walsh_hadamard(vectors: np.ndarray, bits: Iterable[int]) -> np.ndarray:
    """Unnormalised Walsh-Hadamard transform (1, 1; 1, -1) on the given bits of the first index, in place."""
    tail = vectors.shape[1:]
    for bit in bits:
        pairs = vectors.reshape(-1, 2, 2**bit, *tail, copy=False)
        difference = pairs[:, 0] - pairs[:, 1]
        pairs[:, 0] += pairs[:, 1]
        pairs[:, 1] = difference
    return vectors


def flips(terms: tuple[Term, ...], sites: int, *, rotate: bool = True) -> Flips | None:
    """Pauli strings as a diagonal plus flips; None when a string has an odd number of sigma^y (H is complex).

    The rotated sites minimise the number of flip masks, then of signed flips: greedy from no site and from all; none
    without ``rotate``.
    """
    strings = [(letters, coupling) for letters, couplings in terms for coupling in couplings if coupling[0] != 0]
    if any(letters.count("y") % 2 or np.iscomplex(coupling[0]) for letters, coupling in strings):
        return None
    if not rotate:
        return _rotated(strings, sites, frozenset())
    starts: tuple[frozenset[int], ...] = (frozenset(), frozenset(range(sites)))
    best = min((_descend(strings, sites, s) for s in starts), key=lambda s: _cost(strings, sites, s))
    return _rotated(strings, sites, best)


def _descend(strings: _Strings, sites: int, rotated: frozenset[int]) -> frozenset[int]:
    """Rotate one site more or less as long as that costs fewer flips."""
    cost = _cost(strings, sites, rotated)
    improved = True
    while improved:
        improved = False
        for site in range(sites):
            other = rotated ^ {site}
            if (c := _cost(strings, sites, other)) < cost:
                rotated, cost, improved = other, c, True
    return rotated


def _cost(strings: _Strings, sites: int, rotated: frozenset[int]) -> tuple[int, int]:
    masks = {(x, z) for x, z, _ in _masks(strings, sites, rotated) if x}
    return len({x for x, _ in masks}), sum(z != 0 for _, z in masks)


def _masks(strings: _Strings, sites: int, rotated: frozenset[int]) -> Iterator[tuple[int, int, float]]:
    """(x mask, z mask, coefficient) of every string; sigma^y is -i S_z X_x."""
    for letters, (coupling, *where) in strings:
        x = z = 0
        value = float(np.real(coupling))
        for letter, site in zip(letters, where, strict=True):
            bit = 1 << (sites - 1 - int(np.real(site)))
            if letter == "y" and site in rotated:
                value = -value
            flipped = letter == "y" or letter == ("z" if site in rotated else "x")
            signed = letter == "y" or letter == ("x" if site in rotated else "z")
            x ^= bit if flipped else 0
            z ^= bit if signed else 0
        yield x, z, value * (-1) ** (letters.count("y") // 2)


def _rotated(strings: _Strings, sites: int, rotated: frozenset[int]) -> Flips:
    sums: dict[tuple[int, int], float] = defaultdict(float)
    sizes: dict[tuple[int, int], float] = defaultdict(float)
    for x, z, value in _masks(strings, sites, rotated):
        sums[x, z] += value
        sizes[x, z] += abs(value)
    kept = {key: value for key, value in sums.items() if abs(value) > _ROUNDING * sizes[key]}
    return Flips(
        sites=sites,
        rotated=rotated,
        fields={z: value for (x, z), value in kept.items() if not x},
        flips={key: value for key, value in sorted(kept.items()) if key[0]},
    )
