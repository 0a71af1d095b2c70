"""Propagator between the levels of the thermometer, from the eigenstates of H (diffusion paper, Eqs. 7, 22)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.compact import Compact
from bigbath.errors import ImpossibleRequest
from bigbath.kernels import csr_times_columns
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates
from bigbath.solvers.eigenstates import Block
from bigbath.spaces import contraction

#: A function of energies (k,) with values (k, Z).
OfEnergy = Callable[[np.ndarray], np.ndarray]
#: Levels (a, a') of the thermometer, for the operator |a><a'|.
Pair = tuple[int, int]
#: Matrix elements held at a time, bytes.
CHUNK = 2**28


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Propagator(Compact):
    """D_ab(epsilon, kappa) between thermometer levels a, b, which are in ascending energy of H_T.

    ``epsilon``: (E,), ``kappa``: (K,) real, or complex with Re kappa > 0. ``D``: (D_S, D_S, E, K), carrying the 1/N of
    Eq. 7. ``nu``: (D_S, E, K), nu~_a = 2 pi times the local density of states (Eqs. 11, 14). Real for real kappa.
    Energies in units of the coupling, D in their inverse square.
    """

    epsilon: np.ndarray
    kappa: np.ndarray
    D: np.ndarray
    nu: np.ndarray


def autocorrelation(D: np.ndarray, values: Sequence[float] = (1.0, -1.0)) -> np.ndarray:
    """sum_ab t_a D_ab t_b (...) for D (D_S, D_S, ...): the Laplace transform of <t(t) t>, Eq. 22 with t = (1, -1)."""
    t = np.asarray(values)
    return np.einsum("a,ab...,b->...", t, D, t)


def disconnected(nu: np.ndarray, kappa: np.ndarray, values: Sequence[float] = (1.0, -1.0)) -> np.ndarray:
    """(sum_a t_a nu~_a)^2 / (kappa sum_a nu~_a) (...) for nu~ (D_S, ...): the pole of A at kappa = 0.

    It is what Eq. 22 tends to when the thermometer forgets its initial level, the Laplace transform of <t>^2. The paper
    takes models where it is zero by parity; for others A minus it is the connected part.
    """
    t = np.asarray(values)
    return np.einsum("a,a...->...", t, nu) ** 2 / (kappa * nu.sum(axis=0))


def direct_propagator(
    states: Eigenstates,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Propagator:
    """D_ab and nu~_a on a whole grid from one diagonalisation, Eq. 7.

    D_ab = (1/N) sum_mn O_a[m,n]* O_b[m,n] / ((epsilon + i kappa/2 - E_m)(epsilon - i kappa/2 - E_n)) with
    O_a[m,n] = <m|P_a|n>, all eigenstates of H. Cost for k states: D_S matrix products of 2 k^2 N flops for O, then
    2 k^2 E K D_S (D_S + 1) for the grid; nothing larger than CHUNK beyond the eigenvectors' own components is held.
    Pairs of sectors that no projector connects cost nothing. IncompleteWindow unless every state is there.
    """
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    upper, lower = grid(epsilon, kappa)
    D = direct_pairs(states, system, epsilon, kappa, projectors(system), report)
    diagonal = level_weights(states, system)
    nu = sum(1j * (w @ (resolvent(E, upper) - resolvent(E, lower))) for E, w in diagonal)
    nu = nu.reshape(-1, epsilon.size, kappa.size) / (states.energies.size // system.energies.size)
    if np.isrealobj(kappa):
        D, nu = D.real, nu.real
    return Propagator(epsilon=epsilon, kappa=kappa, D=D, nu=nu)


def projectors(system: SystemStates) -> list[Pair]:
    """The pairs (a, a), whose operators |a><a| are the projectors P_a."""
    return [(a, a) for a in range(system.energies.size)]


def direct_pairs(
    states: Eigenstates,
    system: SystemStates,
    epsilon: np.ndarray,
    kappa: np.ndarray,
    pairs: Sequence[Pair],
    report: Report = silent,
) -> np.ndarray:
    """(1/N) Tr[|a'><a| G(epsilon + i kappa/2) |b><b'| G(epsilon - i kappa/2)] of ``pairs`` (a, a') and (b, b').

    Complex (P, P, E, K) for ``epsilon`` (E,) and ``kappa`` (K,); Eq. 7 for the pairs (a, a).
    """
    upper, lower = grid(epsilon, kappa)
    D = pair_sum(states, system, lambda E: resolvent(E, upper), lambda E: resolvent(E, lower), pairs, report)
    return D.reshape(*D.shape[:2], epsilon.size, kappa.size) / (states.energies.size // system.energies.size)


def pair_sum(
    states: Eigenstates,
    system: SystemStates,
    left: OfEnergy,
    right: OfEnergy,
    pairs: Sequence[Pair],
    report: Report = silent,
) -> np.ndarray:
    """sum_mn left(E_m) <n|a'><a|m> <m|b><b'|n> right(E_n) as complex (P, P, Z), over all pairs of eigenstates of H.

    ``left``, ``right``: energies (k,) -> complex (k, Z). ``pairs``: P of the thermometer's levels, (a, a') and (b, b').
    """
    result: np.ndarray | float = 0.0
    for E_m, E_n, O in operator_elements(states, system, pairs, report):  # noqa: E741 - the paper's letter
        result = result + _contract(O, left(E_m), right(E_n))
    return np.asarray(result)


def operator_elements(
    states: Eigenstates, system: SystemStates, pairs: Sequence[Pair], report: Report = silent
) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
    """E_m (m,), E_n (n,) and <m|a><a'|n> (m, n) for each of ``pairs``, piece by piece over all pairs of eigenstates.

    Pieces where all elements are zero by symmetry are left out. IncompleteWindow unless every state is there.
    """
    require_whole(states)
    components = [_components(block, states, system) for block in states.blocks]
    work, done = float(states.energies.size) ** 2, 0.0
    for row_block, rows in zip(states.blocks, components, strict=True):
        for column_block, columns in zip(states.blocks, components, strict=True):
            common = [np.intersect1d(rows[a][0], columns[b][0], return_indices=True)[1:] for a, b in pairs]
            if any(r.size for r, _ in common):
                picked = [(rows[a][1][r], columns[b][1][c]) for (a, b), (r, c) in zip(pairs, common, strict=True)]
                width = column_block.energies.size
                step = max(1, CHUNK // (picked[0][0].itemsize * (len(pairs) + 1) * width))
                for start in range(0, row_block.energies.size, step):
                    part = slice(start, start + step)
                    elements = [bra[:, part].conj().T @ ket for bra, ket in picked]
                    yield row_block.energies[part], column_block.energies, elements
            done += row_block.energies.size * column_block.energies.size
            report("pairs of eigenstates", done, work)


def level_weights(states: Eigenstates, system: SystemStates) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each block its energies (k,) and <m|P_a|m> (D_S, k)."""
    require_whole(states)
    return [
        (block.energies, np.array([_norms(c) for _, c in _components(block, states, system)]))
        for block in states.blocks
    ]


def require_whole(states: Eigenstates) -> None:
    """IncompleteWindow unless ``states`` are certified, ImpossibleRequest unless they are the whole space."""
    states.require_complete()
    first = states.blocks[0].sector
    dim = first.whole
    if states.energies.size != dim:
        raise ImpossibleRequest(
            f'Green functions need all {dim:,} states, not {states.energies.size:,}: set window = "whole", no sector'
        )


def grid(epsilon: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arguments epsilon + i kappa/2 and epsilon - i kappa/2 on the grid, each (E K,)."""
    half = 0.5j * kappa[None, :]
    return (epsilon[:, None] + half).ravel(), (epsilon[:, None] - half).ravel()


def resolvent(energies: np.ndarray, z: np.ndarray) -> np.ndarray:
    """1/(z - E) as (k, Z) for energies (k,) and arguments (Z,)."""
    return 1 / (z[None, :] - energies[:, None])


def real_times_complex(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``matrix @ columns`` for complex columns (k, Z); a real matrix is not blown up to a complex one."""
    if np.iscomplexobj(matrix):
        return matrix @ columns
    return (matrix @ np.ascontiguousarray(columns).view(np.float64)).view(np.complex128)


def _components(block: Block, states: Eigenstates, system: SystemStates) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each level a: the bath basis states that <a|_T of this sector reaches, and <a|_T psi_m on them (r, k)."""
    dims = (system.energies.size, block.sector.whole // system.energies.size)
    result = []
    for a in range(dims[0]):
        bra = contraction(system.vectors[:, a], None, block.sector, dims)
        reached = np.flatnonzero(np.diff(bra.indptr))
        result.append((reached, np.ascontiguousarray(csr_times_columns(bra[reached], block.vectors))))
    return result


def _norms(component: np.ndarray) -> np.ndarray:
    """Diagonal elements <m|P_a|m> (k,)."""
    return np.einsum("rm,rm->m", component.conj(), component).real


def _contract(O: list[np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:  # noqa: E741
    """sum_mn left_m O_p[m,n]* O_q[m,n] right_n as (P, P, Z)."""
    result = np.zeros((len(O), len(O), left.shape[1]), dtype=complex)
    for p in range(len(O)):
        for q in range(len(O) if np.iscomplexobj(O[p]) else p + 1):
            result[p, q] = np.einsum("mz,mz->z", left, real_times_complex(O[p].conj() * O[q], right))
            if q < p and np.isrealobj(O[p]):
                result[q, p] = result[p, q]
    return result
