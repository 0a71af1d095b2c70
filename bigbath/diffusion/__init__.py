"""Thermalisation as diffusion in Hilbert space: propagators, level broadenings, cavity equation (diffusion paper)."""

from bigbath.diffusion.propagator import Propagator, autocorrelation, direct_propagator
from bigbath.diffusion.theory import (
    Broadening,
    Theory,
    broadening_of,
    diagonal_green,
    diffusion_propagator,
    diffusion_theory,
    interaction_strength,
    level_broadening,
    rates,
    transition_matrix,
    two_level_propagator,
    two_level_transition,
)  # fmt: skip

__all__ = [
    "Broadening", "Propagator", "Theory", "autocorrelation", "broadening_of", "diagonal_green", "diffusion_propagator",
    "diffusion_theory", "direct_propagator", "interaction_strength", "level_broadening", "rates", "transition_matrix",
    "two_level_propagator", "two_level_transition",
]  # fmt: skip
