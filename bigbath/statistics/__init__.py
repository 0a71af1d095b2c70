"""Statistics of levels: arrays of energies of one irreducible sector in, numbers out."""

from bigbath.statistics.errors import standard_error, student
from bigbath.statistics.form_factor import FormFactor, amplitude, averaged, expected_form_factor, gaussian_filter
from bigbath.statistics.gap_ratios import gap_ratio, surmise
from bigbath.statistics.multifractal import Dimension, multifractal_dimension
from bigbath.statistics.number_variance import expected_number_variance, number_variance
from bigbath.statistics.page import random_entropy
from bigbath.statistics.random_levels import random_levels
from bigbath.statistics.spacings import distance, goe, gue, poisson, spacing_density
from bigbath.statistics.thouless import ThoulessTime, plateau_time, thouless_time
from bigbath.statistics.unfolding import Unfolding, central, fit_unfolding, unfolded

__all__ = [
    "Dimension", "FormFactor", "ThoulessTime", "Unfolding", "amplitude", "averaged", "central", "distance",
    "expected_form_factor", "expected_number_variance", "fit_unfolding", "gap_ratio", "gaussian_filter", "goe", "gue",
    "multifractal_dimension", "number_variance", "plateau_time", "poisson", "random_entropy", "random_levels", "spacing_density",
    "standard_error", "student", "surmise", "thouless_time", "unfolded",
]  # fmt: skip
