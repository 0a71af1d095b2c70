"""Measurement ``spacings``: distribution of unfolded level spacings."""

from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.level_statistic import LevelStatistic
from bigbath.statistics import central, distance, spacing_density, unfolded

_KINDS = ("poisson", "goe", "gue")


@choice
class MeasureSpacings(LevelStatistic):
    """Histogram of spacings of the unfolded levels of each sector, and its distance from Poisson, GOE and GUE.

    ``degree`` of the fit that unfolds; ``share`` of the levels, in the middle, that is used; ``bins`` up to ``upper``.

    >>> import bigbath as bb
    >>> bb.Measures(spacings=bb.MeasureSpacings(bins=20)).spacings.upper
    4.0
    """

    section: ClassVar[str] = "spacings"
    degree: Annotated[int, Field(ge=1, le=40)] = 10
    share: Annotated[float, Field(gt=0, le=1)] = 0.8
    bins: Annotated[int, Field(ge=1, le=1000)] = 40
    upper: Annotated[float, Field(gt=0)] = 4.0

    def measure(self, context: Context) -> xr.Dataset:
        """``spacing_density`` (sector, spacing), ``spacing_distance`` (sector, ensemble; Kolmogorov-Smirnov).

        NaN where a sector has fewer than 4 (degree + 1) levels.
        """
        spectra, said = self.resolved(context)
        edges = np.linspace(0, self.upper, self.bins + 1)
        spacings = [np.diff(central(unfolded(e, self.degree), self.share)) for e in spectra]
        density = np.array([spacing_density(s, edges) for s in spacings]).reshape(-1, self.bins)
        distances = np.array([[distance(s, kind) for kind in _KINDS] for s in spacings]).reshape(-1, len(_KINDS))
        return said.assign(
            spacing_density=(("sector", "spacing"), density), spacing_distance=(("sector", "ensemble"), distances)
        ).assign_coords(spacing=(edges[1:] + edges[:-1]) / 2, ensemble=list(_KINDS))
