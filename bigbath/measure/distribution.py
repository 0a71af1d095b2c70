"""Measurement ``distribution``: p_n, shells, entropies and Lorentzian fits (entropy paper, Eqs. 2, 3, 31-34, 52)."""

from typing import Annotated, Literal

import xarray as xr
from pydantic import Field

from bigbath.broadening import distribution, fit_lorentzian
from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context


@choice
class MeasureDistribution:
    """``shell_width``: Delta of Eq. 31. ``fit``: "lorentzian" or "none". ``keep``: store every p_n, or only those
    of the bath states nearest the given energies. ``powers``: store the sums of p_n^2, p_n^3, p_n^4 in each shell.

    >>> import bigbath as bb
    >>> bb.Measures(distribution=bb.MeasureDistribution(shell_width=0.5)).distribution.fit
    'lorentzian'
    """

    shell_width: Annotated[float, Field(gt=0)] = 0.5
    fit: Literal["lorentzian", "none"] = "lorentzian"
    keep: bool | tuple[float, ...] = False
    powers: bool = False

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
            powers=self.powers,
            accept_unverified=context.accept_unverified,
            report=context.report,
        )
        if self.fit == "none":
            return d.dataset()
        return d.dataset(
            fit_lorentzian(d.shells, d.P, sampling="points"), fit_lorentzian(d.shells, d.P, sampling="integrals")
        )
