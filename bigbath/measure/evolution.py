"""Measurement ``evolution``: p_ab(t) exactly and by the diffusion theory (diffusion paper, Eqs. 2-5, 20, 21)."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.diffusion.coupling import always_flips
from bigbath.diffusion.time_domain import (
    EnergyFilter,
    ThermalWeight,
    Weight,
    earliest,
    exact_evolution,
    theory_evolution,
)
from bigbath.measure.context import Context
from bigbath.measure.grid import branch_coordinates


@choice
class MeasureEvolution:
    """Joint probabilities at ``times`` > 0; the initial state is a filter of ``width`` about ``centre``, or thermal, ``beta``.

    The theory needs the bath's whole spectrum, two levels that V always flips, and times from 2/width on (thermal: six
    over the standard deviation of the levels of H).

    >>> import bigbath as bb
    >>> bb.MeasureEvolution(times=[1.0, 2.0], width=2.0).times
    (1.0, 2.0)
    """

    times: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    centre: float = 0.0
    width: Annotated[float, Field(gt=0)] | None = None
    beta: float | None = None
    tolerance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-4

    @model_validator(mode="after")
    def _check(self) -> "MeasureEvolution":
        if (self.width is None) == (self.beta is None):
            raise ValueError("give either width (of a filter about centre) or beta (thermal)")
        return self

    @property
    def initial(self) -> Weight:
        """f(H)."""
        if self.width is not None:
            return EnergyFilter(centre=self.centre, width=self.width)
        assert self.beta is not None
        return ThermalWeight(beta=self.beta)

    def measure(self, context: Context) -> xr.Dataset:
        """``p_time`` (branch, branch_from, time) exactly; ``p_time_theory`` by Eqs. 5 and 20, NaN before its ``earliest_time``.

        ``p_time_error`` bounds the error of Eq. 5, not of Eq. 20. ``time_resolved``: False after the Heisenberg time.
        """
        initial, times = self.initial, np.array(self.times)
        states, system, bath = context.states, context.system, context.bath
        pair = ("branch", "branch_from", "time")
        exact = exact_evolution(states, system, initial, times)
        data: dict[str, tuple] = {"p_time": (pair, exact.p), "time_resolved": ("time", exact.resolved.astype("i1"))}
        if system.energies.size == 2:
            data["autocorrelation"] = ("time", exact.autocorrelation)
        if bath is not None and system.energies.size == 2 and always_flips(context.composite, system):
            p, error = np.full(exact.p.shape, np.nan), np.full(times.size, np.nan)
            first = earliest(initial, states)
            late = times >= first
            if late.any():
                theory = theory_evolution(
                    states, bath, system, initial, times[late], tolerance=self.tolerance, report=context.report  # type: ignore[arg-type]
                )  # fmt: skip
                p[..., late], error[late] = theory.p, theory.error
            data |= {
                "p_time_theory": (pair, p, {"earliest_time": first}),
                "p_time_error": ("time", error),
                "autocorrelation_theory": ("time", p[0, 0] - p[0, 1] - p[1, 0] + p[1, 1]),
            }
        return xr.Dataset(data, coords={"time": times} | branch_coordinates(system.energies.size))
