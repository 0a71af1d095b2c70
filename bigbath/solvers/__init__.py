"""Eigenstates of energy windows with evidence: LAPACK, SLEPc shift-invert, Chebyshev filter."""

from bigbath.ranks import Comm
from bigbath.solvers.dense import Dense
from bigbath.solvers.eigenstates import Block, Eigenstates, Evidence
from bigbath.solvers.energy_shells import energy_shells, partition
from bigbath.solvers.filter import Filter
from bigbath.solvers.shift_invert import ShiftInvert
from bigbath.solvers.solve import ENGINES, AnyEngine, Auto, Engine, Wanted, choose, prepare, solve
from bigbath.solvers.window import AnyWindow, Density, Interval, Levels, Nearest, NoStates, Whole, Window

__all__ = [
    "ENGINES", "AnyEngine", "AnyWindow", "Auto", "Block", "Comm", "Dense", "Density", "Eigenstates", "Engine", "Evidence",
    "Filter", "Interval", "Levels", "Nearest", "NoStates", "ShiftInvert", "Wanted", "Whole", "Window", "choose", "energy_shells",
    "partition", "prepare", "solve",
]  # fmt: skip
