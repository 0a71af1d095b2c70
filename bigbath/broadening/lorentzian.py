"""Lorentzian width and shift of binned distributions (entropy paper, Eqs. 33, 34)."""

from dataclasses import dataclass

import numpy as np

from bigbath.broadening.shells import Shells
from bigbath.errors import ImpossibleRequest
from bigbath.kernels import fit_lorentzians


@dataclass(frozen=True, kw_only=True, eq=False)
class LorentzianFit:
    """Fits of distributions (..., S): ``centre`` = a_mu,i + Delta_mu,i, ``chi`` the half width, each (...).

    ``*_error``: standard errors from the scatter of the residuals; ``rms``: root mean square residual;
    ``converged``: bool. Energies in units of the coupling.
    """

    centre: np.ndarray
    chi: np.ndarray
    centre_error: np.ndarray
    chi_error: np.ndarray
    rms: np.ndarray
    converged: np.ndarray

    def profile(self, energy: np.ndarray) -> np.ndarray:
        """Probability density (..., E) of the fitted Lorentzians at ``energy`` (E,); Eq. 33 without e^-S."""
        offset = energy - self.centre[..., None]
        chi = self.chi[..., None]
        return chi / np.pi / (offset**2 + chi**2)


def fit_lorentzian(shells: Shells, P: np.ndarray) -> LorentzianFit:
    """Least-squares fit of P(M) = width * Lorentzian(mean energy of M) to every distribution P (..., S).

    All shells that hold levels count alike, as in the paper. ImpossibleRequest with fewer than three such shells.
    """
    filled = shells.filled
    if filled.sum() < 3:
        raise ImpossibleRequest(
            f"only {int(filled.sum())} shell(s) of width {shells.width:g} lie inside the window: too few for a fit. "
            "Widen spectrum.window or reduce measure.distribution.shell_width."
        )
    table = fit_lorentzians(shells.energy[filled], P[..., filled].reshape(-1, int(filled.sum())), shells.width)
    centre, chi, centre_error, chi_error, rms, converged = (column.reshape(P.shape[:-1]) for column in table.T)
    return LorentzianFit(
        centre=centre,
        chi=chi,
        centre_error=centre_error,
        chi_error=chi_error,
        rms=rms,
        converged=converged.astype(bool),
    )
