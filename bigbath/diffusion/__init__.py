"""Thermalisation as diffusion in Hilbert space: propagators, level broadenings, cavity equation (diffusion paper)."""

from bigbath.diffusion.coupling import interaction_elements, interaction_strength
from bigbath.diffusion.ladder import Superpropagator, direct_superpropagator, ladder_propagator
from bigbath.diffusion.propagator import Propagator, autocorrelation, direct_propagator, disconnected
from bigbath.diffusion.theory import (
    Broadening,
    Theory,
    broadening_of,
    diagonal_green,
    diffusion_propagator,
    diffusion_theory,
    level_broadening,
    rates,
    transition_matrix,
    two_level_propagator,
    two_level_transition,
)  # fmt: skip

__all__ = [
    "Broadening", "Propagator", "Superpropagator", "Theory", "autocorrelation", "broadening_of", "diagonal_green",
    "diffusion_propagator", "diffusion_theory", "direct_propagator", "direct_superpropagator", "disconnected",
    "interaction_elements", "interaction_strength", "ladder_propagator", "level_broadening", "rates", "transition_matrix",
    "two_level_propagator", "two_level_transition",
]  # fmt: skip
