"""System, bath and interaction with a common charge: everything inside one magnetisation sector, by brute force.

The system is site 0 of an XXZ ring in weak fields. Product states phi_i (x) phi_mu of the sector have n_S + n_B fixed.
"""

import numpy as np
import pytest
from scipy.special import entr
from support import explicit

from bigbath.broadening import distribution, system_states
from bigbath.broadening.interaction import interaction
from bigbath.cluster.realize import realize
from bigbath.errors import ImpossibleRequest
from bigbath.job import parse_job
from bigbath.models import XXZ, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Whole, solve


def ring(L, phi):
    c = XXZ(L=L, W=0.6, phi=phi).composite(disorder_stream(7, 0))
    return c, explicit(c.system + c.bath + c.interaction, L)


def spins(n, sites):
    """Sum of sigma^z of configurations."""
    return sum(1 - 2 * ((n >> j) & 1) for j in range(sites))


def products(c, bath, L):
    """Product states (2^L, m, 2) of the bath's states in the order of their energies, and the charge of each."""
    system = system_states(c)
    B = bath.vectors()
    every = np.einsum("si,bm->sbmi", system.vectors, B).reshape(2**L, -1, 2)
    charge = np.einsum("n,nmi->mi", spins(np.arange(2**L), L), np.abs(every) ** 2)
    assert np.abs(charge - np.round(charge)).max() < 1e-9
    return every, np.round(charge)


@pytest.mark.parametrize(("L", "phi", "magnetisation"), [(8, 0.0, 0), (8, 0.7, 2), (9, 0.0, -1)])
def test_p_n_and_entropies_in_one_sector(L, phi, magnetisation):
    c, H = ring(L, phi)
    h, system = build(c), system_states(c)
    states = solve(h, Whole(), sector={"magnetisation": magnetisation})
    bath = solve(build(c, "B"), Whole())
    assert all(dict(b.sector.labels).keys() >= {"magnetisation"} for b in bath.blocks)
    d = distribution(states, bath, system, width=0.25, keep=True)
    inside = np.flatnonzero(spins(np.arange(2**L), L) == magnetisation)
    E, V = np.linalg.eigh(H[np.ix_(inside, inside)])
    every, charge = products(c, bath, L)
    p = np.abs(np.einsum("an,ami->min", V.conj(), every[inside])) ** 2
    assert np.abs(states.energies - E).max() < 1e-11
    assert np.abs(d.p - p).max() < 1e-10
    here = charge == magnetisation
    assert np.abs(d.norm - here).max() < 1e-10  # 1 inside the sector, 0 outside
    assert np.abs(d.mean - p @ E).max() < 1e-10
    assert np.abs(d.second_moment - p @ E**2).max() < 1e-9
    assert np.abs(d.shannon - entr(p).sum(axis=-1))[here].max() < 1e-9
    assert np.abs(d.renyi2[here] + np.log((p[here] ** 2).sum(axis=-1))).max() < 1e-9
    energies = np.einsum("nmi,nmi->mi", every.conj(), np.tensordot(H, every, 1)).real
    assert np.abs(d.mean - energies)[here].max() < 1e-10  # <H> of the product state


def test_the_bath_s_own_sectors_select_product_states():
    """A bath sector and a sector of H meet in one state of the system: spin up or down."""
    L = 8
    c, _ = ring(L, 0.0)
    states = solve(build(c), Whole(), sector={"magnetisation": 0})
    bath = solve(build(c, "B"), Whole(), sector={"magnetisation": -1})
    d = distribution(states, bath, system_states(c), width=0.25)
    up = np.abs(system_states(c).vectors[0]) ** 2
    assert np.allclose(d.norm, up[None, :], atol=1e-10)


@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_the_interaction_conserves_the_charge(phi):
    L = 8
    c, _ = ring(L, phi)
    bath = solve(build(c, "B"), Whole())
    V = explicit(c.interaction, L)
    every, charge = products(c, bath, L)
    flat = every.reshape(2**L, -1)
    expected = (flat.conj().T @ V @ flat).reshape(*every.shape[1:], *every.shape[1:])
    found = interaction(build(c, "V"), bath, system_states(c)).elements(np.arange(bath.energies.size))
    assert np.abs(found - expected).max() < 1e-10
    assert np.abs(found[charge[:, :, None, None] != charge[None, None]]).max() < 1e-12


def test_a_job_in_a_sector_and_what_needs_the_whole_space():
    data = {
        "model": {"name": "xxz", "L": 8, "W": 0.6},
        "spectrum": {"window": "whole", "sector": {"magnetisation": 0}},
        "bath": {"window": "whole"},
        "measure": {"distribution": {"fit": "none"}, "interaction": {}, "entanglement": {}},
    }
    ds = realize(parse_job(data), 0)
    assert ds.sizes["state"] == 70
    assert ds.sizes["bath_state"] == 128
    assert np.isclose(ds.norm.sum(), 70)  # every eigenstate is spread over the product states of its charge
    with pytest.raises(ImpossibleRequest, match="remove spectrum"):
        realize(parse_job({**data, "measure": {"propagator": {"kappa": [0.1]}}}), 0)
