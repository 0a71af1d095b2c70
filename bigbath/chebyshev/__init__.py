"""Chebyshev polynomials of a Hamiltonian on vectors: recurrence, moments, filters; Lanczos for the ends of the spectrum."""

from bigbath.chebyshev.box import box, degree
from bigbath.chebyshev.lanczos import lanczos_extremes
from bigbath.chebyshev.moments import DensityOfStates, moments
from bigbath.chebyshev.recurrence import Recurrence, random_vectors

__all__ = ["DensityOfStates", "Recurrence", "box", "degree", "lanczos_extremes", "moments", "random_vectors"]
