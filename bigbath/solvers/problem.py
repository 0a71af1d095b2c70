"""What every engine is given: a Hamiltonian, its sectors, a resolved window and the ends of the spectrum."""

from dataclasses import dataclass, field
from typing import Any

import scipy.linalg

from bigbath.chebyshev import lanczos_extremes
from bigbath.operators import Hamiltonian, Scale, operator_of, to_dense
from bigbath.ranks import Comm
from bigbath.solvers.forecast import normal_ends
from bigbath.solvers.window import TIE, AnyWindow, Density, Nearest, NoStates, ResolvedWindow
from bigbath.spaces import Everything, Sector, everything


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """``window`` is resolved: no energy density any more. ``extremes``: (E_min, E_max) of the sectors.

    ``vectors``: whether eigenvectors are wanted beside the energies. ``found``: what an engine has found out and can use
    for other windows of the same sectors; ``replace(problem, window=...)`` keeps it.
    """

    h: Hamiltonian
    sectors: tuple[Sector, ...]
    window: ResolvedWindow
    extremes: tuple[float, float]
    vectors: bool = True
    found: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @classmethod
    def outline(cls, h: Hamiltonian, sectors: tuple[Sector, ...], window: AnyWindow) -> "Problem":
        """A problem for ``refuses`` and ``forecast`` only: the ends are those of a normal density of states."""
        lowest, highest = ends = normal_ends(h)
        if isinstance(window, Density):
            window = Nearest(target=lowest + window.epsilon * (highest - lowest), k=window.k)
        assert not isinstance(window, NoStates)
        return cls(h=h, sectors=sectors, window=window, extremes=ends)

    @property
    def norm(self) -> float:
        """||H||, the 2-norm."""
        return max(abs(self.extremes[0]), abs(self.extremes[1]))

    @property
    def tie(self) -> float:
        """What energies are known to; levels closer than this are one multiplet."""
        return TIE * self.norm

    @property
    def copies(self) -> int:
        """How often a real solver sees each level: twice in the real form of a complex Hamiltonian."""
        return 2 if self.h.is_complex else 1

    @property
    def is_flat(self) -> bool:
        """Whether all levels are one, as far as double precision can tell."""
        return self.extremes[1] - self.extremes[0] <= self.tie


def spectral_extremes(
    h: Hamiltonian, comm: Comm = None, sectors: tuple[Sector, ...] | None = None
) -> tuple[float, float]:
    """(E_min, E_max) of a Hamiltonian, or of its part in ``sectors``; by Lanczos, by LAPACK below dimension 400.

    ``comm`` shares out the vectors. Sectors that fill the space of all configurations are not told apart.
    """
    if sectors is None or (
        sum(s.dim for s in sectors) == h.dim and all(isinstance(s.space, Everything) for s in sectors)
    ):
        sectors = (everything(h.dim),)
    unit = h.unit
    ends = [_extremes(h.in_units(unit), sector, comm) for sector in sectors]
    return min(low for low, _ in ends) * unit, max(high for _, high in ends) * unit


def _extremes(h: Hamiltonian, sector: Sector, comm: Comm) -> tuple[float, float]:
    if sector.dim <= 400:
        energies = scipy.linalg.eigvalsh(to_dense(h.restricted(sector)))
        return float(energies[0]), float(energies[-1])
    return lanczos_extremes(operator_of(h, sector, Scale(centre=0.0, halfwidth=1.0), comm=comm))
