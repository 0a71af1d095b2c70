"""Measurements that a job file may ask for; to add one, write its file and name it in ``Measures``."""

import xarray as xr

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.distribution import MeasureDistribution
from bigbath.measure.entanglement import MeasureEntanglement
from bigbath.measure.gap_ratio import MeasureGapRatio
from bigbath.measure.interaction import MeasureInteraction
from bigbath.measure.observables import MeasureObservables
from bigbath.measure.participation import MeasureParticipation
from bigbath.measure.propagator import MeasurePropagator


@choice
class Measures:
    """The ``[measure.*]`` sections of a job."""

    distribution: MeasureDistribution | None = None
    gap_ratio: MeasureGapRatio | None = None
    interaction: MeasureInteraction | None = None
    propagator: MeasurePropagator | None = None
    participation: MeasureParticipation | None = None
    entanglement: MeasureEntanglement | None = None
    observables: MeasureObservables | None = None

    def run(self, context: Context) -> xr.Dataset:
        """All measurements of one realization in one labelled dataset."""
        wanted = (
            self.distribution, self.gap_ratio, self.propagator, self.participation, self.entanglement, self.observables
        )  # fmt: skip
        parts = [m.measure(context) for m in wanted if m is not None]
        if self.interaction is not None:
            parts.append(self.interaction.measure(context, parts[0] if self.distribution is not None else None))
        return xr.merge(parts, combine_attrs="no_conflicts") if parts else xr.Dataset()


__all__ = [
    "Context",
    "MeasureDistribution",
    "MeasureEntanglement",
    "MeasureGapRatio",
    "MeasureInteraction",
    "MeasureObservables",
    "MeasureParticipation",
    "MeasurePropagator",
    "Measures",
]
