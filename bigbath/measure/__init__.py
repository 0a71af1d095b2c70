"""Measurements that a job file may ask for; to add one, write its file and name it in ``Measures``."""

import xarray as xr

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.distribution import MeasureDistribution
from bigbath.measure.gap_ratio import MeasureGapRatio
from bigbath.measure.interaction import MeasureInteraction
from bigbath.measure.propagator import MeasurePropagator


@choice
class Measures:
    """The ``[measure.*]`` sections of a job."""

    distribution: MeasureDistribution | None = None
    gap_ratio: MeasureGapRatio | None = None
    interaction: MeasureInteraction | None = None
    propagator: MeasurePropagator | None = None

    def run(self, context: Context) -> xr.Dataset:
        """All measurements of one realization in one labelled dataset."""
        wanted = [m for m in (self.distribution, self.gap_ratio, self.propagator) if m is not None]
        parts = [m.measure(context) for m in wanted]
        if self.interaction is not None:
            parts.append(self.interaction.measure(context, parts[0] if self.distribution is not None else None))
        merged = xr.merge(parts, combine_attrs="no_conflicts") if parts else xr.Dataset()
        return merged


__all__ = [
    "Context",
    "MeasureDistribution",
    "MeasureGapRatio",
    "MeasureInteraction",
    "MeasurePropagator",
    "Measures",
]
