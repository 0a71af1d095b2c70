"""A panel: the distribution of p_n over the mean of its shell, against Porter-Thomas."""

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import chi2


def porter_thomas(
    axis: Axes, fluctuations: np.ndarray, freedom: int, *, largest: float, least: float, label: str
) -> None:
    """Draw y rho(y) of the ``fluctuations`` y up to ``largest`` and down to ``least``; chi^2 has ``freedom`` degrees."""
    grid = np.geomspace(1e-5, largest, 60)
    count = np.histogram(fluctuations, grid)[0] / fluctuations.size / np.diff(np.log(grid))
    middle = np.sqrt(grid[1:] * grid[:-1])
    axis.plot(middle, count, "o", ms=3, mfc="none", label=label)
    axis.plot(middle, middle * freedom * chi2.pdf(freedom * middle, freedom), "k-", lw=1, label="Porter-Thomas")
    axis.set(xscale="log", yscale="log", ylim=(least, 1), xlabel=r"weight over its mean, $y = p_n/\langle p_n \rangle$")
