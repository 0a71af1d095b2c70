"""Measurement ``gap_ratio``: level statistics without unfolding."""

from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.level_statistic import LevelStatistic
from bigbath.statistics import gap_ratio


@choice
class MeasureGapRatio(LevelStatistic):
    """Mean of min(s_n, s_n+1)/max(s_n, s_n+1) over adjacent level spacings (Oganesyan & Huse 2007).

    Per symmetry sector; Poisson 0.386, GOE 0.531. ``orders``: also the ratios of spacings between k-th neighbours.
    Refused where a sector is not irreducible as far as the Pauli strings and the levels can tell.

    >>> import bigbath as bb
    >>> bb.Measures(gap_ratio=bb.MeasureGapRatio(orders=(2, 3))).gap_ratio.orders
    (2, 3)
    """

    section: ClassVar[str] = "gap_ratio"
    orders: tuple[Annotated[int, Field(ge=1)], ...] = ()

    def measure(self, context: Context) -> xr.Dataset:
        """``gap_ratio`` (sector), and ``gap_ratio_of_order`` (sector, order); refused for windows of several pieces."""
        spectra, said = self.resolved(context)
        data: dict[str, tuple] = {"gap_ratio": ("sector", np.array([gap_ratio(e) for e in spectra]))}
        if self.orders:
            ratios = [[gap_ratio(e, k) for k in self.orders] for e in spectra]
            data["gap_ratio_of_order"] = (("sector", "order"), np.array(ratios).reshape(-1, len(self.orders)))
            said = said.assign_coords(order=list(self.orders))
        return said.assign(data)
