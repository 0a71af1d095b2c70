"""Eigenstates of energy windows with evidence: LAPACK, SLEPc shift-invert, Chebyshev filter."""

from bigbath.ranks import Comm
from bigbath.solvers.auto import ENGINES, AnyEngine, Auto
from bigbath.solvers.dense import Dense
from bigbath.solvers.eigenstates import Block, Eigenstate, Eigenstates, Evidence
from bigbath.solvers.energy_shells import energy_shells, partition
from bigbath.solvers.engine import Engine
from bigbath.solvers.filter import Filter
from bigbath.solvers.forecast import Forecast
from bigbath.solvers.problem import Problem
from bigbath.solvers.shift_invert import ShiftInvert
from bigbath.solvers.solve import Solver, Wanted, prepare, solve
from bigbath.solvers.window import AnyWindow, Density, Interval, Levels, Nearest, NoStates, Whole, Window

__all__ = [
    "ENGINES", "AnyEngine", "AnyWindow", "Auto", "Block", "Comm", "Dense", "Density", "Eigenstate", "Eigenstates", "Engine", "Evidence",
    "Filter", "Forecast", "Interval", "Levels", "Nearest", "NoStates", "Problem", "ShiftInvert", "Solver", "Wanted", "Whole", "Window",
    "energy_shells", "partition", "prepare", "solve",
]  # fmt: skip
