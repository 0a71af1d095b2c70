"""What every engine is given: a Hamiltonian, its sectors, a resolved window and the ends of the spectrum."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from bigbath.hamiltonian import Hamiltonian, Sector, to_dense
from bigbath.solvers.window import TIE, ResolvedWindow


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


def spectral_extremes(h: Hamiltonian) -> tuple[float, float]:
    """(E_min, E_max) of a Hamiltonian, by Lanczos to machine precision; by LAPACK below dimension 400."""
    if h.dim <= 400:
        energies = scipy.linalg.eigvalsh(to_dense(h.matrix))
        return float(energies[0]), float(energies[-1])
    start = np.random.default_rng(0).standard_normal(h.dim)
    lowest, highest = (
        scipy.sparse.linalg.eigsh(h.matrix, k=1, which=end, v0=start, return_eigenvectors=False)[0]
        for end in ("SA", "LA")
    )
    return float(lowest), float(highest)
