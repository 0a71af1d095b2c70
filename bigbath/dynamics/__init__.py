"""Thermalisation in real time: evolution by Chebyshev polynomials on the matrix-free kernels, in any sector."""

from bigbath.dynamics.propagate import Propagator, evolve
from bigbath.dynamics.states import configuration, product_state, random_state, thermal_state

__all__ = ["Propagator", "configuration", "evolve", "product_state", "random_state", "thermal_state"]
