"""Lorentzian width and shift of binned distributions (entropy paper, Eqs. 33, 34)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bigbath.broadening.shells import Shells
from bigbath.compact import Compact
from bigbath.errors import ImpossibleRequest
from bigbath.kernels import fit_lorentzians

#: What a shell's probability is compared with: the Lorentzian at the shell's mean energy times its width, as in the paper,
#: or the Lorentzian's integral over the shell.
Sampling = Literal["points", "integrals"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LorentzianFit(Compact):
    """Fits of distributions (..., S): ``centre`` = a_mu,i + Delta_mu,i, ``chi`` the half width, each (...).

    ``*_error``: standard errors from the scatter of the residuals; ``rms``: root mean square residual;
    ``converged``: bool; ``shell_width``. Energies in units of the coupling.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=5))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> d = bb.distribution(states, bath, bb.system_states(model), width=0.5)
    >>> bb.fit_lorentzian(d.shells, d.P).chi.shape
    (32, 2)
    """

    centre: np.ndarray
    chi: np.ndarray
    centre_error: np.ndarray
    chi_error: np.ndarray
    rms: np.ndarray
    converged: np.ndarray
    shell_width: float

    @property
    def resolved(self) -> np.ndarray:
        """Whether the shells resolve the width (...): chi is at least the width of a shell. Else it is only known as small."""
        return self.converged & (self.chi >= self.shell_width)

    def profile(self, energy: np.ndarray) -> np.ndarray:
        """Probability density (..., E) of the fitted Lorentzians at ``energy`` (E,); Eq. 33 without e^-S."""
        offset = energy - self.centre[..., None]
        chi = self.chi[..., None]
        return chi / np.pi / (offset**2 + chi**2)


def fit_lorentzian(
    shells: Shells, P: np.ndarray, *, sampling: Sampling = "points", from_peak: bool = False
) -> LorentzianFit:
    """Least-squares fit of a Lorentzian to every distribution P (..., S) over shells.

    ``sampling``: "points" compares P(M) with width x Lorentzian at the mean energy of M, as in the paper; "integrals" with
    the Lorentzian's integral over M, which has no bias where chi is not large beside the shells. All shells that hold
    levels count alike. The best of all minima is taken, or with ``from_peak`` the one reached from the highest shell, as
    the paper's fits were. ImpossibleRequest with fewer than three such shells.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=5))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> d = bb.distribution(states, bath, bb.system_states(model), width=0.5)
    >>> bool((bb.fit_lorentzian(d.shells, d.P, sampling="integrals").chi > 0).all())
    True
    """
    filled = shells.filled
    if filled.sum() < 3:
        raise ImpossibleRequest(
            f"only {int(filled.sum())} shell(s) of width {shells.width:g} lie inside the window: too few for a fit. "
            "Widen spectrum.window or reduce measure.distribution.shell_width."
        )
    integrals = sampling == "integrals"
    x = (shells.edges[:-1] if integrals else shells.energy)[filled]
    table = fit_lorentzians(x, P[..., filled].reshape(-1, x.size), shells.width, binned=integrals, from_peak=from_peak)
    centre, chi, centre_error, chi_error, rms, converged = (column.reshape(P.shape[:-1]) for column in table.T)
    return LorentzianFit(
        centre=centre, chi=chi, centre_error=centre_error, chi_error=chi_error, rms=rms,
        converged=converged.astype(bool), shell_width=shells.width,
    )  # fmt: skip
