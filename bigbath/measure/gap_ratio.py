"""Measurement ``gap_ratio``: level statistics without unfolding."""

import numpy as np
import xarray as xr

from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context


@choice
class MeasureGapRatio:
    """Mean of min(s_n, s_n+1)/max(s_n, s_n+1) over adjacent level spacings (Oganesyan & Huse 2007).

    Per symmetry sector; Poisson 0.386, GOE 0.531.
    """

    def measure(self, context: Context) -> xr.Dataset:
        """Gap ratio of each sector in the window; refused for windows of several pieces."""
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        if len(states.evidence.edges) > 1:
            raise JobError('measure.gap_ratio needs one window without gaps, not window.kind = "levels"')
        ratios = [_gap_ratio(b.energies) for b in states.blocks]
        labels = [str(b.sector) for b in states.blocks]
        return xr.Dataset({"gap_ratio": ("sector", np.array(ratios)), "sector_label": ("sector", np.array(labels))})


def _gap_ratio(energies: np.ndarray) -> float:
    spacings = np.diff(energies)
    if spacings.size < 2:
        return float("nan")
    small, large = np.minimum(spacings[:-1], spacings[1:]), np.maximum(spacings[:-1], spacings[1:])
    return float(np.mean(small / np.where(large > 0, large, 1)))
