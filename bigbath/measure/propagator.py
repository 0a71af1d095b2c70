"""Measurement ``propagator``: direct and theoretical D_ab and A on a grid (diffusion paper, Eqs. 7, 13-17, 22)."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.diffusion import autocorrelation, diffusion_theory, direct_propagator, disconnected, level_broadening
from bigbath.errors import JobError
from bigbath.measure.context import Context

#: Quantiles of the level broadenings that are stored.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@choice
class MeasurePropagator:
    """Grid of ``epsilon`` and ``kappa`` > 0; needs the whole spectrum of H and, for the theory, of the bath."""

    epsilon: Annotated[tuple[float, ...], Field(min_length=1)] = (0.0,)
    kappa: Annotated[tuple[float, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> "MeasurePropagator":
        if min(self.kappa) <= 0:
            raise ValueError(f"kappa must be positive, got {min(self.kappa)}")
        return self

    def measure(self, context: Context) -> xr.Dataset:
        """The propagator of one realization; theory, broadenings and their quantiles when there is a bath."""
        states, system, report = context.states, context.system, context.report
        direct = direct_propagator(states, system, self.epsilon, self.kappa, report)
        where = ("epsilon", "kappa")
        data = {
            "D": (("branch", "branch_from", *where), direct.D),
            "nu": (("branch", *where), direct.nu),
            "level_spacing": ("epsilon", [level_spacing(states.energies, e) for e in self.epsilon]),
        }
        attrs: dict[str, str] = {}
        branches = list(range(1, system.energies.size + 1))
        coords = {"branch": branches, "branch_from": branches, "epsilon": list(self.epsilon), "kappa": list(self.kappa)}
        if system.energies.size == 2:
            data |= {
                "A": (where, autocorrelation(direct.D)),
                "A_connected": (where, autocorrelation(direct.D) - disconnected(direct.nu, direct.kappa)),
            }
        if context.bath is not None:
            local = level_broadening(states, context.bath, system, self.epsilon, self.kappa, report)
            theory = diffusion_theory(local, context.composite, context.bath, system, self.epsilon, report)
            data |= {
                "B": (("branch", *where), theory.B),
                "D_theory": (("branch", "branch_from", *where), theory.D),
                "Gamma_typical": (where, local.typical),
                "Gamma_quantile": (("quantile", *where), local.quantiles(QUANTILES)),
            }
            if system.energies.size == 2:
                A = autocorrelation(theory.D)
                data |= {
                    "A_theory": (where, A),
                    "A_theory_connected": (where, A - disconnected(theory.nu, direct.kappa)),
                }
            attrs["theory"] = theory.source
            coords["quantile"] = list(QUANTILES)
        return xr.Dataset(data, coords=coords, attrs=attrs)


def level_spacing(energies: np.ndarray, energy: float) -> float:
    """Mean spacing of the sqrt(k) levels nearest ``energy``, ascending ``energies`` (k,); JobError outside them."""
    if not energies[0] <= energy <= energies[-1]:
        inside = f"[{energies[0]:g}, {energies[-1]:g}]"
        raise JobError(f"measure.propagator: epsilon = {energy:g} lies outside the spectrum {inside}")
    count = max(2, int(np.sqrt(energies.size)))
    nearest = np.sort(energies[np.argsort(np.abs(energies - energy), kind="stable")[:count]])
    return float((nearest[-1] - nearest[0]) / (count - 1))
