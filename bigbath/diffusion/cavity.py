"""Cavity equation (diffusion paper, Eq. 8) on a given matrix, and the propagator with the memory of single bonds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import SystemStates
from bigbath.diffusion.coupling import interaction_strength
from bigbath.kernels.cavity import cavity_sweep, memory_sweep
from bigbath.models import Composite, MatrixComposite
from bigbath.operators import build
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates


@dataclass(frozen=True, kw_only=True, eq=False)
class CavitySolution:
    """G_jj(z) of n states at Z arguments, (n, Z), with the evidence of each fixed point (Z,).

    ``residual``: largest relative mismatch of a cavity Green function with Eq. 8; ``converged``: bool.
    """

    G: np.ndarray
    iterations: np.ndarray
    residual: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class BondMemory:
    """Y_j of n states at Z arguments, (n, Z), beside the cavity ``green`` functions it is made of.

    Y_j = sum_k |G_jk|^2 source_k, exactly where the graph of V is a tree. ``residual``: (Z,) largest change of a message
    in the last iteration over the largest message; ``converged``: bool (Z,), of both.
    """

    green: CavitySolution
    Y: np.ndarray
    residual: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Bonds:
    """Bonds |V_jk|^2 of a matrix: ``edges`` (n, n) carry messages, ``weak`` (n, n) or None do not.

    ``reverse``: (m,) edge (l, k) of each edge (k, l).
    """

    edges: sp.csr_array
    weak: sp.csr_array | np.ndarray | None
    reverse: np.ndarray

    @classmethod
    def of(cls, strength: sp.csr_array | np.ndarray, weakest: float) -> "Bonds":
        """From ``strength`` (n, n), symmetric, its diagonal ignored; bonds below ``weakest`` carry no messages."""
        everything = sp.csr_array(strength).astype(float)
        everything.setdiag(0)
        everything.eliminate_zeros()
        everything.sort_indices()
        edges, weak = everything, None
        if weakest > 0:
            weak = everything.copy()
            weak.data[weak.data >= weakest] = 0
            edges = everything - weak
            edges.eliminate_zeros()
            edges.sort_indices()
            weak.eliminate_zeros()
        number = sp.csr_array((np.arange(edges.nnz, dtype=float), edges.indices, edges.indptr), shape=edges.shape)
        return cls(edges=edges, weak=weak, reverse=sp.csr_array(number.T).data.astype(np.int64))

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``indptr``, ``reverse``, ``weight`` of the kernels."""
        return self.edges.indptr, self.reverse, self.edges.data

    def from_weak(self, values: np.ndarray) -> np.ndarray:
        """sum over weak bonds of |V_jk|^2 values_k (n,)."""
        return np.zeros_like(values) if self.weak is None else self.weak @ values


def cavity(
    levels: np.ndarray,
    strength: sp.csr_array | np.ndarray,
    z: Sequence[complex] | np.ndarray,
    *,
    damping: float = 0.3,
    tolerance: float = 1e-8,
    iterations: int = 2000,
    weakest: float = 0.0,
    report: Report = silent,
) -> CavitySolution:
    """Fixed point of Eq. 8 over all edges of a matrix, exact when its graph is a tree.

    ``levels``: (n,) diagonal E_j; ``strength``: (n, n) |V_jk|^2, symmetric, sparse or dense, its diagonal ignored;
    ``z``: (Z,) off the real axis. Messages are mixed with the share ``damping`` of the old ones. Each argument starts
    from the solution at the one before. Bonds below ``weakest`` take part with G_kk instead of G_kk^(j), an error of
    the order sum of |V_jk|^4 over them. Cost: O(nonzeros) an iteration, 24 to 48 bytes a nonzero.
    """
    bonds, levels = Bonds.of(strength, weakest), np.ascontiguousarray(levels, dtype=float)
    z = np.atleast_1d(np.asarray(z, dtype=complex))
    return _joined(list(_messages(bonds, levels, z, damping, tolerance, iterations, report)), tolerance)


def bond_memory(
    levels: np.ndarray,
    strength: sp.csr_array | np.ndarray,
    z: Sequence[complex] | np.ndarray,
    source: np.ndarray,
    *,
    damping: float = 0.3,
    tolerance: float = 1e-8,
    iterations: int = 2000,
    weakest: float = 0.0,
    report: Report = silent,
) -> BondMemory:
    """Y_j = B_j [source_j + sum_k |V_jk|^2 Y_k^(j)], with Y_k^(j) and B_k^(j) = |G_kk^(j)|^2 where j is removed.

    Beyond Eqs. 13-16, which replace B_k^(j) by its mean: a strong bond is crossed back and forth. ``source``: (n,). With
    source_j = t_a, +1 and -1 in the two levels of a thermometer, A = (1/N) sum_j t_a Y_j. Other arguments as for
    ``cavity``.
    """
    bonds, levels = Bonds.of(strength, weakest), np.ascontiguousarray(levels, dtype=float)
    z, source = np.atleast_1d(np.asarray(z, dtype=complex)), np.asarray(source, dtype=float)
    found: list[_Point] = []
    Y: list[np.ndarray] = []
    residual: list[float] = []
    for point in _messages(bonds, levels, z, damping, tolerance, iterations, report):
        found.append(point)
        values, error = _memory(bonds, point, source, 2 * z[len(Y)].imag, tolerance, iterations)
        Y.append(values)
        residual.append(error)
    green = _joined(found, tolerance)
    errors = np.array(residual)
    return BondMemory(green=green, Y=np.array(Y).T, residual=errors, converged=green.converged & (errors < tolerance))


def _memory(
    bonds: Bonds, point: "_Point", source: np.ndarray, kappa: float, tolerance: float, iterations: int
) -> tuple[np.ndarray, float]:
    """Y_j (n,) at one argument, and the last change over the largest Y.

    Probability is conserved: a source of 1 gives Y_j = nu~_j/kappa, and kappa sum_j Y_j = sum_j nu~_j source_j for any. That
    part of the source is taken out, and sum_j Y_j of the rest kept at 0; otherwise the iteration would be as slow as 1/kappa.
    """
    B, site_B = np.abs(point.messages) ** 2, np.abs(point.sites) ** 2
    message_nu, nu = -2 * point.messages.imag, -2 * point.sites.imag
    common = source @ nu / nu.sum()
    conserved, rest = common * nu / kappa, source - common
    old, sites = np.zeros_like(B), np.zeros_like(site_B)
    new, error = np.empty_like(old), np.inf
    for _ in range(iterations):
        before = sites.copy()
        arriving = rest + bonds.from_weak(before)
        change = memory_sweep(*bonds.pattern, B, site_B, arriving, 0.5, old, new, sites)
        old, new = new, old
        change = max(change, float(np.abs(sites - before).max()))
        sites[:] = 0.5 * (sites + before)
        excess = sites.sum() / nu.sum()
        sites -= excess * nu
        old -= excess * message_nu
        error = change / np.abs(sites + conserved).max()
        if error < tolerance:
            break
    return sites + conserved, error


@dataclass(frozen=True, kw_only=True, eq=False)
class _Point:
    """Solution at one argument: ``sites`` (n,), ``messages`` (m,), and its evidence."""

    sites: np.ndarray
    messages: np.ndarray
    iterations: int
    residual: float


def _joined(points: Sequence[_Point], tolerance: float) -> CavitySolution:
    residual = np.array([p.residual for p in points])
    return CavitySolution(
        G=np.array([p.sites for p in points]).T, iterations=np.array([p.iterations for p in points]),
        residual=residual, converged=residual <= tolerance,
    )  # fmt: skip


def _messages(
    bonds: Bonds, levels: np.ndarray, z: np.ndarray, damping: float, tolerance: float, iterations: int, report: Report
) -> Iterator[_Point]:
    """The fixed point at each argument; the arrays of a point are overwritten by the next one's iteration."""
    old = 1 / (z[0] - levels[bonds.edges.indices])
    new, sites = np.empty_like(old), 1 / (z[0] - levels)
    for i, argument in enumerate(z):
        taken, residual = 0, np.inf
        while taken < iterations and residual > tolerance:
            before = sites.copy()
            rest = bonds.from_weak(before)
            residual = cavity_sweep(*bonds.pattern, argument - levels, rest, damping, old, new, sites)
            old, new = new, old
            if bonds.weak is not None:
                residual = max(residual, float((np.abs(sites - before) / np.abs(sites)).max()))
                sites[:] = (1 - damping) * sites + damping * before
            taken += 1
        yield _Point(sites=sites.copy(), messages=old, iterations=taken, residual=residual)
        report("cavity equation", i + 1, z.size)


def cavity_matrix(composite: Composite, bath: Eigenstates, system: SystemStates) -> tuple[np.ndarray, np.ndarray]:
    """``levels`` (n,) and ``strength`` (n, n) for ``cavity``, in the eigenbasis of H_T + H_B, n = D_S N.

    V's diagonal elements there belong to the levels.
    """
    strength = interaction_strength(composite, bath, system)
    V = sp.csr_array(build(composite, "V").matrix)
    basis = bath.vectors()
    N = bath.energies.size
    levels = (system.energies[:, None] + bath.energies).ravel()
    for a in range(system.energies.size):
        bra = sp.kron(sp.csr_array(system.vectors[:, a].conj()[None, :]), sp.eye_array(N), format="csr")
        block = bra @ V @ bra.conj().T
        levels[a * N : (a + 1) * N] += np.einsum("jk,jk->k", basis.conj(), block @ basis).real
    return levels, strength.reshape(levels.size, levels.size)


def levy_cavity_matrix(composite: MatrixComposite) -> tuple[np.ndarray, sp.csr_array]:
    """``levels`` and sparse ``strength`` of a Levy composite, whose product basis is the eigenbasis of H_T + H_B."""
    bath = composite.bath.diagonal()
    V = composite.interaction[0][1]
    levels = (np.diag(composite.system)[:, None] + bath).ravel()
    return levels, sp.block_array([[None, V**2], [V**2, None]], format="csr")


def golden_rule(strength: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """Gamma_j = sum_k |V_jk|^2 nu~_k (n,) for couplings of finite variance and given nu~_k (n,); Eqs. 11, 30."""
    return strength @ nu
