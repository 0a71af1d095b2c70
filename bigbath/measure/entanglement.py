"""Measurement ``entanglement``: von Neumann entropy of a part of the sites in each eigenstate."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.broadening.entropy import shannon
from bigbath.choice import choice
from bigbath.measure.context import Context, refuse_sites, sites_of
from bigbath.measure.resolution import Resolution
from bigbath.measure.vectors import OfVectors, each_state, multiplicity
from bigbath.spaces import bipartition, schmidt_weights, system_and_bath


@choice
class MeasureEntanglement:
    """-Tr rho_A ln rho_A, rho_A = Tr_rest |n><n|, for the system and for every set of sites in ``cuts``.

    Sites are numbered with the system first. Cost D min(d_A, D/d_A) a state and cut; in a sector of charges block by block. States of a degenerate level have no
    entanglement of their own, since any superposition of them is an eigenstate too: their value is NaN, their
    ``multiplicity`` above 1.

    >>> import bigbath as bb
    >>> bb.Measures(entanglement=bb.MeasureEntanglement(cuts=((0, 1), (0, 1, 2)))).entanglement.cuts
    ((0, 1), (0, 1, 2))
    """

    cuts: tuple[Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)], ...] = ()

    def before(self, resolution: Resolution, symmetries: object, sector: object) -> None:
        """JobError for a cut of sites that the model does not have."""
        if self.cuts:
            self._refuse(sites_of(resolution.composite))

    def _refuse(self, sites: int) -> None:
        for number, cut in enumerate(self.cuts):
            refuse_sites(cut, sites, f"measure.entanglement.cuts.{number}")

    def measure(self, context: Context) -> xr.Dataset:
        """Entropy of the system, ``entanglement``, and of each cut, ``entanglement_cut``, for every state."""
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        d_bath = states.dims[1]
        system = each_state(states, lambda space: entropies_between(system_and_bath(space, d_bath)))
        shared = multiplicity(states)
        data: dict[str, tuple] = {
            "entanglement": ("state", np.where(shared > 1, np.nan, system)),
            "multiplicity": ("state", shared),
        }
        coords = {}
        if self.cuts:
            sites = context.sites
            self._refuse(sites)
            values = [
                each_state(states, lambda space, cut=cut: entropies_between(bipartition(space, sites, cut)))  # type: ignore[misc]
                for cut in self.cuts
            ]
            undefined = (shared > 1)[:, None]
            data["entanglement_cut"] = (("state", "cut"), np.where(undefined, np.nan, np.stack(values, axis=1)))
            coords["cut"] = [" ".join(map(str, cut)) for cut in self.cuts]
        return xr.Dataset(data, coords=coords)


def entropies_between(blocks: tuple[np.ndarray, ...]) -> OfVectors:
    """Entanglement entropies (m,) of vectors (d, m) over a space that is split into ``blocks``."""

    def entropies(vectors: np.ndarray) -> np.ndarray:
        return shannon(np.clip(schmidt_weights(vectors, blocks), 0, None))

    return entropies
