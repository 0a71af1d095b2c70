"""Measurement ``gap_ratio``: level statistics without unfolding."""

from typing import ClassVar

import numpy as np
import xarray as xr

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.level_statistic import LevelStatistic, by_sector


@choice
class MeasureGapRatio(LevelStatistic):
    """Mean of min(s_n, s_n+1)/max(s_n, s_n+1) over adjacent level spacings (Oganesyan & Huse 2007).

    Per symmetry sector; Poisson 0.386, GOE 0.531. Refused where a sector is not irreducible as far as the Pauli
    strings and the levels can tell.
    """

    section: ClassVar[str] = "gap_ratio"

    def measure(self, context: Context) -> xr.Dataset:
        """Gap ratio of each sector in the window; refused for windows of several pieces."""
        states, findings = self.resolved(context)
        energies, labels = by_sector(states)
        return xr.Dataset(
            {
                "gap_ratio": ("sector", np.array([_gap_ratio(e) for e in energies])),
                "gap_ratio_unresolved": ("sector", np.array(findings, dtype=str)),
                "sector_label": ("sector", np.array(labels, dtype=str)),
            }
        )


def _gap_ratio(energies: np.ndarray) -> float:
    spacings = np.diff(energies)
    if spacings.size < 2:
        return float("nan")
    small, large = np.minimum(spacings[:-1], spacings[1:]), np.maximum(spacings[:-1], spacings[1:])
    return float(np.mean(small / np.where(large > 0, large, 1)))
