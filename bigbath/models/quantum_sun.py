"""The quantum sun: a bath that thermalises or fails to, by the range of its couplings to a random grain."""

from typing import Annotated, Literal

import numpy as np
import scipy.linalg
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Term


@choice
class QuantumSun:
    """Quantum sun of L spins, in *spin-1/2 operators* S = sigma/2 (Suntajs & Vidmar, arXiv 2203.15816).

    H = gamma/sqrt(2^N + 1) R + sum_j h_j S^z_j + g_0 sum_j alpha^(u_j) S^x_n(j) S^x_j: a grain of ``N`` spins with a real
    symmetric random matrix R of the GOE (off-diagonal variance 1, diagonal 2), and L - N outer spins j = 1, 2, ... with h_j
    uniform in [1 - w, 1 + w], u_1 = 0, u_j uniform in [j - 1 - zeta, j - 1 + zeta], each coupled to a random spin n(j) of the
    grain. ``gamma`` sets the grain's scale; other papers write it in front of another normalisation of R. Site 0, the
    system, is the outer spin farthest from the grain; sites 1 ... N are the grain; then the outer spins from j = 1 on.

    >>> import bigbath as bb
    >>> bb.build(bb.draw(bb.QuantumSun(L=6, N=3))).dim
    64
    """

    name: Literal["quantum_sun"] = "quantum_sun"
    L: Annotated[int, Field(ge=3, le=62)]
    N: Annotated[int, Field(ge=2, le=6)] = 3
    alpha: Annotated[float, Field(gt=0)] = 0.9
    g0: float = 1.0
    gamma: float = 1.0
    w: Annotated[float, Field(ge=0)] = 0.5
    zeta: Annotated[float, Field(ge=0)] = 0.2

    disordered = True

    @model_validator(mode="after")
    def _check(self) -> "QuantumSun":
        if self.L <= self.N:
            raise ValueError(f"L = {self.L} leaves no outer spin: it must be larger than N = {self.N}")
        return self

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``."""
        N, outer = self.N, self.L - self.N
        A = stream.standard_normal((2**N, 2**N))
        h = stream.uniform(1 - self.w, 1 + self.w, outer)
        u = np.arange(outer) + np.where(np.arange(outer) > 0, stream.uniform(-self.zeta, self.zeta, outer), 0.0)
        partner = 1 + stream.integers(N, size=outer)
        site = [*range(N + 1, self.L), 0]  # of outer spins 1, 2, ...
        coupling = self.g0 * self.alpha**u / 4
        bonds = [(float(c), int(n), j) for c, n, j in zip(coupling, partner, site, strict=True)]
        grain = grain_strings(self.gamma / np.sqrt(2**N + 1) * (A + A.T) / np.sqrt(2))
        fields = tuple((float(h[i]) / 2, j) for i, j in enumerate(site[:-1]))
        return SpinComposite(
            system_sites=1,
            bath_sites=self.L - 1,
            system=(("z", ((float(h[-1]) / 2, 0),)),),
            bath=(*grain, ("z", fields), ("xx", tuple(bonds[:-1]))),
            interaction=(("xx", (bonds[-1],)),),
        )


def grain_strings(matrix: np.ndarray) -> tuple[Term, ...]:
    """A real symmetric matrix (2^N, 2^N) as Pauli strings on the sites 1 ... N."""
    sites = matrix.shape[0].bit_length() - 1
    n = np.arange(2**sites)
    hadamard = scipy.linalg.hadamard(2**sites)  # (-1)^(bits of n & z)
    terms = []
    for x in range(2**sites):
        traces = hadamard @ matrix[n, n ^ x] / 2**sites
        for z in range(2**sites):
            if (x & z).bit_count() % 2:
                continue  # an odd number of sigma^y: imaginary
            bits = [(x >> (sites - 1 - j) & 1, z >> (sites - 1 - j) & 1) for j in range(sites)]
            letters = "".join({(0, 0): "I", (1, 0): "x", (1, 1): "y", (0, 1): "z"}[bit] for bit in bits)
            sign = (-1) ** ((x & z).bit_count() // 2)
            terms.append((letters, ((float(sign * traces[z]), *range(1, sites + 1)),)))
    return tuple(terms)
