"""Measurement ``cavity``: the cavity equation on the job's matrix, and the memory of single bonds (Eqs. 8, 13-16)."""

from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.diffusion import autocorrelation, two_level_propagator
from bigbath.diffusion.cavity import bond_memory, cavity, cavity_matrix
from bigbath.measure.context import Context
from bigbath.measure.grid import Energies, LaplaceVariables, bath_of, branch_coordinates


@choice
class MeasureCavity:
    """Grid of ``epsilon`` and ``kappa`` > 0; needs the whole spectrum of the bath, but nothing of that of H.

    Bonds with |V_jk|^2 below ``weakest`` carry no messages: much faster for large dense matrices, at 0.001 for the Levy
    model right to about 0.1 per cent.

    >>> import bigbath as bb
    >>> bb.Measures(cavity=bb.MeasureCavity(kappa=[0.3, 1.0])).cavity.kappa
    (0.3, 1.0)
    """

    needs_vectors: ClassVar[bool] = False
    epsilon: Energies = (0.0,)
    kappa: LaplaceVariables
    weakest: Annotated[float, Field(ge=0)] = 0.0

    def measure(self, context: Context) -> xr.Dataset:
        """nu~ and B by the cavity equation; for two levels A by Eq. 20 with them, and A with bond memory.

        Where an iteration did not converge the numbers are NaN.
        """
        system, bath = context.system, bath_of(context, "cavity")
        levels, strength = cavity_matrix(context.composite, bath, system)
        D_S, N = system.energies.size, bath.energies.size
        shape = (len(self.epsilon), len(self.kappa))
        kappa = np.array(self.kappa)
        z = (np.array(self.epsilon)[:, None] + 0.5j * kappa).ravel()
        options = {"weakest": self.weakest, "report": context.report}
        where, attrs = ("epsilon", "kappa"), {"cavity_weakest": self.weakest}
        memory = None
        if D_S == 2:
            source = np.repeat([1.0, -1.0], N)
            memory = bond_memory(levels, strength, z, source, **options)  # type: ignore[arg-type]
            solution = memory.green
        else:
            solution = cavity(levels, strength, z, **options)  # type: ignore[arg-type]
        G = np.where(solution.converged, solution.G, np.nan).reshape(D_S, N, *shape)
        nu, B = (-2 * G.imag).mean(axis=1), (np.abs(G) ** 2).mean(axis=1)
        data = {
            "nu_cavity": (("branch", *where), nu),
            "B_cavity": (("branch", *where), B),
            "cavity_residual": (where, solution.residual.reshape(shape)),
        }
        if memory is not None:
            A = np.where(memory.converged, source @ memory.Y / N, np.nan)
            data |= {
                "A_cavity": (where, autocorrelation(two_level_propagator(nu, B, kappa))),
                "A_memory": (where, A.reshape(shape)),
                "memory_residual": (where, memory.residual.reshape(shape)),
            }
        coords = {"epsilon": list(self.epsilon), "kappa": list(self.kappa)}
        coords["branch"] = branch_coordinates(D_S)["branch"]  # type: ignore[assignment]
        return xr.Dataset(data, coords=coords, attrs=attrs)
