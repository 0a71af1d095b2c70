"""Linear regressions of the fitted parameters on the bath energy (entropy paper, Eq. 40, Fig. 3)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Line:
    """y = slope x + intercept by least squares, with standard errors from the scatter ``rms`` about it."""

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    rms: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The line at ``x``."""
        return self.slope * np.asarray(x) + self.intercept


def regress(x: np.ndarray, y: np.ndarray) -> Line:
    """The least-squares line through (x, y), both (n,), all points counting alike; at least three points."""
    mean = x.mean()
    offset = x - mean
    sxx = float(offset @ offset)
    slope = float(offset @ y) / sxx
    intercept = float(y.mean() - slope * mean)
    residual = y - slope * x - intercept
    variance = float(residual @ residual) / (x.size - 2)
    return Line(
        slope=slope,
        intercept=intercept,
        slope_error=float(np.sqrt(variance / sxx)),
        intercept_error=float(np.sqrt(variance * (1 / x.size + mean**2 / sxx))),
        rms=float(np.sqrt(residual @ residual / x.size)),
    )


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One branch i of Eq. 40: ``centre`` regresses a + Delta, ``shift`` regresses Delta, on eps; mean chi."""

    centre: Line
    shift: Line
    mean_chi: float


def branches(
    bath_energies: np.ndarray, system_energies: np.ndarray, centre: np.ndarray, chi: np.ndarray
) -> tuple[Branch, ...]:
    """Eq. 40 for every branch. ``centre``, ``chi``: (M, D_S) fitted a + Delta and width; states without a fit are left out."""
    result = []
    for i, energy in enumerate(system_energies):
        good = np.isfinite(centre[:, i]) & np.isfinite(chi[:, i])
        x, y = bath_energies[good], centre[good, i]
        result.append(
            Branch(centre=regress(x, y), shift=regress(x, y - x - energy), mean_chi=float(chi[good, i].mean()))
        )
    return tuple(result)
