"""Spaces of configurations: which basis states there are, in which order."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from bigbath.conserved.charges import Charge
from bigbath.spaces.charges import Values, configurations, dimensions


class Space(Protocol):
    """Basis states, numbered 0 ... dim - 1 in ascending order of their configuration.

    A configuration is an integer with site j in bit L-1-j, 0 = up; for a model without sites the number of a state.
    """

    @property
    def dim(self) -> int:
        """Number of basis states."""

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Charges that are fixed."""

    @property
    def values(self) -> Values:
        """Their values."""

    def states(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Configurations of the basis states ``first`` ... ``last`` - 1, int64."""

    def index(self, states: np.ndarray) -> np.ndarray:
        """Numbers of configurations, of the same shape, int64; -1 for those outside the space."""


@dataclass(frozen=True)
class Everything:
    """All configurations: 2^L of them, or the D states of a given matrix. Number and configuration are the same."""

    dim: int
    charges: tuple[Charge, ...] = field(default=(), init=False)
    values: Values = field(default=(), init=False)

    def states(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Configurations of a range of basis states."""
        return np.arange(first, self.dim if last is None else last, dtype=np.int64)

    def index(self, states: np.ndarray) -> np.ndarray:
        """Numbers of configurations."""
        return np.asarray(states, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class FixedCharges:
    """The configurations of ``sites`` spins with given ``values`` of ``charges``; 8 bytes a state, once they are listed.

    The order, ascending configurations, is that of QuSpin's ``spin_basis_general(L, Nup=...)``: its integers have 1 = up,
    so that ``basis.states == 2**L - 1 - space.states()``.
    """

    sites: int
    charges: tuple[Charge, ...]
    values: Values

    @cached_property
    def dim(self) -> int:
        """Number of basis states, from a count alone."""
        return dimensions(self.charges, self.sites).get(self.values, 0)

    @cached_property
    def _states(self) -> np.ndarray:
        return configurations(self.charges, self.values, self.sites)

    def states(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Configurations of a range of basis states."""
        return self._states[first:last]

    def index(self, states: np.ndarray) -> np.ndarray:
        """Numbers of configurations, by bisection; -1 outside."""
        place = np.searchsorted(self._states, states)
        found = self._states[np.minimum(place, self.dim - 1)] == states
        return np.where(found, place, -1)
