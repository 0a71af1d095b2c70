"""Spectral functions from Chebyshev moments: no eigenstates needed."""

from bigbath.spectral.chebyshev import Scaled, scaled_operator, state_moments
from bigbath.spectral.shell_average import (
    Moments,
    ShellAverage,
    ShellVectors,
    Windows,
    jackknife_error,
    shell_average,
    smeared_distribution,
)
from bigbath.spectral.width import ShellParameters, fit_smeared, shell_parameters

__all__ = [
    "Moments", "Scaled", "ShellAverage", "ShellParameters", "ShellVectors", "Windows", "fit_smeared",
    "jackknife_error", "scaled_operator", "shell_average", "shell_parameters", "smeared_distribution", "state_moments",
]  # fmt: skip
