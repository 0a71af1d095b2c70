"""Flux through a ring: covariances of its spectrum by every engine, and level statistics of its symmetry class.

``BIGBATH_LONG=1 pytest -rP -k statistics`` takes 50 realizations with 12 spins instead of 40 with 10.
"""

import os

import numpy as np
import pytest
from support import dense, hamiltonian_of

from bigbath.models import XXZ, SpinComposite
from bigbath.operators import build
from bigbath.solvers import Dense, Density, Filter, Interval, ShiftInvert, solve
from bigbath.spaces import sectors
from bigbath.statistics import gap_ratio

LONG = os.environ.get("BIGBATH_LONG") == "1"
L, SECTOR = 9, {"magnetisation": 1}
ENGINES = {
    "dense": Dense(),
    "filter": Filter(),
    "mumps": ShiftInvert(factor="mumps"),
    "blocks": ShiftInvert(factor="blocks"),
}


def gauged(angles, seed=4):
    """The ring with fields and random bonds whose hops sigma^+_j sigma^-_j+1 have the phases ``angles``."""
    stream = np.random.default_rng(seed)
    J, zz, h = (stream.uniform(0.5, 1.5, L) for _ in range(3))
    along = {"xx": J * np.cos(angles), "yy": J * np.cos(angles), "xy": J * np.sin(angles), "yx": -J * np.sin(angles)}
    bonds = [(j, (j + 1) % L) for j in range(L)]
    terms = [(p, tuple((float(v), *b) for v, b in zip(values, bonds, strict=True))) for p, values in along.items()]
    terms.append(("zz", tuple((float(v), *b) for v, b in zip(zz, bonds, strict=True))))
    terms.append(("z", tuple((float(v), j) for j, v in enumerate(h))))
    return build(SpinComposite(system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=tuple(terms)))


def window_of(h, engine):
    """Certified levels around the middle of one magnetisation."""
    states = solve(h, Density(epsilon=0.5, k=12), engine=engine, sector=SECTOR)
    assert states.evidence.complete == "yes", states.evidence.reason
    return states.energies


@pytest.mark.petsc
@pytest.mark.parametrize("engine", ENGINES)
def test_a_flux_of_2_pi_is_none_and_its_sign_does_not_matter(engine):
    at = {
        phi: window_of(hamiltonian_of(XXZ(L=L, W=1.0, phi=phi)), ENGINES[engine])
        for phi in (0.0, 0.8, -0.8, 0.8 + 2 * np.pi, 2 * np.pi)
    }
    assert np.abs(at[0.8] - at[0.0]).max() > 1e-3
    for one, other in ((0.8, -0.8), (0.8, 0.8 + 2 * np.pi), (0.0, 2 * np.pi)):
        assert np.abs(at[one] - at[other]).max() <= 1e-12


@pytest.mark.petsc
@pytest.mark.parametrize("engine", ENGINES)
def test_a_flux_that_can_be_gauged_away_leaves_the_real_spectrum(engine):
    """Random phases of the hops that sum to zero around the ring."""
    angles = np.random.default_rng(8).uniform(-3, 3, L)
    plain, twisted, threaded = gauged(np.zeros(L)), gauged(angles - angles.mean()), gauged(angles)
    assert (plain.is_complex, twisted.is_complex) == (False, True)
    expected = window_of(plain, Dense())
    norm = np.abs(solve(plain, Interval(lower=-99.0, upper=99.0), engine=Dense(), sector=SECTOR).energies).max()
    assert np.abs(window_of(twisted, ENGINES[engine]) - expected).max() <= 1e-12 * norm
    assert np.abs(window_of(threaded, ENGINES[engine]) - expected).max() > 1e-3


def open_chain(sites, seed, a):
    """XX + YY bonds turned by a uniform z-axis Dzyaloshinskii-Moriya term, ZZ bonds and random fields, spin-1/2 operators."""
    h = np.random.default_rng((9, seed)).uniform(-1, 1, sites) / 2
    bonds = [(j, j + 1) for j in range(sites - 1)]
    along = {"xx": np.cos(a), "yy": np.cos(a), "xy": np.sin(a), "yx": -np.sin(a), "zz": 1.0}
    terms = [(p, tuple((float(v) / 4, *b) for b in bonds)) for p, v in along.items()]
    terms.append(("z", tuple((float(v), j) for j, v in enumerate(h))))
    return build(SpinComposite(system_sites=1, bath_sites=sites - 1, system=(), bath=(), interaction=tuple(terms)))


def mean_ratio(hamiltonians, sites):
    """Mean gap ratio of the middle third at magnetisation 0, and its standard error over realizations."""
    means = []
    for h in hamiltonians:
        (sector,) = sectors(h, only={"magnetisation": 0}, use=())
        levels = np.linalg.eigvalsh(dense(h.restricted(sector)))
        means.append(gap_ratio(levels[levels.size // 3 : 2 * levels.size // 3]))
    return np.mean(means), np.std(means, ddof=1) / np.sqrt(len(means))


def test_statistics_of_levels_tell_a_flux_from_what_is_gauged_away():
    """W = 1: the ring with flux has GUE's r = 0.5996, without it GOE's 0.5307; so has an open chain with a uniform DM term."""
    sites, number = (12, 50) if LONG else (10, 40)
    ring = lambda phi: (hamiltonian_of(XXZ(L=sites, W=1.0, phi=phi), seed=3, realization=i) for i in range(number))  # noqa: E731
    measured = {
        "ring, flux 1.5": (mean_ratio(ring(1.5), sites), 0.5996),
        "ring, no flux": (mean_ratio(ring(0.0), sites), 0.5307),
        "open chain, DM": (mean_ratio((open_chain(sites, i, 0.6) for i in range(number)), sites), 0.5307),
        "open chain, no DM": (mean_ratio((open_chain(sites, i, 0.0) for i in range(number)), sites), 0.5307),
    }
    for what, ((r, error), expected) in measured.items():
        print(f"{what}, L = {sites}, {number} realizations: r = {r:.4f} +- {error:.4f}, random matrices {expected}")
    for (r, error), expected in measured.values():
        assert error < 0.01 and abs(r - expected) <= 4 * error + 0.004  # small systems: a little below
    assert abs(measured["open chain, DM"][0][0] - measured["open chain, no DM"][0][0]) < 1e-8  # the same levels
