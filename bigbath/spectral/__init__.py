"""Spectral functions from Chebyshev moments: no eigenstates needed."""

from bigbath.spectral.chebyshev import Scale, StateMoments, moments_of_state, scale, window_coefficients
from bigbath.spectral.double import DoubleMoments, ShellSpectra, double_moments, shell_spectra
from bigbath.spectral.width import WidthFit, fit_width

__all__ = [
    "DoubleMoments", "Scale", "ShellSpectra", "StateMoments", "WidthFit", "double_moments", "fit_width", "moments_of_state",
    "scale", "shell_spectra", "window_coefficients",
]  # fmt: skip
