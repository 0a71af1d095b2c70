"""Localisation study: crossings of planted curves, entanglement of random states, and a small run."""

import numpy as np
import pytest
from scipy.special import entr

from bigbath.conserved.charges import Charge
from bigbath.errors import JobError
from bigbath.spaces import Everything, FixedCharges, bipartition
from bigbath.statistics import random_entropy
from bigbath.studies.crossings import crossing, downward
from bigbath.studies.mbl import CrossingRow, Point, transition


@pytest.mark.parametrize("charged", [False, True])
def test_entanglement_of_random_states(charged):
    sites, cut = 6, (0, 1, 2)
    space = (
        FixedCharges(sites=sites, charges=(Charge(weights=(1,) * sites),), values=(0,)) if charged else Everything(64)
    )
    blocks = bipartition(space, sites, cut)
    stream = np.random.default_rng(2)
    samples = []
    for _ in range(3000):
        psi = stream.normal(size=space.dim) + 1j * stream.normal(size=space.dim)
        psi /= np.linalg.norm(psi)
        padded = np.zeros(64, complex)
        padded[space.states()] = psi
        samples.append(entr(np.linalg.svd(padded.reshape(8, 8), compute_uv=False) ** 2).sum())
    expected = random_entropy([block.shape for block in blocks])
    assert abs(np.mean(samples) - expected) < 4 * np.std(samples) / np.sqrt(len(samples))


def test_page_s_sum():
    """Without charges: sum_{k=n+1}^{mn} 1/k - (m - 1)/(2 n)."""
    for m, n in ((2, 2), (2, 8), (8, 16)):
        assert random_entropy([(m, n)]) == pytest.approx(
            sum(1 / k for k in range(n + 1, m * n + 1)) - (m - 1) / (2 * n)
        )


def test_noise_beside_a_crossing_does_not_move_it():
    x = np.arange(8.0)
    assert downward(x, np.array([0.01, -0.01, 1, 1, -1, -1, 0.01, -0.01])) == pytest.approx(3.5)
    assert np.isnan(downward(x, -np.ones(8)))


def test_a_planted_crossing_and_its_error():
    """Straight lines that cross at 2.2: estimates scatter about it as their errors say."""
    x, stream, deviations = np.arange(1.0, 5.0), np.random.default_rng(4), []
    for seed in range(30):
        small, large = ([slope * (v - 2.2) + stream.normal(0, 0.3, 60) for v in x] for slope in (-0.3, -0.9))
        c = crossing(x, small, large, seed)
        assert c.found == 1
        deviations.append((c.at - 2.2) / c.error)
    assert abs(np.mean(deviations)) < 4 / np.sqrt(30)
    assert 0.6 < np.std(deviations) < 1.5


def test_small_rings(tmp_path):
    rows, figure = transition(tmp_path, sizes=(8, 10), realizations=4)
    points = {(p.L, p.W): p for p in rows if isinstance(p, Point)}
    crossings = [r for r in rows if isinstance(r, CrossingRow)]
    assert len(points) == 18 and all(p.realizations == 4 for p in points.values())
    assert [c.quantity for c in crossings] == ["r", "S/S_random"]
    assert {c.name for c in crossings} == {"crossing of L = 8 and 10"}
    for L in (8, 10):
        assert points[L, 1.0].of_random > 0.7 > 0.4 > points[L, 8.0].of_random
        assert points[L, 1.0].gap_ratio > points[L, 8.0].gap_ratio
    assert figure.stat().st_size > 10_000


def test_an_odd_ring_has_no_magnetisation_zero(tmp_path):
    with pytest.raises(JobError, match="even number"):
        transition(tmp_path, sizes=(9,), realizations=1)
