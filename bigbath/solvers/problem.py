"""What every engine is given: a Hamiltonian, its sectors, a resolved window and the ends of the spectrum."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bigbath.hamiltonian import Hamiltonian, Sector, to_dense
from bigbath.solvers.eigenstates import Comm, same, total
from bigbath.solvers.recurrence import Operator, Scale, operator_of, random_vectors
from bigbath.solvers.window import TIE, ResolvedWindow

#: Residuals, in units of ||H||, at which the ends of the spectrum are taken; Lanczos steps between two looks at them.
CONVERGED, LOOK = 1e-11, 10


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


def lanczos_extremes(operator: Operator) -> tuple[float, float]:
    """(E_min, E_max) of an operator, by Lanczos from a random vector, in three vectors.

    Without reorthogonalisation, whose lack repeats converged levels and does not shift them (Paige, J. Inst. Math. Appl.
    18, 341). The residuals are CONVERGED ||H||, the errors at most that: their square over the distance to the next level.
    """

    def dot(a: np.ndarray, b: np.ndarray) -> float:
        return float(total(np.vdot(a, b).real, operator.comm))

    w = random_vectors(operator, (0,))
    last, alpha, beta = np.zeros_like(w), list[float](), [np.sqrt(dot(w, w))]
    while True:
        v = w / beta[-1]
        w = operator.product(v) - beta[-1] * last
        alpha.append(dot(v, w))
        w -= alpha[-1] * v
        beta.append(np.sqrt(dot(w, w)))
        last = v
        if len(alpha) % LOOK == 0 or beta[-1] == 0:
            energies, states = same(scipy.linalg.eigh_tridiagonal(alpha, beta[1:-1]), operator.comm)
            if beta[-1] * np.abs(states[-1, [0, -1]]).max() <= CONVERGED * np.abs(energies).max():
                return float(energies[0]), float(energies[-1])
