"""Measurement ``participation``: how far eigenstates spread over the basis of product states."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.broadening.entropy import renyi
from bigbath.choice import choice
from bigbath.measure.context import Context
from bigbath.measure.vectors import degenerate_weights, each_state, multiplicity


@choice
class MeasureParticipation:
    """Participation entropies S_q = ln(sum_b |<b|n>|^2q)/(1 - q) of the eigenstates in the sigma^z basis; S_1 by the limit.

    Between 0 (one basis state) and ln D. ``q``: orders, each > 0. Cost D a state and order. Of a degenerate level it is
    that of the level's projector, |<b|n>|^2 averaged over its states: the same for each of them.

    >>> import bigbath as bb
    >>> bb.Measures(participation=bb.MeasureParticipation(q=(2.0,))).participation.q
    (2.0,)
    """

    q: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (1.0, 2.0)

    def measure(self, context: Context) -> xr.Dataset:
        """S_q of every state of the window."""
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        values = each_state(
            states, lambda space: lambda v: np.stack([renyi(np.abs(v.T) ** 2, q) for q in self.q], axis=1)
        )
        values = values.reshape(-1, len(self.q))
        for where, weights in degenerate_weights(states):
            values[where] = [renyi(weights, q) for q in self.q]
        return xr.Dataset(
            {"participation": (("state", "q"), values), "multiplicity": ("state", multiplicity(states))},
            coords={"q": list(self.q)},
        )
