"""Measurement ``entanglement``: von Neumann entropy of a part of the sites in each eigenstate."""

from functools import partial
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context
from bigbath.measure.participation import renyi
from bigbath.measure.vectors import each_state, multiplicity


@choice
class MeasureEntanglement:
    """-Tr rho_A ln rho_A, rho_A = Tr_rest |n><n|, for the system and for every set of sites in ``cuts``.

    Sites are numbered with the system first. Cost D min(d_A, D/d_A) a state and cut. States of a degenerate level have no
    entanglement of their own, since any superposition of them is an eigenstate too: their value is NaN, their
    ``multiplicity`` above 1.
    """

    cuts: tuple[Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)], ...] = ()

    def measure(self, context: Context) -> xr.Dataset:
        """Entropy of the system, ``entanglement``, and of each cut, ``entanglement_cut``, for every state."""
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        d_system, d_bath = context.composite.dims
        system = each_state(states, lambda v: entropies(v.reshape(d_system, d_bath, -1)))
        shared = multiplicity(states)
        data: dict[str, tuple] = {
            "entanglement": ("state", np.where(shared > 1, np.nan, system)),
            "multiplicity": ("state", shared),
        }
        coords = {}
        if self.cuts:
            sites = context.sites
            for cut in self.cuts:
                if max(cut) >= sites or len(set(cut)) < len(cut):
                    raise JobError(f"measure.entanglement.cuts: {list(cut)} are not different sites below {sites}")
            values = [each_state(states, partial(entropies_of_cut, cut=cut, sites=sites)) for cut in self.cuts]
            undefined = (shared > 1)[:, None]
            data["entanglement_cut"] = (("state", "cut"), np.where(undefined, np.nan, np.stack(values, axis=1)))
            coords["cut"] = [" ".join(map(str, cut)) for cut in self.cuts]
        return xr.Dataset(data, coords=coords)


def entropies_of_cut(vectors: np.ndarray, cut: tuple[int, ...], sites: int) -> np.ndarray:
    """Entanglement entropies (m,) between the sites of ``cut`` and the rest, of vectors (2^sites, m)."""
    return entropies(bipartition(vectors, cut, sites))


def bipartition(vectors: np.ndarray, cut: tuple[int, ...], sites: int) -> np.ndarray:
    """Vectors (2^sites, m) as (2^|cut|, 2^(sites-|cut|), m): site j is bit sites-1-j of the basis index."""
    rest = [j for j in range(sites) if j not in cut]
    tensor = vectors.reshape((2,) * sites + (vectors.shape[1],))
    return tensor.transpose(*cut, *rest, sites).reshape(2 ** len(cut), -1, vectors.shape[1])


def entropies(psi: np.ndarray) -> np.ndarray:
    """Entanglement entropies (m,) of pure states (d_A, d_B, m)."""
    small = psi if psi.shape[0] <= psi.shape[1] else psi.transpose(1, 0, 2)
    stacked = np.moveaxis(small, 2, 0)
    weights = np.linalg.eigvalsh(stacked @ stacked.conj().transpose(0, 2, 1))
    return renyi(np.clip(weights.T, 0, None), 1)
