"""How the interaction broadens a product state over the eigenstates of H (entropy paper)."""

from bigbath.broadening.distribution import Distribution, distribution
from bigbath.broadening.lorentzian import LorentzianFit, fit_lorentzian
from bigbath.broadening.shells import Shells, shells_of
from bigbath.broadening.system import SystemStates, system_states

__all__ = [
    "Distribution", "LorentzianFit", "Shells", "SystemStates", "distribution", "fit_lorentzian", "shells_of", "system_states",
]  # fmt: skip
