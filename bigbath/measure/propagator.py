"""Measurement ``propagator``: direct and theoretical D_ab and A on a grid (diffusion paper, Eqs. 7, 13-17, 22)."""

import xarray as xr

from bigbath.choice import choice
from bigbath.diffusion import autocorrelation, diffusion_theory, direct_propagator, disconnected, level_broadening
from bigbath.measure.context import Context
from bigbath.measure.grid import Energies, LaplaceVariables, branch_coordinates, level_spacing

#: Quantiles of the level broadenings that are stored.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@choice
class MeasurePropagator:
    """Grid of ``epsilon`` and ``kappa`` > 0; needs the whole spectrum of H and, for the theory, of the bath.

    >>> import bigbath as bb
    >>> bb.Measures(propagator=bb.MeasurePropagator(kappa=(0.1, 1.0))).propagator.epsilon
    (0.0,)
    """

    epsilon: Energies = (0.0,)
    kappa: LaplaceVariables

    def measure(self, context: Context) -> xr.Dataset:
        """The propagator of one realization; theory, broadenings and their quantiles when there is a bath.

        D (branch, branch_from, epsilon, kappa) leads from level ``branch_from`` to level ``branch``.
        """
        states, system, report = context.states, context.system, context.report
        direct = direct_propagator(states, system, self.epsilon, self.kappa, report)
        where = ("epsilon", "kappa")
        two_levels = system.energies.size == 2
        data = {
            "D": (("branch", "branch_from", *where), direct.D),
            "nu": (("branch", *where), direct.nu),
            "level_spacing": (
                "epsilon",
                [level_spacing(states.energies, e, "propagator.epsilon") for e in self.epsilon],
            ),
        }
        coords = {"epsilon": list(self.epsilon), "kappa": list(self.kappa)} | branch_coordinates(system.energies.size)
        attrs: dict[str, str] = {}
        if two_levels:
            A = autocorrelation(direct.D)
            data |= {"A": (where, A), "A_connected": (where, A - disconnected(direct.nu, direct.kappa))}
        if context.bath is not None:
            local = level_broadening(states, context.bath, system, self.epsilon, self.kappa, report)
            theory = diffusion_theory(local, context.composite, context.bath, system, self.epsilon, report)
            data |= {
                "B": (("branch", *where), theory.B),
                "D_theory": (("branch", "branch_from", *where), theory.D),
                "Gamma_typical": (where, local.typical),
                "Gamma_quantile": (("quantile", *where), local.quantiles(QUANTILES)),
            }
            if two_levels:
                A = autocorrelation(theory.D)
                data |= {
                    "A_theory": (where, A),
                    "A_theory_connected": (where, A - disconnected(theory.nu, direct.kappa)),
                }
            attrs["theory"] = theory.source
            coords["quantile"] = list(QUANTILES)
        return xr.Dataset(data, coords=coords, attrs=attrs)
