"""Measurements that a job file may ask for; to add one, write its file and name it in ``Measures``."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Protocol

import xarray as xr

from bigbath.choice import choice
from bigbath.errors import ImpossibleRequest
from bigbath.measure.caveats import caveats
from bigbath.measure.cavity import MeasureCavity
from bigbath.measure.context import Context
from bigbath.measure.dephasing import MeasureDephasing
from bigbath.measure.distribution import MeasureDistribution
from bigbath.measure.dynamics import MeasureDynamics
from bigbath.measure.entanglement import MeasureEntanglement
from bigbath.measure.evolution import MeasureEvolution
from bigbath.measure.form_factor import MeasureFormFactor, disorder_average
from bigbath.measure.gap_ratio import MeasureGapRatio
from bigbath.measure.interaction import MeasureInteraction
from bigbath.measure.level_statistic import LevelStatistic
from bigbath.measure.long_time import MeasureLongTime
from bigbath.measure.number_variance import MeasureNumberVariance
from bigbath.measure.observables import MeasureObservables
from bigbath.measure.participation import MeasureParticipation
from bigbath.measure.propagator import MeasurePropagator
from bigbath.measure.resolution import Resolution
from bigbath.measure.spacings import MeasureSpacings


class Measurement(Protocol):
    """What every field of ``Measures`` can do. One that takes only energies of H says so, ``needs_vectors = False``, and one
    that takes no eigenstates ``needs_states = False``.
    """

    def measure(self, context: Context) -> xr.Dataset:
        """The labelled arrays of one realization."""


@choice
class Measures:
    """The ``[measure.*]`` sections of a job: a field is all that a new measurement needs.

    >>> import bigbath as bb
    >>> chosen = bb.Measures(gap_ratio={}, entanglement={"cuts": [[0, 1]]})
    >>> chosen.participation is None
    True
    """

    distribution: MeasureDistribution | None = None
    gap_ratio: MeasureGapRatio | None = None
    interaction: MeasureInteraction | None = None
    propagator: MeasurePropagator | None = None
    cavity: MeasureCavity | None = None
    dephasing: MeasureDephasing | None = None
    evolution: MeasureEvolution | None = None
    long_time: MeasureLongTime | None = None
    participation: MeasureParticipation | None = None
    entanglement: MeasureEntanglement | None = None
    observables: MeasureObservables | None = None
    spacings: MeasureSpacings | None = None
    number_variance: MeasureNumberVariance | None = None
    form_factor: MeasureFormFactor | None = None
    dynamics: MeasureDynamics | None = None

    @property
    def level_statistics(self) -> tuple[LevelStatistic, ...]:
        """Those that need resolved levels."""
        chosen = (getattr(self, field.name) for field in fields(self))
        return tuple(m for m in chosen if isinstance(m, LevelStatistic))

    @property
    def looked_at_before(self) -> tuple[Any, ...]:
        """Those that can say from the model alone that they are impossible."""
        chosen = (getattr(self, field.name) for field in fields(self))
        return tuple(m for m in chosen if hasattr(m, "before"))

    @property
    def of_vectors(self) -> tuple[str, ...]:
        """Names of those that need eigenvectors of H."""
        chosen = ((field.name, getattr(self, field.name)) for field in fields(self))
        return tuple(name for name, m in chosen if m is not None and getattr(m, "needs_vectors", True))

    @property
    def need_states(self) -> tuple[str, ...]:
        """Names of the chosen measurements that are made of eigenstates of H."""
        chosen = ((f.name, getattr(self, f.name)) for f in fields(self))
        return tuple(name for name, m in chosen if m is not None and getattr(m, "needs_states", True))

    def before(
        self, resolution: Resolution, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None
    ) -> None:
        """JobError, ImpossibleRequest, UnresolvedSpectrum for what can be refused before any work; ``symmetries``, ``sector`` as in
        ``[spectrum]``.
        """
        if self.propagator is not None and sector:
            raise ImpossibleRequest("measure.propagator: Green functions need the whole space: remove spectrum.sector")
        for measurement in self.looked_at_before:
            measurement.before(resolution, symmetries, sector)

    def run(self, context: Context) -> xr.Dataset:
        """All measurements of one realization in one labelled dataset, made in the order of the fields."""
        done: dict[str, xr.Dataset] = {}
        for name in (field.name for field in fields(self)):
            chosen: Measurement | None = getattr(self, name)
            if chosen is not None:
                done[name] = chosen.measure(replace(context, done=dict(done)))
        return (
            xr.merge(done.values(), compat="no_conflicts", join="outer", combine_attrs="no_conflicts")
            if done
            else xr.Dataset()
        )


__all__ = [
    "Context",
    "MeasureCavity",
    "MeasureDephasing",
    "MeasureDistribution",
    "MeasureDynamics",
    "MeasureEntanglement",
    "MeasureEvolution",
    "MeasureFormFactor",
    "MeasureGapRatio",
    "MeasureInteraction",
    "MeasureLongTime",
    "MeasureNumberVariance",
    "MeasureObservables",
    "MeasureParticipation",
    "MeasurePropagator",
    "MeasureSpacings",
    "Measures",
    "caveats",
    "disorder_average",
]
