"""Measurement ``observables``: local expectation values in each eigenstate."""

from functools import partial
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.vectors import each_state, level_mean, multiplicity


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


def local_expectations(vectors: np.ndarray, pauli: str, sites: int) -> np.ndarray:
    """<v|sigma^a_j|v> (m, sites) of the columns of ``vectors`` (2^sites, m)."""
    return np.stack([expectation(vectors, pauli, j, sites) for j in range(sites)], axis=1)


def expectation(vectors: np.ndarray, pauli: str, site: int, sites: int) -> np.ndarray:
    """<v|sigma^a_j|v> (m,) of the columns of ``vectors`` (2^sites, m)."""
    up, down = np.moveaxis(vectors.reshape(2**site, 2, -1, vectors.shape[1]), 1, 0)
    if pauli == "z":
        return np.sum(np.abs(up) ** 2 - np.abs(down) ** 2, axis=(0, 1))
    overlap = np.sum(up.conj() * down, axis=(0, 1))
    return 2 * (overlap.real if pauli == "x" else overlap.imag)
