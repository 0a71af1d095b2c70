"""Chebyshev moments of a Hamiltonian, and the energy windows made of them (Weisse et al., Rev. Mod. Phys. 78, 275).

An energy shell [lower, upper) whose edges are smeared by a Gaussian of standard deviation sigma is a polynomial of H to
1e-7 once its degree exceeds about 6 half-widths of the spectrum over sigma: the resolution is sigma, chosen and known.
Spin models are applied matrix-free by the kernels of the filter engine; no matrix is built. In a sector of charges nothing
is longer than the sector.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.special import ndtr

from bigbath.chebyshev import Recurrence, lanczos_extremes, moments
from bigbath.models import Composite, SpinComposite
from bigbath.operators import (
    FlipOperator,
    Hamiltonian,
    MatrixOperator,
    Operator,
    Part,
    Scale,
    build,
    flips,
    operator_of,
    pauli_strings,
)
from bigbath.spaces import Sector

#: Chebyshev vectors that are summed, or multiplied with others, at a time.
BATCH = 16
#: Degree times sigma over the half-width of the spectrum from which a Gaussian is exact to 1e-7, where it exceeds LEAST.
DEGREE, LEAST = 6.0, 24
#: Half-width of the spectrum, in units of its largest level, below which all levels count as one.
NARROW = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """A Hamiltonian ready for recurrences: its ``operator``, ``scale`` and ``extremes`` (E_min, E_max)."""

    operator: Operator
    scale: Scale
    extremes: tuple[float, float]

    def degree(self, sigma: float) -> int:
        """Number of moments that resolve ``sigma``; even."""
        return 2 * int(np.ceil(max(LEAST, DEGREE * self.scale.halfwidth / sigma) / 2))


def scaled_operator(composite: Composite, part: Part = "H") -> Scaled:
    """One part of a composite (H, H0 or B) over all configurations, matrix-free for real spin models.

    >>> import bigbath as bb
    >>> h = bb.scaled_operator(bb.draw(bb.Ring(N=6)))
    >>> h.extremes[0] < h.extremes[1]
    True
    """
    return _scaled(_maker(composite, part))


def scaled_in_sector(h: Hamiltonian, sector: Sector) -> Scaled:
    """A Hamiltonian in one of its sectors, matrix-free where a kernel takes it; the ends are the sector's own."""
    return _scaled(lambda scale: operator_of(h, sector, scale))


def _scaled(make: Callable[[Scale], Operator]) -> Scaled:
    lowest, highest = lanczos_extremes(make(Scale(centre=0.0, halfwidth=1.0)))
    apart = NARROW * (max(abs(lowest), abs(highest)) or 1.0)
    scale = Scale.of((min(lowest, highest - apart), max(highest, lowest + apart)))
    return Scaled(operator=make(scale), scale=scale, extremes=(lowest, highest))


def _maker(composite: Composite, part: Part) -> Callable[[Scale], Operator]:
    if isinstance(composite, SpinComposite):
        terms, sites, _ = pauli_strings(composite, part)
        strings = flips(terms, sites, rotate=False)
        if strings is not None and FlipOperator.takes(strings):
            return lambda scale: FlipOperator(strings, scale)
    h = build(composite, part)
    return lambda scale: MatrixOperator(h.matrix, scale, 1)


def coefficients(values: np.ndarray) -> np.ndarray:
    """Chebyshev coefficients (..., n) of functions given at ``quadrature``'s points (..., 2 n)."""
    series = scipy.fft.dct(values, axis=-1)[..., : values.shape[-1] // 2] / values.shape[-1]
    series[..., 0] /= 2
    return series


def applied(h: Scaled, series: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """sum_n ``series``[b, n] T_n(H) v (B, D) for a vector (D,): B functions of H on it by one recurrence."""
    terms = Recurrence(h.operator, vector[:, None]).terms()
    result = np.zeros((series.shape[0], vector.size), h.operator.dtype)
    batch = np.empty((BATCH, vector.size), h.operator.dtype)
    for first in range(0, series.shape[1], BATCH):
        part = series[:, first : first + BATCH]
        for row, term in zip(batch[: part.shape[1]], terms, strict=False):
            row[:] = h.operator.get(term)[:, 0]
        result += part @ batch[: part.shape[1]]
    return result


def quadrature(scale: Scale, degree: int) -> np.ndarray:
    """The energies (2 ``degree``,) of Chebyshev-Gauss quadrature at which ``coefficients`` wants its functions."""
    return scale.centre + scale.halfwidth * np.cos(np.pi * (np.arange(2 * degree) + 0.5) / (2 * degree))


def gaussians(energy: np.ndarray, centre: np.ndarray, sigma: float) -> np.ndarray:
    """exp[-(energy - centre)^2/(2 sigma^2)] (C, E): windows on the bath's energies."""
    return np.exp(-((energy - centre[:, None]) ** 2) / (2 * sigma**2))


def smeared_shells(energy: np.ndarray, edges: np.ndarray, sigma: float) -> np.ndarray:
    """1 inside each shell [edges[k], edges[k + 1]) and 0 outside, through a Gaussian of ``sigma``: (S, E)."""
    below = ndtr((edges[:, None] - energy) / sigma)
    return below[1:] - below[:-1]


def state_moments(h: Scaled, state: np.ndarray, degree: int) -> np.ndarray:
    """mu_n = <v|T_n|v> (``degree``,) of a normalised state (D,), by half as many products: T_2n = 2 T_n T_n - 1.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> h = bb.scaled_operator(bb.draw(bb.Ring(N=6)))
    >>> bb.state_moments(h, np.eye(64)[0], 8).shape
    (8,)
    """
    return moments(h.operator, state.reshape(-1, 1), degree)[0]
