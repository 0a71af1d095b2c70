"""Chebyshev moments of a Hamiltonian and Gaussian windows made of them (Weisse et al., Rev. Mod. Phys. 78, 275).

A window g(lambda - H) = exp[-(lambda - H)^2/(2 sigma^2)]/(sqrt(2 pi) sigma) is a polynomial of H to machine precision once
its degree exceeds about 8 half-widths of the spectrum over sigma; the resolution is then sigma, chosen and known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.errors import ImpossibleRequest
from bigbath.hamiltonian import Hamiltonian
from bigbath.kernels import csr_times_columns
from bigbath.solvers.problem import spectral_extremes

#: Degree times sigma over the half-width of the spectrum from which a Gaussian window is exact to 1e-7.
DEGREE = 6.0

#: Dimension from which starting threads pays for one product.
PARALLEL = 2**14


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps the spectrum into (-1, 1): H = centre + half_width x."""

    centre: float
    half_width: float

    def degree(self, sigma: float) -> int:
        """Number of moments that a Gaussian window of standard deviation ``sigma`` needs."""
        return int(np.ceil(DEGREE * self.half_width / sigma))


def scale(h: Hamiltonian, *, margin: float = 0.01) -> Scale:
    """The scale of a Hamiltonian from its extreme levels (Lanczos), with ``margin`` to spare on either side."""
    low, high = spectral_extremes(h)
    return Scale(centre=(low + high) / 2, half_width=(high - low) / 2 * (1 + margin))


def window_coefficients(energy: np.ndarray, sigma: float, s: Scale, degree: int) -> np.ndarray:
    """Coefficients c_n of g(energy - H) = sum_n c_n T_n (E, degree), by Chebyshev-Gauss quadrature.

    ImpossibleRequest when ``degree`` is too low for ``sigma``: the window would ring.
    """
    if degree < s.degree(sigma):
        raise ImpossibleRequest(
            f"{degree} Chebyshev moments resolve {DEGREE * s.half_width / degree:.3g}, not sigma = {sigma:g}: take {s.degree(sigma)}"
        )
    points = 2 * degree
    angle = np.pi * (np.arange(points) + 0.5) / points
    offset = np.asarray(energy)[:, None] - s.centre - s.half_width * np.cos(angle)
    values = np.exp(-(offset**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi) / sigma
    coefficients = values @ np.cos(np.outer(angle, np.arange(degree))) * (2 / points)
    coefficients[:, 0] /= 2
    return coefficients


def recurrence(h: Hamiltonian, s: Scale, start: np.ndarray, degree: int) -> Iterator[np.ndarray]:
    """T_0(x) v, T_1(x) v, ... T_{degree - 1}(x) v for v = ``start`` (D,), or columns (D, b) in Fortran order.

    Three such arrays are held at a time; columns run in parallel.
    """
    previous, current = start, (_product(h, start) - s.centre * start) / s.half_width
    yield previous
    for _ in range(degree - 1):
        yield current
        image = _product(h, current)
        image -= s.centre * current
        image *= 2 / s.half_width
        image -= previous
        previous, current = current, image


def _product(h: Hamiltonian, x: np.ndarray) -> np.ndarray:
    if x.ndim == 2 and sp.issparse(h.matrix) and h.dim >= PARALLEL:
        return csr_times_columns(h.matrix, x)
    return h.matrix @ x


@dataclass(frozen=True, kw_only=True, eq=False)
class StateMoments:
    """mu_n = <v|T_n|v> (n,) of one state: its p(lambda) without eigenstates."""

    moments: np.ndarray
    scale: Scale

    def density(self, energy: np.ndarray, sigma: float) -> np.ndarray:
        """sum_n p_n g(energy - lambda_n) (E,): Eq. 24 of the entropy paper seen through a Gaussian of width ``sigma``."""
        return window_coefficients(energy, sigma, self.scale, self.moments.size) @ self.moments


def moments_of_state(h: Hamiltonian, state: np.ndarray, degree: int, s: Scale | None = None) -> StateMoments:
    """``degree`` moments of a normalised state (D,) from half as many products with H: T_{m+n} = 2 T_m T_n - T_{m-n}."""
    s = s or scale(h)
    moments = np.empty(2 * (degree // 2) + 2)
    last = None
    for n, vector in enumerate(recurrence(h, s, state, degree // 2 + 1)):
        moments[2 * n] = 2 * np.vdot(vector, vector).real - 1
        if last is not None:
            moments[2 * n - 1] = 2 * np.vdot(vector, last).real - (moments[1] if n > 1 else 0)
            if n == 1:
                moments[1] = np.vdot(vector, last).real
        last = vector
    moments[0] = 1.0
    return StateMoments(moments=moments[:degree], scale=s)
