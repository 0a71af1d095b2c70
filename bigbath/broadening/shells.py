"""Energy shells M_{E,Delta} (entropy paper, Eq. 31) and the levels in them."""

from dataclasses import dataclass

import numpy as np

from bigbath.broadening.levels import levels_of
from bigbath.compact import Compact
from bigbath.errors import ImpossibleRequest
from bigbath.operators import Hamiltonian
from bigbath.solvers import AnyWindow, Eigenstates, Interval, Whole
from bigbath.solvers.problem import spectral_extremes

#: A level this close below an edge, in units of the width, lies on it by rounding and counts to the shell above.
ON_EDGE = 1e-9
#: More shells than this are a mistake in the units of the width.
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Shells(Compact):
    """Shells of one width, gap-free, centred on E_min + m * width, m = ``first``, ``first`` + 1, ...

    ``width``; ``edges``: (S+1,); ``energy``: (S,) mean energy of the levels in each shell, NaN for an empty one;
    ``count``: (S,) levels in it. Only shells that lie in a certified window are listed. Energies in units of the
    coupling.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> shells = bb.distribution(states, bath, bb.system_states(model), width=1.0).shells
    >>> int(shells.count.sum())
    32
    """

    width: float
    first: int
    edges: np.ndarray
    energy: np.ndarray
    count: np.ndarray

    @property
    def filled(self) -> np.ndarray:
        """Shells that hold levels (S,), bool."""
        return self.count > 0

    def index(self, energies: np.ndarray) -> np.ndarray:
        """Shell of each energy (k,), S for energies outside all shells."""
        inside = (energies >= self.edges[0]) & (energies < self.edges[-1])
        position = np.floor((energies - self.edges[0]) / self.width + ON_EDGE).astype(np.int64)
        return np.where(inside, np.clip(position, 0, self.count.size - 1), self.count.size)


def shells_of(states: Eigenstates, width: float) -> Shells:
    """The shells that the states' window covers completely (for the whole spectrum: all).

    The grid E_min - width/2 + m * width, with the abscissa at the mean energy of *all* levels in a shell, is the one
    that reproduces the printed fits; E_min is the lowest level of the whole Hamiltonian.
    """
    lowest, highest = states.extremes
    lo, hi = max(states.evidence.edges, key=lambda edge: edge[1] - edge[0])
    first = 0 if lo < lowest else int(np.ceil((lo - lowest) / width + 0.5))
    last = min(int(np.floor((highest - lowest) / width + 0.5)), int(np.floor((hi - lowest) / width - 0.5)))
    if hi > highest:
        last = int(np.floor((highest - lowest) / width + 0.5))
    _refuse_many(last - first + 1, width, max(lo, lowest), min(hi, highest))
    edges = lowest + width * (np.arange(first, max(first, last + 1) + 1) - 0.5)
    if last < first:
        edges = edges[:1]
    size = edges.size - 1
    draft = Shells(width=width, first=first, edges=edges, energy=np.empty(size), count=np.empty(size, dtype=np.int64))
    levels = levels_of(states)
    energies = levels.energy[levels.index]
    shell = draft.index(energies) if size else np.zeros(energies.size, dtype=np.int64)
    count = np.bincount(shell, minlength=size + 1)[:size]
    sums = np.bincount(shell, energies, minlength=size + 1)[:size]
    with np.errstate(invalid="ignore"):
        return Shells(width=width, first=first, edges=edges, energy=sums / count, count=count)


def refuse_fine_shells(h: Hamiltonian, window: AnyWindow, width: float) -> None:
    """ImpossibleRequest for a whole spectrum or an interval of more than MOST shells, before its states are computed."""
    if isinstance(window, Interval) and window.upper - window.lower < MOST * width:
        return
    if isinstance(window, Whole | Interval) and 2 * _norm_bound(h) > MOST * width:
        lowest, highest = spectral_extremes(h)
        if isinstance(window, Interval):
            lowest, highest = max(lowest, window.lower), min(highest, window.upper)
        _refuse_many((highest - lowest) / width + 1, width, lowest, highest)


def _norm_bound(h: Hamiltonian) -> float:
    """An upper bound of ||H||: the sum of all |couplings|, or the largest row sum of a given matrix."""
    if h.given is not None:
        return float(abs(h.given).sum(axis=1).max())
    return float(sum(abs(coupling[0]) for _, couplings in h.terms for coupling in couplings))


def _refuse_many(shells: float, width: float, lowest: float, highest: float) -> None:
    if shells > MOST:
        raise ImpossibleRequest(
            f"{shells:,.0f} shells of width {width:g} between {lowest:g} and {highest:g} are more than {MOST:,}. Give a "
            "larger shell_width, in the units of the model's couplings."
        )
