"""|V|^2 between energy shells of the bath from stochastic traces: no eigenstates (entropy paper, Eqs. 13, 27-30).

For shells M, M' of the bath as smooth windows g_M(H_B), and V = sum_a S_a (x) B_a, the mean over the levels mu of M of
sum_(nu in M') B_a,mu,nu B_b,mu,nu* is Tr[g_M B_a g_M' B_b^+]/Tr g_M. A random vector r gives all of them from the vectors
g_M r and g_M' B_b^+ r, hence two recurrences over H_B for one product. The closed equations 27-30 with these in the
place of single elements treat the states of a shell alike: right when shells are narrow beside the widths chi.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import SystemStates, system_states
from bigbath.broadening.interaction import Strength, shortest_sum
from bigbath.models import Composite
from bigbath.operators import build
from bigbath.resources import require_memory
from bigbath.spectral.chebyshev import Scaled, applied, coefficients, quadrature, scaled_operator, smeared_shells

#: Standard deviation of the edges of a shell, in units of its width.
SMEAR = 0.4


@dataclass(frozen=True, kw_only=True, eq=False)
class BathShells:
    """The bath of a composite, V's products and windows of ``width`` on the bath; for any number of random vectors.

    ``system_terms``: (A, D_S, D_S) S_a in the eigenbasis of H_S; ``bath_terms``: the B_a. ``edges``: (M + 1,). The windows,
    with edges smeared by ``SMEAR`` widths, add up to 1. Energies in units of the coupling.

    >>> import bigbath as bb
    >>> from bigbath.spectral.strength import BathShells
    >>> BathShells.of(bb.draw(bb.Ring(N=7)), width=1.0).system_terms.shape
    (1, 2, 2)
    """

    bath: Scaled
    system: SystemStates
    system_terms: np.ndarray
    bath_terms: tuple[sp.csr_array, ...]
    edges: np.ndarray

    @classmethod
    def of(cls, composite: Composite, *, width: float) -> "BathShells":
        """Shells that hold the whole spectrum of the bath and what their smeared edges reach."""
        bath, system = scaled_operator(composite, "B"), system_states(composite)
        lowest, highest = bath.extremes
        beyond = int(np.ceil(6 * SMEAR)) * width
        count = int(np.ceil((highest - lowest + 2 * beyond) / width))
        terms, operators = shortest_sum(build(composite, "V"), system)
        return cls(
            bath=bath, system=system, system_terms=terms, bath_terms=operators,
            edges=lowest - beyond + width * np.arange(count + 1),
        )  # fmt: skip

    @property
    def sigma(self) -> float:
        """Standard deviation of the smeared edges."""
        return SMEAR * float(self.edges[1] - self.edges[0])

    def traces(self, stream: np.random.Generator) -> "ShellTraces":
        """One random vector, components +-1. Cost: 2 + A recurrences over H_B of 6 a/sigma products, a its half-width."""
        return self.traces_of(stream.choice((-1.0, 1.0), size=self.bath.operator.dim))

    def traces_of(self, r: np.ndarray) -> "ShellTraces":
        """The same of a given vector (D_B,)."""
        count, item = self.edges.size - 1, self.bath.operator.dtype.itemsize
        require_memory(
            (2 + len(self.bath_terms)) * item * count * r.size, "windows on a random vector", "Use wider shells."
        )
        points = quadrature(self.bath.scale, self.bath.degree(self.sigma))
        windows = smeared_shells(points, self.edges, self.sigma)
        near = applied(self.bath, coefficients(windows), r)
        moved = applied(self.bath, coefficients(points[None]), r)[0]  # H_B r
        far = [applied(self.bath, coefficients(windows), b.conj().T @ r) for b in self.bath_terms]
        return ShellTraces(
            count=(near.conj() @ r).real, energy=(near.conj() @ moved).real, both=(near.conj() @ near.T).real,
            diagonal=np.array([near.conj() @ (b @ r) for b in self.bath_terms]),
            elements=np.array([[near.conj() @ (b @ w.T) for w in far] for b in self.bath_terms]),
        )  # fmt: skip

    def strength(self, traces: Sequence["ShellTraces"]) -> "ShellStrength":
        """Means over random vectors. Shells with less than half a level are left out."""
        mean = {name: np.mean([getattr(t, name) for t in traces], axis=0) for name in ShellTraces.__annotations__}
        some = mean["count"] > 0.5
        count, both = mean["count"][some], mean["both"][np.ix_(some, some)]
        b = mean["diagonal"][:, some] / count
        elements = mean["elements"][:, :, some][..., some]
        elements = elements - np.einsum("am,bn,mn->abmn", b, b.conj(), both)  # without V_mu,mu
        S = self.system_terms
        d, m = S.shape[1], count.size
        sums = np.einsum("aij,bij,abmn->ijmn", S, S.conj(), elements).real
        sums = np.maximum(sums + sums.transpose(1, 0, 3, 2), 0.0) / 2  # V is Hermitian
        W = sums / count[:, None]
        diagonal = np.einsum("aii,am->mi", S, b).real
        for i in range(d):
            W[i, i, np.arange(m), np.arange(m)] += diagonal[:, i] ** 2  # which ``Strength.sums`` takes off again
        rows = np.arange(m)
        real = not any(np.iscomplexobj(x) for x in (S, *self.bath_terms)) and self.bath.operator.dtype.kind == "f"
        v = Strength(
            weights=np.eye(d * d).reshape(d * d, d, d), blocks=((rows, rows, W.reshape(d * d, m, m)),), diagonal=diagonal, real=real
        )  # fmt: skip
        energy = mean["energy"][some] / count
        return ShellStrength(strength=v, count=count, energy=energy, bare=energy[:, None] + self.system.energies)


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellTraces:
    """From one random vector r with E|r><r| = 1. ``count``, ``energy``: (M,) Tr g_M, Tr[H_B g_M]. ``both``: (M, M) Tr[g_M g_M'].

    ``diagonal``: (A, M) Tr[g_M B_a]. ``elements``: (A, A, M, M) Tr[g_M B_a g_M' B_b^+].
    """

    count: np.ndarray
    energy: np.ndarray
    both: np.ndarray
    diagonal: np.ndarray
    elements: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellStrength:
    """``strength`` between shells, for ``solve_spectra``: its "bath states" are the shells, rows means over a shell's levels.

    ``count``: (M,) levels of each; ``energy``: (M,) their mean; ``bare``: (M, D_S) with the system's E_i.
    """

    strength: Strength
    count: np.ndarray
    energy: np.ndarray
    bare: np.ndarray
