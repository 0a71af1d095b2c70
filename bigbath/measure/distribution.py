"""Measurement ``distribution``: p_n, shells, entropies and Lorentzian fits (entropy paper, Eqs. 2, 3, 31-34, 52)."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.broadening import distribution, fit_lorentzian
from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context


@choice
class MeasureDistribution:
    """``shell_width``: Delta of Eq. 31. ``fit``: "lorentzian" or "none". ``keep``: store every p_n."""

    shell_width: Annotated[float, Field(gt=0)] = 0.5
    fit: Literal["lorentzian", "none"] = "lorentzian"
    keep: bool = False

    def measure(self, context: Context) -> xr.Dataset:
        """Distributions of the job's product states over the job's eigenstates."""
        if context.bath is None:
            raise JobError("measure.distribution needs initial states: add a [bath] section with a window")
        d = distribution(
            context.states,
            context.bath,
            context.system,
            width=self.shell_width,
            keep=self.keep,
            accept_unverified=context.accept_unverified,
            report=context.report,
        )
        pair = ("bath_state", "branch")
        data = {
            "shell_energy": ("shell", d.shells.energy),
            "shell_count": ("shell", d.shells.count),
            "shell_lower_edge": ("shell", d.shells.edges[:-1]),
            "P": ((*pair, "shell"), d.P),
            "norm": (pair, d.norm),
            "mean_energy": (pair, d.mean),
            "second_moment": (pair, d.second_moment),
            "shannon": (pair, d.shannon),
            "renyi2": (pair, d.renyi2),
        }
        if d.p is not None:
            data["p"] = ((*pair, "state"), d.p)
        if self.fit == "lorentzian":
            fit = fit_lorentzian(d.shells, d.P)
            for name in ("centre", "chi", "centre_error", "chi_error"):
                data[name] = (pair, getattr(fit, name))
            data["fit_rms"] = (pair, fit.rms)
            data["fit_converged"] = (pair, fit.converged.astype("i1"))
        number = d.shells.first + np.arange(d.shells.count.size)
        return xr.Dataset(data, coords={"shell": number}, attrs={"shell_width": self.shell_width})
