"""Measurement ``number_variance``: fluctuation of the number of unfolded levels in an interval."""

from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.level_statistic import LevelStatistic
from bigbath.statistics import central, number_variance, unfolded


@choice
class MeasureNumberVariance(LevelStatistic):
    """Variance of the number of levels in intervals of the given ``lengths``, in units of the mean spacing.

    ``degree`` of the fit that unfolds: it removes slow fluctuations, (degree + 1) L^2/n of
    the variance of n independent levels. ``share`` of the
    levels, in the middle, that is used.

    >>> import bigbath as bb
    >>> bb.Measures(number_variance=bb.MeasureNumberVariance(lengths=(1.0, 2.0))).number_variance.degree
    10
    """

    section: ClassVar[str] = "number_variance"
    lengths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.5, 1.0, 2.0, 4.0, 8.0)
    degree: Annotated[int, Field(ge=1, le=40)] = 10
    share: Annotated[float, Field(gt=0, le=1)] = 0.8

    def measure(self, context: Context) -> xr.Dataset:
        """``number_variance`` (sector, length); NaN where a sector has too few levels."""
        spectra, said = self.resolved(context)
        lengths = np.array(self.lengths)
        values = [number_variance(central(unfolded(e, self.degree), self.share), lengths) for e in spectra]
        data = (("sector", "length"), np.array(values).reshape(-1, lengths.size))
        return said.assign(number_variance=data).assign_coords(length=lengths)
