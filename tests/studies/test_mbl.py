"""Localisation study: crossings of planted curves, entanglement of random states, and a small run."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import entr

from bigbath.conserved.charges import Charge
from bigbath.errors import FileError, JobError
from bigbath.job import job_hash, load_job
from bigbath.spaces import Everything, FixedCharges, bipartition
from bigbath.statistics import random_entropy
from bigbath.store import open_result
from bigbath.studies.crossings import crossing, downward
from bigbath.studies.mbl import CrossingRow, Growth, Point, growth, page, random_half, transition
from bigbath.studies.page import with_error, write_page


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
    assert {g.W for g in rows if isinstance(g, Growth)} == {p.W for p in points.values()}
    assert figure.stat().st_size > 10_000
    text = page(rows).splitlines()
    assert text[0] == "Realizations: 4 at L = 8, 4 at L = 10."
    assert len([line for line in text if re.match(r"\| [\d.]+ \|", line)]) == 9
    jobs = {job.stem: job_hash(load_job(job)) for job in tmp_path.glob("*.toml")}
    assert jobs == {f.stem: open_result(f).job_hash for f in tmp_path.glob("*.h5")}
    fewer, _ = transition(tmp_path, sizes=(8, 10), realizations=2)
    assert fewer == rows  # what is there is used


def test_an_odd_ring_has_no_magnetisation_zero(tmp_path):
    with pytest.raises(JobError, match="even number"):
        transition(tmp_path, sizes=(9,), realizations=1)


def point(L, W, S, error, **more):
    named = {"realizations": 2, "gap_ratio": 0.5, "gap_ratio_error": 0.01, "of_random": S / random_half(L)} | more
    return Point(L=L, W=W, entanglement=S, entanglement_error=error, **named)


@given(
    st.lists(st.sampled_from([6, 8, 10, 12, 14]), min_size=2, max_size=5, unique=True),
    st.floats(-0.1, 0.4),
    st.lists(st.floats(0.001, 0.1), min_size=5, max_size=5),
)
def test_growth_is_the_slope_of_a_planted_line(sizes, slope, errors):
    (row,) = growth([point(L, 2.0, 3 + slope * L, e) for L, e in zip(sizes, errors, strict=False)])
    assert row.slope == pytest.approx(slope, abs=1e-9) and row.slope_error > 0 and row.verdict == ""
    if len(sizes) == 2:  # the error of a difference
        assert row.slope_error == pytest.approx(np.hypot(*errors[:2]) / abs(sizes[1] - sizes[0]))
        assert row.deviation is None
    else:
        assert row.deviation == pytest.approx(0, abs=1e-6)


def test_verdicts_of_growth():
    sizes = (8, 10, 12)
    random = [random_half(L) for L in sizes]
    for W, S, verdict in (
        (1.0, [0.95 * s for s in random], "linear"), (1.0, [0.5 * s for s in random], "no"),
        (8.0, [0.3, 0.3, 0.3], "constant"), (8.0, [0.3, 0.5, 0.7], "no"), (3.0, random, ""),
    ):  # fmt: skip
        (row,) = growth([point(L, W, s, 0.001) for L, s in zip(sizes, S, strict=True)])
        assert row.verdict == verdict and row.accepted == (verdict != "no")
    assert growth([point(8, 1.0, 2.0, 0.1)]) == [] == growth([point(L, 1.0, 2.0, float("nan")) for L in sizes])


@given(st.floats(-50, 50), st.floats(1e-5, 9))
def test_errors_in_brackets(value, error):
    """Read back, a printed number is within half of its last digit, and so is its error, of which at least 3 units are shown."""
    text = with_error(value, error)
    number, units = re.fullmatch(r"(-?[\d.]+)\((\d+)\)", text).groups()
    last = 10.0 ** -len(number.partition(".")[2])
    assert abs(float(number) - value) <= last * 0.500001
    assert abs(int(units) * last - error) <= last * 0.500001 and 3 <= int(units) <= 30


def test_the_page_is_written_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- mbl 1 -->\nold \\1\n<!-- end of mbl 1 -->\nafter\n")
    write_page(page, "mbl 1", "new \\1 table\n")
    write_page(page, "mbl 1", "new \\1 table\n")
    assert page.read_text() == "before\n<!-- mbl 1 -->\nnew \\1 table\n<!-- end of mbl 1 -->\nafter\n"
    with pytest.raises(FileError, match="entropy 10"):
        write_page(page, "entropy 10", "table")
    with pytest.raises(FileError, match="No such file"):
        write_page(tmp_path / "none.md", "mbl 1", "table")
