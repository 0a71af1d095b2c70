import os

import numpy as np
import pytest

from bigbath.errors import JobError
from bigbath.models import Ring
from bigbath.plots import save
from bigbath.plots.sizes import plot_sizes
from bigbath.spectral import ShellVectors
from bigbath.studies import sizes

LONG = os.environ.get("BIGBATH_LONG")


@pytest.fixture
def few(monkeypatch):
    """Three bath energies, few single states and vectors: minutes less."""
    for name, value in (("ENERGIES", np.array([-4.0, 0.0, 4.0])), ("STATES", 12), ("SAMPLE", 2**13)):
        monkeypatch.setattr(sizes, name, value)


@pytest.mark.parametrize("N", [11, 13] if LONG else [11])
def test_every_number_agrees_with_all_eigenstates(few, tmp_path, N, monkeypatch):
    one = sizes.size(Ring(N=N), tmp_path)
    rows = sizes.points(one)
    assert len(rows) == 21 and {row.verdict for row in rows} == {"yes"}
    pulls = np.array([(row.value - row.exact) / row.error for row in rows[:18]])
    assert 0.4 < np.sqrt(np.mean(pulls**2)) < 1.8
    assert np.abs(one.singles.chi - one.exact_singles.chi).max() < 0.02  # the same states; the shells are sampled
    assert np.all(one.exact_singles.observational > one.exact_singles.shannon)
    save(plot_sizes([one], sizes.ENERGIES), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000

    def never(*args):
        raise AssertionError("computed twice")

    monkeypatch.setattr(ShellVectors, "moments", never)
    monkeypatch.setattr(sizes, "distribution", never)
    (tmp_path / "f.png").unlink()
    again, target = sizes.sizes(tmp_path, sizes=(N,))
    assert again == rows and target.exists()


def test_a_failing_vector_stops_the_others(few, tmp_path, monkeypatch):
    def fails(self, stream, progress):
        progress(0.5)
        raise ArithmeticError("no")

    monkeypatch.setattr(ShellVectors, "moments", fails)
    with pytest.raises(ArithmeticError):
        sizes.size(Ring(N=9), tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_small_rings_are_refused(tmp_path):
    with pytest.raises(JobError, match="--sizes 7"):
        sizes.sizes(tmp_path, sizes=(7, 11))


def test_verdicts():
    row = {"name": "chi", "N": 11, "value": 1.0, "error": 0.1}
    assert sizes.Point(**row, exact=1.29).verdict == "yes"
    assert not sizes.Point(**row, exact=1.31).accepted
    assert sizes.Point(**row).as_dict() == row | {"verdict": "-"}
