"""What every engine is given: a Hamiltonian, its sectors, a resolved window and the ends of the spectrum."""

from dataclasses import dataclass

import scipy.linalg

from bigbath.chebyshev import lanczos_extremes
from bigbath.operators import Hamiltonian, Scale, operator_of, to_dense
from bigbath.ranks import Comm
from bigbath.solvers.window import TIE, ResolvedWindow
from bigbath.spaces import Sector


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """``window`` is resolved: no energy density any more. ``extremes``: (E_min, E_max) of the whole matrix."""

    h: Hamiltonian
    sectors: tuple[Sector, ...]
    window: ResolvedWindow
    extremes: tuple[float, float]

    @property
    def norm(self) -> float:
        """||H||, the 2-norm."""
        return max(abs(self.extremes[0]), abs(self.extremes[1]))

    @property
    def tie(self) -> float:
        """Levels closer than this are one multiplet."""
        return TIE * self.norm


def spectral_extremes(h: Hamiltonian, comm: Comm = None) -> tuple[float, float]:
    """(E_min, E_max) of a Hamiltonian, by Lanczos; by LAPACK below dimension 400. ``comm`` shares out the vectors."""
    if h.dim <= 400:
        energies = scipy.linalg.eigvalsh(to_dense(h.matrix))
        return float(energies[0]), float(energies[-1])
    return lanczos_extremes(operator_of(h, Scale(centre=0.0, halfwidth=1.0), comm=comm))
