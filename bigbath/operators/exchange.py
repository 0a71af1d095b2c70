"""Hamiltonians that conserve magnetisation: products of sigma^z, and spins that exchange places."""

from dataclasses import dataclass
from math import comb

import numpy as np

from bigbath.conserved.charges import ladder
from bigbath.models.composite import Term


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
    """Pauli strings as products of sigma^z and hops; None where they are more than that, or change the magnetisation."""
    fields: dict[int, float] = {}
    hops: dict[tuple[int, int], complex] = {}
    for (plus, minus, z), amplitude in ladder(terms, sites).items():
        if not plus and not minus and not complex(amplitude).imag:
            fields[z] = complex(amplitude).real
        elif not z and plus.bit_count() == minus.bit_count() == 1:
            if plus > minus:  # the hop back is implied
                hops[plus.bit_length() - 1, minus.bit_length() - 1] = complex(amplitude)
        else:
            return None
    return Exchange(sites=sites, up=up, fields=fields, hops=hops)
