"""Measurement ``dephasing``: populations and coherences of the thermometer, exactly and by the ladder of resolvents."""

from itertools import product

import numpy as np
import xarray as xr

from bigbath.choice import choice
from bigbath.diffusion import Superpropagator, direct_superpropagator, ladder_propagator
from bigbath.measure.context import Context
from bigbath.measure.grid import Energies, LaplaceVariables, bath_of


@choice
class MeasureDephasing:
    """Grid of ``epsilon`` and ``kappa`` > 0; needs the whole spectra of H and of the bath.

    >>> import bigbath as bb
    >>> bb.Measures(dephasing=bb.MeasureDephasing(kappa=[1.0])).dephasing.epsilon
    (0.0,)
    """

    epsilon: Energies = (0.0,)
    kappa: LaplaceVariables

    def measure(self, context: Context) -> xr.Dataset:
        """Real and imaginary parts of the propagator from element ``element_from`` to ``element`` of the density matrix.

        Elements are named "1,2" for |1><2|, levels from 1, ascending. ``ladder_residual``: see ``Superpropagator``.
        """
        system, bath = context.system, bath_of(context, "dephasing")
        found = ladder_propagator(context.composite, bath, system, self.epsilon, self.kappa, context.report)
        exact = direct_superpropagator(context.states, system, self.epsilon, self.kappa, context.report)
        levels = range(1, system.energies.size + 1)
        names = [f"{a},{b}" for a, b in product(levels, levels)]
        where = ("epsilon", "kappa")

        def elements(d: Superpropagator) -> np.ndarray:
            return d.D.reshape(len(names), len(names), *d.D.shape[4:])

        data = {
            f"{name}_{part}": (("element", "element_from", *where), getattr(elements(d), part))
            for name, d in (("superpropagator", exact), ("ladder", found))
            for part in ("real", "imag")
        }
        coords = {"element": names, "element_from": names, "epsilon": list(self.epsilon), "kappa": list(self.kappa)}
        return xr.Dataset(data | {"ladder_residual": (where, found.residual)}, coords=coords)
