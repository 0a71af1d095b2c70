"""Measurement ``observables``: local expectation values in each eigenstate."""

from functools import partial
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.vectors import OfVectors, each_state, level_mean, multiplicity
from bigbath.spaces import Space


@choice
class MeasureObservables:
    """<n|sigma^a_j|n> of every site j for the Pauli matrices in ``pauli``; site 0 is the system's first.

    What eigenstate thermalisation says of them is their smoothness in energy. Cost L D a state and matrix. For a
    degenerate level it is the trace over the level divided by its multiplicity, the same for each of its states.
    """

    pauli: Annotated[tuple[Literal["x", "y", "z"], ...], Field(min_length=1)] = ("z", "x")

    def measure(self, context: Context) -> xr.Dataset:
        """Variables ``sigma_z`` and so on, (state, site)."""
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        sites = context.sites
        data: dict[str, tuple] = {"multiplicity": ("state", multiplicity(states))}
        for letter in self.pauli:
            values = each_state(states, partial(local_expectations, pauli=letter, sites=sites))
            data[f"sigma_{letter}"] = (("state", "site"), level_mean(states, values.reshape(-1, sites)))
        return xr.Dataset(data, coords={"site": np.arange(sites)})


def local_expectations(space: Space, pauli: str, sites: int) -> OfVectors:
    """<v|sigma^a_j|v> (m, sites) of vectors (d, m) over a space; 0 where a flip leads out of it."""
    states = space.states()

    def expectations(vectors: np.ndarray) -> np.ndarray:
        return np.stack([_expectation(vectors, states, space, pauli, 1 << (sites - 1 - j)) for j in range(sites)], axis=1)

    return expectations


def _expectation(vectors: np.ndarray, states: np.ndarray, space: Space, pauli: str, bit: int) -> np.ndarray:
    up = states & bit == 0
    if pauli == "z":
        return np.sum(np.where(up, 1.0, -1.0)[:, None] * np.abs(vectors) ** 2, axis=0)
    flipped = space.index(states[up] | bit)
    inside = flipped >= 0
    overlap = np.sum(vectors[up][inside].conj() * vectors[flipped[inside]], axis=0)
    return 2 * (overlap.real if pauli == "x" else overlap.imag)
