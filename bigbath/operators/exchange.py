"""Hamiltonians that conserve magnetisation: products of sigma^z, and spins that exchange places."""

from collections import defaultdict
from dataclasses import dataclass
from math import comb

import numpy as np

from bigbath.models.composite import Term

#: Amplitudes below this, in units of the largest, are rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """H = sum_z c_z prod_{j in z} sigma^z_j + sum_(p, q) (t_pq sigma^+_p sigma^-_q + h.c.) with ``up`` of ``sites`` spins up.

    ``fields``: {z mask: c_z}; ``hops``: {(p, q): t_pq}, an up spin moves from bit q to bit p, each pair of bits once. Site j is
    bit sites - 1 - j; a bit is 0 where the spin is up (sigma^z = 1). The Heisenberg bond J S_i . S_j is c_ij = J/4, t_ij = J/2.
    """

    sites: int
    up: int
    fields: dict[int, float]
    hops: dict[tuple[int, int], complex]

    def __post_init__(self) -> None:
        pairs = {frozenset(pair) for pair in self.hops}
        if len(pairs) < len(self.hops) or any(len(pair) < 2 for pair in pairs):
            raise ValueError("hops: each pair of two different bits once; the hop back is implied")
        if any(not 0 <= bit < self.sites for pair in pairs for bit in pair):
            raise ValueError(f"hops: bits are 0 ... {self.sites - 1}")
        if any(not 0 <= z < 2**self.sites for z in self.fields):
            raise ValueError(f"fields: masks are 0 ... 2^{self.sites} - 1")

    @property
    def dim(self) -> int:
        """Dimension of the sector."""
        return comb(self.sites, self.up)

    @property
    def is_real(self) -> bool:
        """Whether every amplitude is."""
        return not any(complex(t).imag for t in self.hops.values())

    def gauge(self, right: int) -> np.ndarray:
        """Phases (sites,) of the up spins that make as many hops real as they can, those inside a half first.

        With c'_n = exp(-i sum_{j up} phi_j) c_n, an amplitude is t exp(i (phi_q - phi_p)): it is real along a forest.
        """
        phases, tree = np.zeros(self.sites), np.arange(self.sites)
        for p, q in sorted(self.hops, key=lambda pair: (pair[0] < right) != (pair[1] < right)):
            if self.hops[p, q] and tree[p] != tree[q]:
                joined = tree == tree[p]
                phases[joined] += phases[q] + np.angle(self.hops[p, q]) - phases[p]
                tree[joined] = tree[q]
        return phases


def exchange(terms: tuple[Term, ...], sites: int, up: int) -> Exchange | None:
    """Pauli strings as products of sigma^z and hops; None where they are more than that, or change the magnetisation.

    With sigma^y = -i S_z X_x, see ``operators.flips``, a string of x and y on two sites p, q is a_z S_z X_pq with z among 0,
    p, q, pq. All of them together move an up spin from q to p with t = a_0 + a_p - a_q - a_pq, if nothing is left of a_0 + a_pq
    and a_p + a_q, which would flip two equal spins.
    """
    fields: dict[int, complex] = defaultdict(complex)
    flips: dict[int, dict[int, complex]] = defaultdict(lambda: defaultdict(complex))
    for letters, couplings in terms:
        for coupling, *where in couplings:
            bits = [1 << sites - 1 - int(np.real(site)) for site in where]
            if len(set(bits)) < len(bits) or set(letters) - set("xyz"):
                return None
            x = sum(bit for letter, bit in zip(letters, bits, strict=True) if letter != "z")
            z = sum(bit for letter, bit in zip(letters, bits, strict=True) if letter != "x")
            value = complex(coupling) * (-1j) ** letters.count("y")
            if x:
                flips[x][z] += value
            else:
                fields[z] += value
    values = [*fields.values(), *(value for signed in flips.values() for value in signed.values())]
    small = _ROUNDING * max(map(abs, values), default=0.0)
    if any(abs(value.imag) > small for value in fields.values()):
        return None
    hops: dict[tuple[int, int], complex] = {}
    for x, signed in flips.items():
        if all(abs(value) <= small for value in signed.values()):
            continue
        p, q = x & -x, x & x - 1
        if x.bit_count() != 2 or any(abs(value) > small and z & ~x for z, value in signed.items()):
            return None
        if abs(signed[0] + signed[x]) > small or abs(signed[p] + signed[q]) > small:
            return None
        forth, back = (signed[0] - signed[x] + sign * (signed[p] - signed[q]) for sign in (1, -1))
        if abs(forth - np.conj(back)) > small:
            return None
        if abs(forth) > small:
            hops[p.bit_length() - 1, q.bit_length() - 1] = forth if abs(forth.imag) > small else complex(forth.real)
    return Exchange(sites=sites, up=up, fields={z: value.real for z, value in fields.items()}, hops=hops)
