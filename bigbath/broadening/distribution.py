"""p_n = |<psi_n | phi_mu phi_i>|^2 (entropy paper, Eq. 2), binned into energy shells (Eqs. 31, 32)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bigbath.broadening.lorentzian import LorentzianFit
from bigbath.broadening.shells import Shells, shells_of
from bigbath.broadening.system import SystemStates
from bigbath.kernels import SUMS, bin_overlaps, overlaps
from bigbath.progress import Report, silent
from bigbath.ranks import total
from bigbath.resources import require_memory
from bigbath.solvers import Eigenstates
from bigbath.solvers.eigenstates import Block
from bigbath.spaces import contraction

#: Overlaps held at a time, bytes.
CHUNK = 2**28


@dataclass(frozen=True, kw_only=True, eq=False)
class Distribution:
    """Distributions of the product states phi_mu (x) phi_i over the eigenstates of H.

    ``P``: (m, D_S, S) probability in each shell. ``norm``, ``mean``, ``second_moment``: (m, D_S) sums of p_n,
    p_n E_n, p_n E_n^2 over the states of the window. ``shannon``: (m, D_S) -sum p_n ln p_n (Eq. 3; the steady
    state's von Neumann entropy). ``renyi2``: (m, D_S) -ln sum p_n^2 (Eq. 52). ``kept``: the bath states whose p_n were
    kept, and ``p``: (kept.size, D_S, k).
    ``energy``: (k,), ``bath_energy``: (m,), ``system_energy``: (D_S,), each ascending, as the axes above.
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
    kept: np.ndarray
    p: np.ndarray

    def dataset(self, fit: LorentzianFit | None = None) -> xr.Dataset:
        """The distributions, and their fits if there are any, as labelled arrays; branches are numbered from 1."""
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
        }
        if self.kept.size == self.bath_energy.size:
            data["p"] = ((*pair, "state"), self.p)
        elif self.kept.size:
            data |= {"p": (("kept_state", "branch", "state"), self.p), "kept_bath_state": ("kept_state", self.kept)}
        if fit is not None:
            for name in ("centre", "chi", "centre_error", "chi_error"):
                data[name] = (pair, getattr(fit, name))
            data["fit_rms"] = (pair, fit.rms)
            data["fit_converged"] = (pair, fit.converged.astype("i1"))
        coords = {
            "shell": self.shells.first + np.arange(self.shells.count.size),
            "energy": ("state", self.energy),
            "bath_energy": ("bath_state", self.bath_energy),
            "system_energy": ("branch", self.system_energy),
            "branch": 1 + np.arange(self.system_energy.size),
        }
        return xr.Dataset(data, coords=coords, attrs={"shell_width": self.shells.width})


def _chunks(
    states: Eigenstates, bath: Eigenstates, system: SystemStates
) -> Iterator[tuple[Block, slice, Block, int, np.ndarray, float]]:
    """Overlaps (m', k) of a few states of a bath sector with a sector of H, for each system state; and work done."""
    dims = (system.energies.size, bath_dimension(bath))
    total_work = sum(b.energies.size for b in bath.blocks) * sum(s.energies.size for s in states.blocks) * dims[0]
    done = 0.0
    for b in bath.blocks:
        for s in states.blocks:
            step = max(1, CHUNK // (8 * max(1, s.energies.size)))
            for i in range(dims[0]):
                bra = contraction(system.vectors[:, i], b.sector, s.sector, dims)
                if s.rows != (0, s.sector.dim):
                    bra = bra[:, s.rows[0] : s.rows[1]]
                for start in range(0, b.energies.size, step):
                    part = slice(start, start + step)
                    m = b.energies[part].size
                    if bra.nnz or states.comm is not None:
                        yield (
                            b,
                            part,
                            s,
                            i,
                            total(overlaps(b.vectors[:, part], bra, s.vectors), states.comm),
                            done / total_work,
                        )
                    done += m * s.energies.size


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
    accept_unverified: bool = False,
    report: Report = silent,
) -> Distribution:
    """Distributions of every product state of ``bath`` and ``system`` over ``states``.

    ``states`` may be the whole spectrum or a window of H; ``bath`` states of H_B on this process; ``width`` the shell
    width Delta. ``keep`` stores every p_n, or those of the bath states nearest the given energies. Nothing larger than a chunk of overlaps is formed;
    the cost is a matrix product a pair of sectors, at most 2 m D_S min(d_B, d) k flops. p_n of degenerate levels
    depends on the basis: it is well defined when the sectors separate them.

    Raises IncompleteWindow when either set of states is not certified.
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
    binned = np.zeros((m, d_system, shells.count.size + 1))
    sums = np.zeros((m, d_system, len(SUMS)))
    p, slot = np.zeros((kept.size, d_system, k)), np.full(m, -1)
    slot[kept] = np.arange(kept.size)
    bath_rows, columns = positions(bath), positions(states)
    for b, part, s, i, o, done in _chunks(states, bath, system):
        report("overlaps", done, 1.0)
        rows = bath_rows[id(b)][part]
        local_bins, local_sums = np.zeros((o.shape[0], binned.shape[2])), np.zeros((o.shape[0], len(SUMS)))
        bin_overlaps(o, shells.index(s.energies), s.energies, local_bins, local_sums)
        binned[rows, i] += local_bins
        sums[rows, i] += local_sums
        chosen = slot[rows] >= 0
        p[slot[rows][chosen][:, None], i, columns[id(s)][None, :]] = np.abs(o[chosen]) ** 2
    report("overlaps", 1.0, 1.0)
    norm, first, second, shannon, purity = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore"):
        return Distribution(
            energy=states.energies,
            bath_energy=bath.energies,
            system_energy=system.energies,
            shells=shells, P=binned[..., :-1], norm=norm, mean=first, second_moment=second, shannon=shannon,
            renyi2=-np.log(purity), kept=kept, p=p,
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
