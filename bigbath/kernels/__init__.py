"""Numba kernels: arrays in, arrays out; each has a NumPy twin in the tests."""

from bigbath.kernels.binning import POWERS, SUMS, bin_powers, bin_probabilities
from bigbath.kernels.lorentzian import fit_lorentzians
from bigbath.kernels.overlap import csr_times_columns, overlaps
from bigbath.kernels.self_energy import lorentzian_sums

__all__ = [
    "POWERS", "SUMS", "bin_powers", "bin_probabilities", "csr_times_columns", "fit_lorentzians",
    "lorentzian_sums", "overlaps",
]  # fmt: skip
