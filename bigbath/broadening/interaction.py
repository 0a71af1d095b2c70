"""The interaction V in the eigenbasis of H_0 = H_S + H_B (entropy paper, Eqs. 13, 42, Fig. 2)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from bigbath.broadening.distribution import SystemStates, positions
from bigbath.broadening.shells import Shells
from bigbath.errors import ImpossibleRequest
from bigbath.kernels import csr_times_columns
from bigbath.operators import Hamiltonian
from bigbath.resources import require_memory
from bigbath.solvers import Eigenstates
from bigbath.spaces import Sector

#: Matrix elements held at a time while rows are formed, bytes.
CHUNK = 2**27


@dataclass(frozen=True, kw_only=True, eq=False)
class Interaction:
    """V = sum_a S_a (x) B_a with as few terms as possible, and the eigenstates of H_S and H_B.

    ``system``: (A, D_S, D_S) the S_a in the eigenbasis of H_S. ``bath_operators``: A sparse matrices B_a (D_B, D_B) in
    the bath's product basis. ``bath``: the whole spectrum of H_B. Bath states are numbered in ascending energy.
    """

    system: np.ndarray
    bath_operators: tuple[sp.csr_array, ...]
    bath: Eigenstates

    @property
    def rank(self) -> int:
        """Number A of terms."""
        return self.system.shape[0]

    def blocks(self, chosen: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Rows mu (m,), columns nu (n,) and elements <phi_mu|B_a|phi_nu> (A, m, n), sector pair by sector pair.

        Pairs that no B_a couples are left out: their elements vanish. ``chosen``: (m,) which mu; None: all, a few
        rows at a time. Cost: 2 A m d flops a column for sectors of dimension d.
        """
        number = positions(self.bath)
        smallest = 1e-14 * max((float(np.abs(b.data).max(initial=0.0)) for b in self.bath_operators), default=0.0)
        for left in self.bath.blocks:
            rows = number[id(left)]
            for right in self.bath.blocks:
                columns = number[id(right)]
                wanted = np.arange(rows.size) if chosen is None else np.flatnonzero(np.isin(rows, chosen))
                restricted = [_between(left.sector, b, right.sector, smallest) for b in self.bath_operators]
                if not wanted.size or not any(r.nnz for r in restricted):
                    continue
                images = [csr_times_columns(r, right.vectors) for r in restricted]
                step = max(1, CHUNK // (8 * self.rank * columns.size))
                for start in range(0, wanted.size, step):
                    part = wanted[start : start + step]
                    bras = left.vectors[:, part].conj().T
                    yield rows[part], columns, np.stack([bras @ image for image in images])

    def elements(self, chosen: np.ndarray) -> np.ndarray:
        """V_{mu i,nu j} (m, D_S, M, D_S) for the bath states ``chosen`` (m,) and all M bath states nu."""
        place = {int(mu): row for row, mu in enumerate(chosen)}
        shape = (len(place), self.system.shape[1], self.bath.energies.size, self.system.shape[1])
        result = np.zeros(shape, dtype=np.result_type(self.system, self.bath.blocks[0].vectors, *self.bath_operators))
        for rows, columns, elements in self.blocks(np.asarray(chosen)):
            at = np.array([place[int(mu)] for mu in rows])
            result[at[:, None], :, columns[None, :], :] = np.einsum("aij,amn->mnij", self.system, elements)
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Strength:
    """|V_{mu i,nu j}|^2 = sum_k weights[k, i, j] W_k[mu, nu], and the diagonal V_{mu i,mu i}.

    ``weights``: (K, D_S, D_S). ``blocks``: (rows (m,), columns (n,), W (K, m, n)); elements outside all blocks vanish.
    ``diagonal``: (M, D_S) V_{mu i} = V_{mu i,mu i}. K = 1 when V is one product S (x) B. ``real``: whether V and the states
    of H_0 are real, hence H.
    """

    weights: np.ndarray
    blocks: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    diagonal: np.ndarray
    real: bool

    def sums(self, values: np.ndarray, *, own: bool = False) -> np.ndarray:
        """sum_{nu j} |V_{mu i,nu j}|^2 values[nu, j, ...] as (M, D_S, ...); nu j = mu i is left out unless ``own``."""
        trailing = values.shape[2:]
        flat = values.reshape(*values.shape[:2], -1)
        result = np.zeros_like(flat, dtype=float)
        for rows, columns, w in self.blocks:
            for k, weights in enumerate(self.weights):
                for j in range(flat.shape[1]):
                    if weights[:, j].any():
                        product = w[k] @ flat[columns, j]
                        for i in np.flatnonzero(weights[:, j]):
                            result[rows, i] += weights[i, j] * product
        if not own:
            result -= np.abs(self.diagonal[..., None]) ** 2 * flat
        return result.reshape(*values.shape[:2], *trailing)


def interaction(v: Hamiltonian, bath: Eigenstates, system: SystemStates) -> Interaction:
    """V as the shortest sum of products (operator Schmidt decomposition), with the bath's whole spectrum.

    ``v``: part "V" of a composite. ImpossibleRequest when ``bath`` is not the whole spectrum.
    """
    d_bath = v.dims[1]
    if bath.energies.size != d_bath:
        raise ImpossibleRequest(
            f'the interaction needs all {d_bath:,} bath states, not {bath.energies.size:,}. Set bath.window = "whole".'
        )
    rotated, operators = shortest_sum(v, system)
    return Interaction(system=rotated, bath_operators=operators, bath=bath)


def shortest_sum(v: Hamiltonian, system: SystemStates) -> tuple[np.ndarray, tuple[sp.csr_array, ...]]:
    """V = sum_a S_a (x) B_a with as few terms as possible: S_a (A, D_S, D_S) in the eigenbasis of H_S, and the B_a (D_B, D_B)."""
    d_system, d_bath = v.dims
    entries = sp.coo_array(v.matrix)
    row, column = (index.astype(np.int64) for index in entries.coords)
    pair = (row // d_bath) * d_system + column // d_bath
    inner = (row % d_bath) * d_bath + column % d_bath
    inner, place = np.unique(inner, return_inverse=True)
    table = sp.csr_array((entries.data, (pair, place)), shape=(d_system**2, inner.size))
    gram = (table @ table.conj().T).toarray()
    size, left = np.linalg.eigh(gram)
    keep = size > 1e-24 * float(size.max(initial=0.0))
    left = left[:, keep]
    rights = left.conj().T @ table
    operators = tuple(_square(np.asarray(r).ravel(), inner, d_bath) for r in rights)
    vectors = system.vectors
    matrices = left.T.reshape(-1, d_system, d_system)
    return np.einsum("pi,apq,qj->aij", vectors.conj(), matrices, vectors), operators


def strength(v: Interaction) -> Strength:
    """Every |V_{mu i,nu j}|^2, kept: 8 K bytes for each pair of bath states that V couples."""
    d_system = v.system.shape[1]
    factored = v.rank == 1
    pairs = d_system**2
    weights = np.abs(v.system) ** 2 if factored else np.eye(pairs).reshape(pairs, d_system, d_system)
    m = v.bath.energies.size
    require_memory(
        8 * weights.shape[0] * sum(b.energies.size**2 for b in v.bath.blocks),
        "|V|^2 of all pairs of bath states",
        "Use fewer spins.",
    )
    diagonal = np.zeros((m, d_system))
    blocks = []
    for rows, columns, elements in v.blocks():
        if factored:
            w = np.abs(elements) ** 2
        else:
            w = np.abs(np.einsum("aij,amn->ijmn", v.system, elements).reshape(pairs, rows.size, columns.size)) ** 2
        blocks.append((rows, columns, w))
        mu, nu = np.nonzero(rows[:, None] == columns[None, :])
        diagonal[rows[mu]] += np.einsum("aii,am->mi", v.system, elements[:, mu, nu]).real
    real = not any(np.iscomplexobj(x) for x in (v.system, *v.bath_operators, *(b.vectors for b in v.bath.blocks)))
    return Strength(weights=weights, blocks=tuple(blocks), diagonal=diagonal, real=real)


def channel_sums(v: Strength) -> np.ndarray:
    """V_{mu i,j} = sum_nu |V_{mu i,nu j}|^2 (M, D_S, D_S), Eq. 42."""
    m, d_system = v.diagonal.shape
    return v.sums(np.broadcast_to(np.eye(d_system), (m, d_system, d_system)), own=True)


def shell_strength(v: Strength, bath_energies: np.ndarray, shells: Shells) -> np.ndarray:
    """F^2_{i,j}(eps_mu, M) = sum_{nu in M} |V_{mu i,nu j}|^2 (M, D_S, D_S, S) over the bath's shells, Fig. 2."""
    m, d_system = v.diagonal.shape
    inside = np.zeros((m, d_system, d_system, shells.count.size))
    index = shells.index(bath_energies)
    for j in range(d_system):
        inside[np.arange(m), j, j, index] = 1.0
    return v.sums(inside, own=True)


@dataclass(frozen=True, kw_only=True)
class SquareWave:
    """Fit F^2(x) = amplitude {tanh[slope (x + lower)] + tanh[slope (upper - x)]} of Fig. 2; energies in units of the coupling."""

    amplitude: float
    slope: float
    lower: float
    upper: float
    errors: tuple[float, float, float, float]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The profile at energies ``x``."""
        return _square_wave(np.asarray(x), self.amplitude, self.slope, self.lower, self.upper)


def fit_square_wave(energy: np.ndarray, strengths: np.ndarray) -> SquareWave:
    """Least-squares square wave through F^2 (S,) at the shells' mean energies (S,), all filled shells counting alike."""
    filled = np.isfinite(energy)
    x, y = energy[filled], strengths[filled]
    above = x[y > y.max() / 2]
    steepest = 1 / np.diff(np.sort(x)).mean() if x.size > 1 else 1.0  # an edge one shell wide
    start = (y.max() / 2, 0.5 * steepest, -above.min(), above.max())
    best, covariance = scipy.optimize.curve_fit(_square_wave, x, y, p0=start, maxfev=10_000)
    errors = tuple(float(e) for e in np.sqrt(np.diag(covariance)))
    amplitude, slope, lower, upper = (float(b) for b in best)
    return SquareWave(amplitude=amplitude, slope=slope, lower=lower, upper=upper, errors=errors)  # type: ignore[arg-type]


def _square_wave(x: np.ndarray, amplitude: float, slope: float, lower: float, upper: float) -> np.ndarray:
    return amplitude * (np.tanh(slope * (x + lower)) + np.tanh(slope * (upper - x)))


def _between(left: Sector, operator: sp.csr_array, right: Sector, smallest: float) -> sp.csr_array:
    """<left|operator|right> without elements below ``smallest``, which are rounding."""
    result = sp.csr_array(left.between(operator, right))
    result.data[np.abs(result.data) < smallest] = 0
    result.eliminate_zeros()
    return result


def _square(row: np.ndarray, inner: np.ndarray, d_bath: int) -> sp.csr_array:
    return sp.csr_array((row, (inner // d_bath, inner % d_bath)), shape=(d_bath, d_bath))
