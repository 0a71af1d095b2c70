"""Errors of means."""

import numpy as np
import scipy.stats


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean of independent values (..., R); NaN for one."""
    count = values.shape[-1]
    if count < 2:
        return np.full(values.shape[:-1], np.nan)
    return values.std(axis=-1, ddof=1) / np.sqrt(count)


def student(count: int) -> float:
    """Factor from the scatter of ``count`` samples to an error that is a third of the 99.73 % confidence interval."""
    return float(scipy.stats.t.ppf(scipy.stats.norm.cdf(3), count - 1) / 3)
