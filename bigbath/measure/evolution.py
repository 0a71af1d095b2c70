"""Measurement ``evolution``: p_ab(t) exactly, and by the direct and the theory propagator (diffusion paper, Eqs. 2-5, 20, 21)."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.diffusion.coupling import always_flips
from bigbath.diffusion.time_domain import (
    EnergyFilter,
    Evolution,
    ThermalWeight,
    Weight,
    autocorrelation_of,
    direct_evolution,
    earliest,
    exact_evolution,
    theory_evolution,
)
from bigbath.dynamics import JointProbability, joint_probability
from bigbath.measure.context import Context
from bigbath.measure.grid import branch_coordinates
from bigbath.operators import build
from bigbath.solvers import NoStates

#: Levels of p_ab(t) at t and at 0, and the time.
PAIR = ("branch", "branch_from", "time")


@choice
class MeasureEvolution:
    """Joint probabilities at ``times`` > 0; the initial state is a filter of ``width`` about ``centre``, or thermal, ``beta``.

    The theory needs the bath's whole spectrum, two levels that V always flips, and times from 2/width on (thermal: six
    over the standard deviation of the levels of H). ``direct``: also from the direct propagator, Eqs. 5 and 7. ``vectors``:
    also by evolving so many random vectors, which needs no eigenstates.

    >>> import bigbath as bb
    >>> bb.MeasureEvolution(times=[1.0, 2.0], width=2.0).times
    (1.0, 2.0)
    """

    times: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    centre: float = 0.0
    width: Annotated[float, Field(gt=0)] | None = None
    beta: float | None = None
    tolerance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-4
    direct: bool | None = None
    vectors: Annotated[int, Field(ge=2)] | None = None

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

    @property
    def needs_states(self) -> bool:
        """Whether nothing can be measured without eigenstates of H."""
        return self.vectors is None

    def measure(self, context: Context) -> xr.Dataset:
        """``p_time`` (branch, branch_from, time) exactly; ``p_time_direct``, ``p_time_theory`` by Eqs. 5, 7 and 20, NaN before
        their ``earliest_time``; ``p_time_evolved`` from random vectors.

        ``p_time_error`` bounds the error of Eq. 5, not of Eq. 20. ``time_resolved``: False after the Heisenberg time.
        """
        data = self._evolved(context) if self.vectors else {}
        if not isinstance(context.states.window, NoStates):
            data |= self._of_states(context)
        coords = {"time": np.array(self.times)} | branch_coordinates(context.system.energies.size)
        return xr.Dataset(data, coords=coords)

    def _of_states(self, context: Context) -> dict[str, tuple]:
        """What follows from all eigenstates of H."""
        initial, times, states, system, bath = (
            self.initial,
            np.array(self.times),
            context.states,
            context.system,
            context.bath,
        )
        exact = exact_evolution(states, system, initial, times)
        first = earliest(initial, states)
        two_levels, late = system.energies.size == 2, times >= first
        data: dict[str, tuple] = {"p_time": (PAIR, exact.p), "time_resolved": ("time", exact.resolved.astype("i1"))}
        if two_levels:
            data["autocorrelation"] = ("time", exact.autocorrelation)
        found: dict[str, Evolution | None] = {}
        if self.direct and late.any():
            found["direct"] = direct_evolution(
                states, system, initial, times[late], tolerance=self.tolerance, report=context.report
            )
        if bath is not None and two_levels and always_flips(context.composite, system):
            found["theory"] = None if not late.any() else theory_evolution(
                states, bath, system, initial, times[late], tolerance=self.tolerance, report=context.report
            )  # fmt: skip
        for name, one in found.items():
            p, error = np.full(exact.p.shape, np.nan), np.full(times.size, np.nan)
            if one is not None:
                p[..., late], error[late] = one.p, one.error
            data |= {f"p_time_{name}": (PAIR, p, {"earliest_time": first}), _error_name(name): ("time", error)}
            if two_levels:
                data[f"autocorrelation_{name}"] = ("time", autocorrelation_of(p))
        return data

    def _evolved(self, context: Context) -> dict[str, tuple]:
        """The same from random vectors, with their errors."""
        assert self.vectors is not None
        order = np.argsort(self.times)
        found: JointProbability = joint_probability(
            build(context.composite), context.system, self.initial, np.array(self.times)[order], vectors=self.vectors,
            seed=1 + context.realization, checkpoint=context.checkpoint.named("evolution"), report=context.report,
        )  # fmt: skip
        back = np.argsort(order)
        data: dict[str, tuple] = {
            "p_time_evolved": (PAIR, found.p[..., back]),
            "p_time_evolved_error": (PAIR, found.error[..., back]),
        }
        if context.system.energies.size == 2:
            data |= {
                "autocorrelation_evolved": ("time", found.autocorrelation[back]),
                "autocorrelation_evolved_error": ("time", found.autocorrelation_error[back]),
            }
        return data


def _error_name(name: str) -> str:
    """The error of Eq. 5 for the theory, or the direct propagator."""
    return "p_time_error" if name == "theory" else f"p_time_{name}_error"
