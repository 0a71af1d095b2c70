"""Levels of a spectrum: the states of one energy belong together, since time averages do not tell them apart (Eqs. 1-3)."""

from dataclasses import dataclass

import numpy as np

from bigbath.solvers import Eigenstates
from bigbath.solvers.window import TIE


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """``index``: (k,) level of each state, in the order of ``Eigenstates.energies``, ascending; ``energy``: (l,) mean energy
    and ``degeneracy``: (l,) number of states of each level.
    """

    index: np.ndarray
    energy: np.ndarray
    degeneracy: np.ndarray

    @property
    def state_degeneracy(self) -> np.ndarray:
        """Number of states in the level of each state (k,): 1 where the state itself is well defined."""
        return self.degeneracy[self.index]


def levels_of(states: Eigenstates) -> Levels:
    """Levels of ``states``, of all sectors together; energies closer than the solvers' rounding are one level."""
    return levels_of_energies(states.energies, TIE * states.evidence.norm)


def levels_of_energies(energies: np.ndarray, tie: float) -> Levels:
    """Levels of ``energies`` (k,), ascending but for less than ``tie``; a gap wider than ``tie`` begins a new one."""
    ascending = np.maximum.accumulate(energies)
    index = np.cumsum(np.diff(ascending, prepend=-np.inf) > tie) - 1
    degeneracy = np.bincount(index)
    return Levels(index=index, energy=np.bincount(index, energies) / np.maximum(degeneracy, 1), degeneracy=degeneracy)
