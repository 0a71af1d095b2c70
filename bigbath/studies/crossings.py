"""Where two measured curves cross, with errors."""

from dataclasses import dataclass

import numpy as np

from bigbath.studies.study_row import StudyRow

#: Resamplings of the realizations.
SAMPLES = 400


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Where the difference of two curves falls through zero; ``error``: standard deviation; ``found``: share of the
    resamplings that have such a point."""

    at: float
    error: float
    found: float


def downward(x: np.ndarray, difference: np.ndarray) -> float:
    """Where a difference (n,) at ascending ``x``, joined by straight lines, falls through zero; NaN if nowhere.

    Of several such zeros the one up to which the integral of the difference is largest: noise about zero on either side
    of a clear crossing does not move it.
    """
    best, at, integral = -np.inf, float("nan"), 0.0
    for a, b, p, q in zip(x[:-1], x[1:], difference[:-1], difference[1:], strict=True):
        if p > 0 >= q:
            zero = a + (b - a) * p / (p - q)
            if (reached := integral + p * (zero - a) / 2) > best:
                best, at = reached, float(zero)
        integral += (p + q) * (b - a) / 2
    return at


def crossing(x: np.ndarray, small: list[np.ndarray], large: list[np.ndarray], seed: int = 0) -> Crossing:
    """Where the mean of ``large`` falls below that of ``small``: values (R,) of independent realizations at each ``x``.

    The error is from resampling the realizations with replacement (bootstrap).
    """
    stream = np.random.default_rng(seed)

    def resampled(values: np.ndarray) -> float:
        return float(stream.choice(values, values.size).mean())

    difference = np.array([b.mean() - a.mean() for a, b in zip(small, large, strict=True)])
    samples = [[resampled(b) - resampled(a) for a, b in zip(small, large, strict=True)] for _ in range(SAMPLES)]
    return crossing_of_samples(x, difference, np.array(samples))


def crossing_of_samples(x: np.ndarray, difference: np.ndarray, samples: np.ndarray) -> Crossing:
    """Where a ``difference`` (n,) falls through zero, with the error from resampled ones (s, n)."""
    zeros = np.array([downward(x, sample) for sample in samples])
    zeros = zeros[np.isfinite(zeros)]
    error = float(zeros.std()) if zeros.size else float("nan")
    return Crossing(at=downward(x, difference), error=error, found=zeros.size / len(samples))


@dataclass(frozen=True, kw_only=True)
class CrossingRow(StudyRow):
    """Where a quantity of two sizes crosses, with its standard error; ``found``: share of the resamplings that cross."""

    quantity: str
    name: str
    L: tuple[int, int]
    at: float
    error: float
    found: float


def crossing_row(quantity: str, L: tuple[int, int], c: Crossing) -> CrossingRow:
    """The crossing of a quantity of two sizes as a row."""
    name = f"crossing of L = {L[0]} and {L[1]}"
    return CrossingRow(quantity=quantity, name=name, L=L, at=c.at, error=c.error, found=c.found)
