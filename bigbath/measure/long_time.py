"""Measurement ``long_time``: stationary and thermal probabilities of the thermometer (diffusion paper, Eqs. 26-31)."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.diffusion import diffusion_theory, interaction_strength, level_broadening
from bigbath.diffusion.long_time import (
    BathDensity,
    balanced_mode,
    effective_rates,
    imbalance,
    infinite_time_average,
    left_zero_mode,
    stationary,
)
from bigbath.diffusion.time_domain import EnergyFilter
from bigbath.measure.context import Context
from bigbath.measure.grid import bath_of, branch_coordinates, level_spacing


@choice
class MeasureLongTime:
    """Initial state: a filter of ``width`` about ``centre``. ``kappa``: where Eq. 26 is evaluated instead of at 0
    [default: the mean level spacing of H]. Needs the whole spectra of H and of the bath.

    >>> import bigbath as bb
    >>> bb.Measures(long_time=bb.MeasureLongTime(width=0.5)).long_time.centre
    0.0
    """

    centre: float = 0.0
    width: Annotated[float, Field(gt=0)] = 1.0
    kappa: Annotated[float, Field(gt=0)] | None = None

    def measure(self, context: Context) -> xr.Dataset:
        """Exact time average, Eq. 26 from the theory's zero mode, Eq. 28 in both forms, Eq. 29, and the balance of Eq. 31.

        ``long_time_resolved`` is 0 where ``kappa`` is below the level spacing: then Eq. 26 is made of single levels.
        """
        states, system, bath = context.states, context.system, bath_of(context, "long_time")
        initial = EnergyFilter(centre=self.centre, width=self.width)
        spacing = level_spacing(states.energies, self.centre, "long_time.centre")
        kappa = spacing if self.kappa is None else self.kappa
        energies = np.linspace(self.centre - 2 * self.width, self.centre + 2 * self.width, 9)
        energies = energies[(energies > states.energies[0]) & (energies < states.energies[-1])]
        local = level_broadening(states, bath, system, energies, [kappa], context.report)
        theory = diffusion_theory(local, context.composite, bath, system, energies, context.report)
        nu, B = theory.nu[..., 0], theory.B[..., 0]
        s, _ = left_zero_mode(theory.Pi[..., 0], B)
        weights = initial.unnormalised(energies) * nu.sum(axis=0)
        weights /= weights.sum()
        density = BathDensity(energies=bath.energies, width=self.width)
        strength = interaction_strength(context.composite, bath, system)
        rates = effective_rates(np.einsum("ajbk,bke->ajbe", strength, local.nu[..., 0], optimize=True))
        middle = int(np.abs(energies - self.centre).argmin())
        pair = ("branch", "branch_from")
        data = {
            "p_infinite": (pair, infinite_time_average(states, system, initial)),
            "p_stationary": (pair, stationary(nu, B, s, weights)),
            "p_thermal": ("branch", density.thermal(self.centre, system.energies)),
            "p_canonical": ("branch", density.canonical(self.centre, system.energies)),
            "bath_beta": ((), float(density.beta(self.centre))),
            "zero_mode": ("branch", s[:, middle]),
            "balanced_mode": ("branch", balanced_mode(nu, B)[:, middle]),
            "rate": (pair, rates[..., middle].T),
            "imbalance": ("branch", imbalance(rates, nu)[:, middle]),
            "long_time_resolved": ((), np.int8(kappa >= spacing)),
        }
        attrs = {"long_time_kappa": kappa, "long_time_level_spacing": spacing}
        return xr.Dataset(data, coords=branch_coordinates(system.energies.size), attrs=attrs)
