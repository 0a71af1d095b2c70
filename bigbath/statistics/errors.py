"""Errors of means."""

import numpy as np


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean of independent values (..., R); NaN for one."""
    count = values.shape[-1]
    if count < 2:
        return np.full(values.shape[:-1], np.nan)
    return values.std(axis=-1, ddof=1) / np.sqrt(count)
