"""How width and entropies depend on the strength of the interaction (entropy paper, Eqs. 38, 53: the logarithmic law)."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bigbath.broadening import distribution, fit_lorentzian
from bigbath.broadening.entropy import observational
from bigbath.cluster.realize import system_states
from bigbath.models import SpinComposite, scaled
from bigbath.operators import build
from bigbath.solvers import Whole, solve


def coupling_law(
    composite: SpinComposite, factors: Sequence[float], *, shell_width: float, window: tuple[float, float]
) -> xr.Dataset:
    """Means over the initial states with bath energy in ``window``, with V times each of ``factors``.

    Variables along ``factor``: ``chi``, its standard deviation ``chi_spread``, ``von_neumann``, ``observational``, ``renyi2``.
    The whole spectrum is diagonalised for each factor; the bath once. Where chi is below ``shell_width`` a fit to shells says
    nothing about it.

    >>> import bigbath as bb
    >>> found = bb.coupling_law(bb.draw(bb.Imbrie(L=5)), [0.5, 1.0], shell_width=0.5, window=(-2.0, 2.0))
    >>> bool(found.chi.sel(factor=0.5) < found.chi.sel(factor=1.0))
    True
    """
    bath, system = solve(build(composite, "B"), Whole()), system_states(composite)
    chosen = (bath.energies >= window[0]) & (bath.energies <= window[1])
    rows = []
    for factor in factors:
        states = solve(build(scaled(composite, factor)), Whole())
        d = distribution(states, bath, system, width=shell_width)
        chi = fit_lorentzian(d.shells, d.P).chi[chosen]
        entropy = observational(d.P, d.shells.count)[chosen]
        rows.append((np.median(chi), chi.std(), d.shannon[chosen].mean(), entropy.mean(), d.renyi2[chosen].mean()))
    names = ("chi", "chi_spread", "von_neumann", "observational", "renyi2")
    data = {name: ("factor", np.array(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return xr.Dataset(data, coords={"factor": np.array(factors, dtype=float)})
