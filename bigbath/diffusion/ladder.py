"""Ladder of resolvents: populations and coherences of a thermometer of any size, beyond Eqs. 16, 17 (diffusion paper).

Eqs. 16, 17 take the elements of V between states (a, j) as independent. For V = sum_i S_i (x) O^i the elements of one
pair j, k of bath states share the same O^i_jk, so that whole matrices V_jk = sum_i O^i_jk S_i (D_S, D_S) must be kept:

R_j(z) = [z - h_j - H_S - V_jj - sum_k V_jk R_k(z) V_kj]^-1        (one resolvent for each bath state)
Y_j = R_j(z) [rho + sum_k V_jk Y_k V_kj] R_j(z')                   (z, z' = epsilon +- i kappa/2)

and (1/N) sum_j Y_j is the propagator applied to rho. Written for all rho it is (1 - B V)^-1 B with superoperators
B_j = R_j (x) R_j*, V_jk = V_jk (x) V_jk*. What is left out: crossed paths, and the memory of single strong elements,
which the cavity equation keeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.sparse.linalg

from bigbath.broadening import SystemStates
from bigbath.diffusion.coupling import interaction_elements
from bigbath.diffusion.propagator import CHUNK, Pair, direct_pairs, real_times_complex
from bigbath.models import Composite
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates

#: Share of the new resolvents in each iteration; relative changes below TOLERANCE end it.
MIXING, TOLERANCE, ITERATIONS = 0.6, 1e-12, 3000
#: Largest relative residual of the ladder that counts as solved.
SOLVED = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Superpropagator:
    """D[a, a', b, b'] = (1/N) Tr[|a'><a| G(epsilon + i kappa/2) |b><b'| G(epsilon - i kappa/2)] of a thermometer.

    It takes element (b, b') of the thermometer's density matrix to element (a, a'), levels in ascending energy of H_T.
    ``D``: (D_S, D_S, D_S, D_S, E, K) complex. ``residual``: (E, K) relative residual of the equations that were
    solved, 0 for exact; where they did not converge D is NaN. ``epsilon``: (E,), ``kappa``: (K,). Units as ``Propagator``.
    """

    epsilon: np.ndarray
    kappa: np.ndarray
    D: np.ndarray
    residual: np.ndarray

    @property
    def populations(self) -> np.ndarray:
        """D_ab (D_S, D_S, E, K) between populations, Eq. 7; real for real kappa."""
        D = np.einsum("aabb...->ab...", self.D)
        return D.real if np.isrealobj(self.kappa) else D

    @property
    def nu(self) -> np.ndarray:
        """nu~_a = kappa sum_b D_ab (D_S, E, K), Eq. 14."""
        return self.kappa * self.populations.sum(axis=1)


def direct_superpropagator(
    states: Eigenstates,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Superpropagator:
    """The exact propagator of populations and coherences from all eigenstates of H; cost D_S^2 times that of Eq. 7."""
    levels = system.energies.size
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    pairs = [(a, b) for a in range(levels) for b in range(levels)]
    D = direct_pairs(states, system, epsilon, kappa, pairs, report)
    shape = (levels,) * 4 + D.shape[2:]
    return Superpropagator(epsilon=epsilon, kappa=kappa, D=D.reshape(shape), residual=np.zeros(D.shape[2:]))


def ladder_propagator(
    composite: Composite,
    bath: Eigenstates,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Superpropagator:
    """The propagator of populations and coherences from H_T, H_B and V alone, Eqs. of this module.

    ``epsilon``: (E,), ``kappa``: (K,) real or complex, Re kappa > 0. All bath eigenstates must be there. Cost for each
    point about 50 to 500 times 4 D_S^4 N^2 flops; memory 24 (D_S N)^2 bytes, and up to CHUNK.
    """
    return ladder_of(
        system.energies, bath.energies, interaction_elements(composite, bath, system), epsilon, kappa, report
    )


def ladder_of(
    system: np.ndarray,
    bath: np.ndarray,
    V: np.ndarray,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Superpropagator:
    """``ladder_propagator`` of given levels ``system`` (D_S,), ``bath`` (N,) and elements ``V`` (D_S, N, D_S, N)."""
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    D_S, N = system.size, bath.size
    elements = Elements.of(system, bath, V)
    D = np.empty((D_S, D_S, D_S, D_S, epsilon.size, kappa.size), dtype=complex)
    residual = np.empty(D.shape[4:])
    for e, k in np.ndindex(*residual.shape):
        upper, change = resolvents(elements, complex(epsilon[e] + 0.5j * kappa[k]))
        lower, other = upper, change
        if np.imag(kappa[k]):
            lower, other = resolvents(elements, complex(epsilon[e] + 0.5j * kappa[k].conj()))
        lower = lower.conj().swapaxes(1, 2)
        worst = max(change, other)
        for b, c in np.ndindex(D_S, D_S):
            if np.isrealobj(kappa) and b > c:  # rho and its adjoint
                D[:, :, b, c, e, k] = D[:, :, c, b, e, k].conj().T
                continue
            rho = np.zeros((D_S, D_S))
            rho[b, c] = 1
            Y, error = _spread(elements, upper, lower, rho)
            worst = max(worst, error)
            D[:, :, b, c, e, k] = Y.sum(axis=0) / N
        residual[e, k] = worst
        if worst > SOLVED:
            D[..., e, k] = np.nan
        report("ladder", e * kappa.size + k + 1, residual.size)
    return Superpropagator(epsilon=epsilon, kappa=kappa, D=D, residual=residual)


@dataclass(frozen=True, kw_only=True, eq=False)
class Elements:
    """``local``: (N, D_S, D_S), h_j + H_S + V_jj. ``blocks``: (a, b) -> <a j|V|b k> (N, N) for j != k, where not all zero.

    ``products``: their products of pairs (a, b), (d, c), <a j|V|b k> <c k|V|d j>, or None where they take too much memory.
    """

    local: np.ndarray
    blocks: dict[Pair, np.ndarray]
    products: dict[tuple[Pair, Pair], np.ndarray] | None

    @classmethod
    def of(cls, system: np.ndarray, bath: np.ndarray, V: np.ndarray) -> "Elements":
        """From levels ``system`` (D_S,), ``bath`` (N,) and ``V`` (D_S, N, D_S, N)."""
        same = np.arange(bath.size)
        local = V[:, same, :, same] + np.diag(system) + bath[:, None, None] * np.eye(system.size)
        V = V.copy()
        V[:, same, :, same] = 0
        levels = range(system.size)
        blocks = {(a, b): V[a, :, b, :] for a in levels for b in levels if V[a, :, b, :].any()}
        products = None
        if len(blocks) ** 2 * bath.size**2 * V.itemsize <= CHUNK:
            products = {(x, y): blocks[x] * blocks[y].conj() for x in blocks for y in blocks}
        return cls(local=local, blocks=blocks, products=products)

    def dress(self, X: np.ndarray) -> np.ndarray:
        """sum_k V_jk X_k V_kj (N, D_S, D_S) of matrices X (N, D_S, D_S); 4 D_S^4 N^2 flops, fewer where V has zeros."""
        result = np.zeros(X.shape, dtype=complex)
        for x, y in product(self.blocks, self.blocks):
            W = self.blocks[x] * self.blocks[y].conj() if self.products is None else self.products[x, y]
            result[:, x[0], y[0]] += real_times_complex(W, X[:, x[1], y[1], None])[:, 0]
        return result


def resolvents(elements: Elements, z: complex) -> tuple[np.ndarray, float]:
    """R_j(z) (N, D_S, D_S) of every bath state for Im z > 0, and the last relative change of the iteration.

    Their cross terms are those of Eqs. 19-21 of the entropy paper.
    """
    bare = z * np.eye(elements.local.shape[1]) - elements.local
    R, change = np.linalg.inv(bare), np.inf
    for _ in range(ITERATIONS):
        new = np.linalg.inv(bare - elements.dress(R))
        change = float(np.abs(new - R).max() / np.abs(new).max())
        R = new if change < TOLERANCE else MIXING * new + (1 - MIXING) * R
        if change < TOLERANCE:
            break
    return R, change


def _spread(elements: Elements, upper: np.ndarray, lower: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, float]:
    """Y_j (N, D_S, D_S) for the initial ``rho`` (D_S, D_S), and its relative residual."""

    def step(y: np.ndarray) -> np.ndarray:
        Y = y.reshape(upper.shape)
        return (Y - upper @ elements.dress(Y) @ lower).ravel()

    source = (upper @ rho @ lower).ravel()
    operator = scipy.sparse.linalg.LinearOperator((source.size, source.size), matvec=step, dtype=complex)
    y, _ = scipy.sparse.linalg.gmres(operator, source, rtol=TOLERANCE, atol=0.0, restart=60, maxiter=10)
    return y.reshape(upper.shape), float(np.linalg.norm(step(y) - source) / np.linalg.norm(source))
