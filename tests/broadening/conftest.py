from dataclasses import dataclass

import numpy as np
import pytest

from bigbath.broadening import distribution, fit_lorentzian
from bigbath.broadening.interaction import interaction, strength
from bigbath.cluster.realize import system_states
from bigbath.models import Ring, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Whole, solve


@dataclass(frozen=True)
class Exact:
    """A composite diagonalised whole, in reflection sectors where it has them."""

    composite: object
    h: object
    bath: object
    states: object
    system: object
    d: object
    fit: object
    v: object
    strength: object
    bare: np.ndarray

    def dense_interaction(self):
        """V in the eigenbasis of H_0 by dense algebra (M, D_S, M, D_S), independent of the code under test."""
        basis = np.einsum("ai,bm->abmi", self.system.vectors, self.bath.vectors())
        m, d = self.bath.energies.size, self.system.energies.size
        flat = basis.reshape(m * d, m * d)
        matrix = build(self.composite, "V").matrix.toarray()
        return (flat.conj().T @ matrix @ flat).reshape(m, d, m, d)


def diagonalised(model, width=0.5):
    composite = model.composite(disorder_stream(1, 0))
    h = build(composite)
    bath, states, system = solve(build(composite, "B"), Whole()), solve(h, Whole()), system_states(composite)
    d = distribution(states, bath, system, width=width, keep=True)
    v = interaction(build(composite, "V"), bath, system)
    bare = bath.energies[:, None] + system.energies[None, :]
    return Exact(composite, h, bath, states, system, d, fit_lorentzian(d.shells, d.P), v, strength(v), bare)


@pytest.fixture(scope="session")
def ring():
    return diagonalised(Ring(N=9))


@pytest.fixture(scope="session")
def bigger():
    return diagonalised(Ring(N=11))
