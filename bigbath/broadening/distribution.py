"""p_n = |<psi_n | phi_mu phi_i>|^2 (entropy paper, Eq. 2), binned into energy shells (Eqs. 31, 32)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import xarray as xr

from bigbath.broadening.entropy import observational
from bigbath.broadening.levels import Levels, levels_of
from bigbath.broadening.lorentzian import LorentzianFit
from bigbath.broadening.shells import Shells, shells_of
from bigbath.broadening.system import SystemStates
from bigbath.compact import Compact
from bigbath.kernels import POWERS, SUMS, bin_powers, bin_probabilities, overlaps
from bigbath.progress import Report, silent
from bigbath.ranks import total
from bigbath.resources import require_memory
from bigbath.solvers import Eigenstates
from bigbath.solvers.eigenstates import Block
from bigbath.spaces import contraction

#: Probabilities held at a time, bytes.
CHUNK = 2**28
#: Elements of <phi_i| between two sectors below this are rounding: symmetry forbids them.
FORBIDDEN = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Distribution(Compact):
    """Distributions of the product states phi_mu (x) phi_i over the eigenstates of H.

    The steady state (Eqs. 1-3) has one weight a level: states of one energy do not dephase. Shells, sums and entropies
    therefore use the probability of each level, the sum of p_n over its states, which no choice of basis changes.

    ``P``: (m, D_S, S) probability in each shell. ``norm``, ``mean``, ``second_moment``: (m, D_S) sums of p, p E, p E^2
    over the window. ``shannon``: (m, D_S) -sum p ln p (Eq. 3; the steady state's von Neumann entropy). ``renyi2``:
    (m, D_S) -ln sum p^2 (Eq. 52). ``powers``: (m, D_S, S, 3) sums of p^2, p^3, p^4 in each shell, or None.
    ``own_count``: (m, D_S, S) states in each shell that symmetry lets the product state reach.
    ``kept``: the bath states whose p_n were kept, and ``p``: (kept.size, D_S, k), a number a state: inside a multiplet only
    its sum is well defined. ``degeneracy``: (k,), ``bath_degeneracy``: (m,) states of the level of each state.
    ``energy``: (k,), ``bath_energy``: (m,), ``system_energy``: (D_S,), each ascending, as the axes above.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> d = bb.distribution(states, bath, bb.system_states(model), width=1.0)
    >>> d.P.shape[:2], float(d.norm.min().round(9))
    ((16, 2), 1.0)
    """

    energy: np.ndarray
    bath_energy: np.ndarray
    system_energy: np.ndarray
    shells: Shells
    P: np.ndarray
    norm: np.ndarray
    mean: np.ndarray
    second_moment: np.ndarray
    shannon: np.ndarray
    renyi2: np.ndarray
    powers: np.ndarray | None
    own_count: np.ndarray
    kept: np.ndarray
    p: np.ndarray
    degeneracy: np.ndarray
    bath_degeneracy: np.ndarray

    def dataset(self, fit: LorentzianFit | None = None, integrated: LorentzianFit | None = None) -> xr.Dataset:
        """The distributions as labelled arrays; branches are numbered from 1.

        ``fit``: Lorentzians at the shells' mean energies, ``centre``, ``chi`` and so on; ``integrated``: those integrated
        over the shells, ``centre_integrated`` and so on.
        """
        pair = ("bath_state", "branch")
        data = {
            "shell_energy": ("shell", self.shells.energy),
            "shell_count": ("shell", self.shells.count),
            "shell_lower_edge": ("shell", self.shells.edges[:-1]),
            "P": ((*pair, "shell"), self.P),
            "norm": (pair, self.norm),
            "mean_energy": (pair, self.mean),
            "second_moment": (pair, self.second_moment),
            "shannon": (pair, self.shannon),
            "renyi2": (pair, self.renyi2),
            "observational": (pair, observational(self.P, self.shells.count)),
            "own_shell_count": ((*pair, "shell"), self.own_count),
            "degeneracy": ("state", self.degeneracy),
            "bath_degeneracy": ("bath_state", self.bath_degeneracy),
        }
        if self.powers is not None:
            data["shell_powers"] = ((*pair, "shell", "power"), self.powers)
        if self.kept.size == self.bath_energy.size:
            data["p"] = ((*pair, "state"), self.p)
        elif self.kept.size:
            data |= {"p": (("kept_state", "branch", "state"), self.p), "kept_bath_state": ("kept_state", self.kept)}
        for ending, one in (("", fit), ("_integrated", integrated)):
            if one is not None:
                for name in ("centre", "chi", "centre_error", "chi_error"):
                    data[name + ending] = (pair, getattr(one, name))
                data[f"fit_rms{ending}"] = (pair, one.rms)
                data[f"fit_converged{ending}"] = (pair, one.converged.astype("i1"))
                data[f"fit_resolved{ending}"] = (pair, one.resolved.astype("i1"))
        coords = {
            "shell": self.shells.first + np.arange(self.shells.count.size),
            "energy": ("state", self.energy),
            "bath_energy": ("bath_state", self.bath_energy),
            "system_energy": ("branch", self.system_energy),
            "branch": 1 + np.arange(self.system_energy.size),
        }
        if self.powers is not None:
            coords["power"] = np.array(POWERS)
        return xr.Dataset(data, coords=coords, attrs={"shell_width": self.shells.width})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Chunk:
    """p_n (m, k) of a few initial states over all eigenstates: ``rows`` (m,) and ``branch`` number them.

    ``own``: the eigenstates that symmetry lets them reach.
    """

    rows: np.ndarray
    branch: int
    p: np.ndarray
    own: np.ndarray
    done: float


def _chunks(states: Eigenstates, bath: Eigenstates, system: SystemStates) -> Iterator[_Chunk]:
    """Probabilities over all eigenstates, in ascending order of energy, of a few initial states of one sector at a time."""
    dims = (system.energies.size, bath_dimension(bath))
    bath_rows, columns = positions(bath), positions(states)
    k, total_work, done = states.energies.size, bath.energies.size * dims[0], 0
    step = max(1, CHUNK // (8 * max(1, k)))
    for b in bath.blocks:
        for i in range(dims[0]):
            bras = [_bra(system, i, b, s, dims) for s in states.blocks]
            reached = [columns[id(s)] for s, bra in zip(states.blocks, bras, strict=True) if bra.nnz]
            own = np.concatenate([np.empty(0, dtype=np.int64), *reached])
            for start in range(0, b.energies.size, step):
                part = slice(start, start + step)
                p = np.zeros((b.energies[part].size, k))
                for s, bra in zip(states.blocks, bras, strict=True):
                    if bra.nnz:
                        local = bra if s.rows == (0, s.sector.dim) else bra[:, s.rows[0] : s.rows[1]]
                        o = total(overlaps(b.vectors[:, part], local, s.vectors), states.comm)
                        p[:, columns[id(s)]] = np.abs(o) ** 2
                done += p.shape[0]
                yield _Chunk(rows=bath_rows[id(b)][part], branch=i, p=p, own=own, done=done / total_work)


def _bra(system: SystemStates, i: int, b: Block, s: Block, dims: tuple[int, int]) -> sp.csr_array:
    """<phi_i| from a sector of H to one of the bath; empty when symmetry forbids every overlap."""
    bra = contraction(system.vectors[:, i], b.sector, s.sector, dims)
    if np.abs(bra.data).max(initial=0.0) < FORBIDDEN:
        bra = sp.csr_array(bra.shape, dtype=bra.dtype)
    return bra


def _of_levels(p: np.ndarray, levels: Levels) -> np.ndarray:
    """Probability of each level (m, l) from that of each state (m, k)."""
    if levels.energy.size == p.shape[1]:
        return p
    return np.add.reduceat(p, np.searchsorted(levels.index, np.arange(levels.energy.size)), axis=1)


def bath_dimension(bath: Eigenstates) -> int:
    """D_B: dimension of the whole space that the bath's sectors are part of."""
    return bath.blocks[0].sector.whole


def distribution(
    states: Eigenstates,
    bath: Eigenstates,
    system: SystemStates,
    *,
    width: float,
    keep: bool | Sequence[float] = False,
    powers: bool = False,
    accept_unverified: bool = False,
    report: Report = silent,
) -> Distribution:
    """Distributions of every product state of ``bath`` and ``system`` over ``states``.

    ``states`` may be the whole spectrum or a window of H; ``bath`` states of H_B on this process; ``width`` the shell
    width Delta. ``keep`` stores every p_n, or those of the bath states nearest the given energies; ``powers`` also the
    sums of p^2, p^3, p^4 in each shell. Nothing larger than a chunk of probabilities is formed; the cost is a matrix
    product a pair of sectors, at most 2 m D_S min(d_B, d) k flops.

    Raises IncompleteWindow when either set of states is not certified.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> d = bb.distribution(states, bath, bb.system_states(model), width=1.0)
    >>> bool(np.allclose(d.P.sum(axis=-1), 1))
    True
    """
    states.require_complete(accept_unverified=accept_unverified)
    bath.require_complete(accept_unverified=accept_unverified)
    shells = shells_of(states, width)
    m, d_system, k = bath.energies.size, system.energies.size, states.energies.size
    kept = _kept(keep, bath.energies)
    require_memory(
        8 * kept.size * d_system * k,
        f"keeping p_n of {kept.size:,} x {d_system} states",
        "Set keep = false, or choose fewer bath states.",
    )
    levels = levels_of(states)
    binned = np.zeros((m, d_system, shells.count.size + 1))
    sums = np.zeros((m, d_system, len(SUMS)))
    p, slot = np.zeros((kept.size, d_system, k)), np.full(m, -1)
    slot[kept] = np.arange(kept.size)
    shell = shells.index(levels.energy)
    shell_powers = np.zeros((m, d_system, shells.count.size + 1, len(POWERS))) if powers else None
    own_count = np.zeros((m, d_system, shells.count.size), dtype=np.int32)
    for chunk in _chunks(states, bath, system):
        report("overlaps", chunk.done, 1.0)
        local_bins, local_sums = np.zeros((chunk.rows.size, binned.shape[2])), np.zeros((chunk.rows.size, len(SUMS)))
        weights = _of_levels(chunk.p, levels)
        bin_probabilities(weights, shell, levels.energy, local_bins, local_sums)
        binned[chunk.rows, chunk.branch] = local_bins
        sums[chunk.rows, chunk.branch] = local_sums
        own_count[chunk.rows, chunk.branch] = np.bincount(shell[levels.index[chunk.own]], minlength=binned.shape[2])[
            :-1
        ]
        if shell_powers is not None:
            local_powers = np.zeros((chunk.rows.size, *shell_powers.shape[2:]))
            bin_powers(weights, shell, local_powers)
            shell_powers[chunk.rows, chunk.branch] = local_powers
        chosen = slot[chunk.rows] >= 0
        p[slot[chunk.rows][chosen], chunk.branch] = chunk.p[chosen]
    report("overlaps", 1.0, 1.0)
    norm, first, second, shannon, purity = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore"):
        return Distribution(
            energy=states.energies,
            bath_energy=bath.energies,
            system_energy=system.energies,
            shells=shells, P=binned[..., :-1], norm=norm, mean=first, second_moment=second, shannon=shannon,
            renyi2=-np.log(purity), powers=None if shell_powers is None else shell_powers[..., :-1, :],
            own_count=own_count, kept=kept, p=p, degeneracy=levels.state_degeneracy,
            bath_degeneracy=levels_of(bath).state_degeneracy,
        )  # fmt: skip


def _kept(keep: bool | Sequence[float], energies: np.ndarray) -> np.ndarray:
    """Bath states whose p_n are kept, ascending."""
    if isinstance(keep, bool):
        return np.arange(energies.size if keep else 0)
    return np.unique(np.array([np.abs(energies - energy).argmin() for energy in keep], dtype=np.int64))


def positions(states: Eigenstates) -> dict[int, np.ndarray]:
    """Where the states of each block stand in the order of ascending energy."""
    rank = np.empty(states.order.size, dtype=np.int64)
    rank[states.order] = np.arange(rank.size)
    ends = np.cumsum([b.energies.size for b in states.blocks])
    return {id(b): rank[end - b.energies.size : end] for b, end in zip(states.blocks, ends, strict=True)}
