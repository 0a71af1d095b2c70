"""Thermalisation in real time: evolution by Chebyshev polynomials on the matrix-free kernels, in any sector."""

from bigbath.dynamics.evolve import evolve
from bigbath.dynamics.joint_probability import JointProbability, joint_probability
from bigbath.dynamics.loschmidt import Loschmidt, SurvivalMean, loschmidt, survival_mean
from bigbath.dynamics.observe import ObservationalEntropy, density_matrix, entanglement, imbalance, local, survival
from bigbath.dynamics.pauli_string import PauliString
from bigbath.dynamics.propagate import Propagator
from bigbath.dynamics.shots import EnergyShots, energy_shots
from bigbath.dynamics.states import (
    charge_sector,
    configuration,
    joint_state,
    product_state,
    random_state,
    thermal_state,
)
from bigbath.dynamics.typicality import Autocorrelation, autocorrelation

__all__ = [
    "Autocorrelation", "EnergyShots", "JointProbability", "Loschmidt", "ObservationalEntropy", "PauliString", "Propagator", "SurvivalMean", "autocorrelation", "charge_sector",
    "configuration", "density_matrix", "energy_shots", "entanglement", "evolve", "imbalance", "joint_probability", "joint_state", "local", "loschmidt",
    "product_state", "random_state", "survival", "survival_mean", "thermal_state",
]  # fmt: skip
