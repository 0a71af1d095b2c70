"""Every engine of the registry keeps the protocol; ``auto`` chooses as the measured crossover in docs/engines.md says."""

import re
from pathlib import Path

import numpy as np
import pytest
from support import assert_window, hamiltonian_of

from bigbath.errors import ImpossibleRequest
from bigbath.models import XXZ, Imbrie
from bigbath.operators import Hamiltonian
from bigbath.solvers import (
    ENGINES,
    Auto,
    Dense,
    Density,
    Filter,
    Forecast,
    Interval,
    Levels,
    Nearest,
    Problem,
    Whole,
    auto,
    prepare,
    solve,
)
from bigbath.spaces import sectors

ALL = (*ENGINES, Auto)
WINDOWS = (
    Nearest(target=0.2, k=5),
    Density(epsilon=0.4, k=5),
    Interval(lower=-0.5, upper=0.5),
    Levels(energies=(0.1, 1.0)),
    Whole(slice=40),
)
PAGE = Path(__file__).parents[2] / "docs" / "engines.md"


@pytest.mark.petsc
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w.kind)
@pytest.mark.parametrize("engine", ALL, ids=lambda e: e().kind)
def test_an_engine_refuses_in_words_or_solves(engine, window):
    h = hamiltonian_of(Imbrie(L=6))
    problem, chosen = prepare(h, window), engine()
    if reason := chosen.refuses(problem):
        assert window.kind in reason
        with pytest.raises(ImpossibleRequest, match=f'not "{window.kind}"'):
            solve(h, window, engine=chosen)
    else:
        forecast = chosen.forecast(problem)
        assert 0 < forecast.seconds < 10 and 0 < forecast.bytes < 2**30
        assert_window(solve(h, window, engine=chosen), h, window)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e().kind)
@pytest.mark.parametrize(("model", "sector"), [(Imbrie, None), (XXZ, {"magnetisation": 0})])
def test_forecasts_grow_with_the_space_and_build_nothing(engine, model, sector):
    found = []
    for L in (12, 14, 16, 18, 20):
        h = hamiltonian_of(model(L=L))
        problem = Problem.outline(h, sectors(h, use=(), only=sector), Density(k=50))
        found.append(engine().forecast(problem))
        assert "matrix" not in h.__dict__
    ratios = np.array([(b.seconds / a.seconds, b.bytes / a.bytes) for a, b in zip(found[:-1], found[1:], strict=True)])
    assert np.all(ratios > 1) and np.all(ratios < 4.3**3)


def measured():
    """(states, k, with a matrix, {engine: seconds}) of both tables of the crossover."""
    text = PAGE.read_text().split("## Crossover")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \([^|]*\) \|([\d. |]+)\|$", text, re.MULTILINE)
    for states, k, times in rows:
        seconds = [float(t) for t in times.split("|")]
        names = ("filter", "shift-invert", "dense") if len(seconds) == 3 else ("filter", "dense")
        yield int(states.replace(",", "")), int(k), len(seconds) == 2, dict(zip(names, seconds, strict=True))


@pytest.mark.petsc
def test_auto_takes_what_was_measured_to_be_fast():
    """The winner of the table, or one at most 1.6 times as slow; forecasts hold to a factor of 2.5 from 1,024 states on."""
    rows = list(measured())
    assert len(rows) == 23
    for states, k, is_given, seconds in rows:
        h = hamiltonian_of(Imbrie(L=states.bit_length() - 2))
        assert h.dim == states
        if is_given:
            h = Hamiltonian(given=h.matrix, dims=h.dims)
        problem = Problem.outline(h, sectors(h, use=()), Nearest(k=k))
        engine, reason = Auto().choose(problem)
        assert seconds[engine.kind] <= 1.6 * min(seconds.values()), (states, k, is_given, reason)
        for choice in (kind() for kind in ENGINES):
            if states >= 1024 and choice.kind in seconds:
                assert 0.4 < choice.forecast(problem).seconds / seconds[choice.kind] < 2.5, (states, k, choice.kind)


def test_what_does_not_fit_comes_last(monkeypatch):
    h = hamiltonian_of(Imbrie(L=11))
    problem = Problem.outline(h, sectors(h, use=()), Nearest(k=1700))
    assert Auto().choose(problem)[0] == Dense()
    monkeypatch.setattr(auto, "memory_limit", lambda: 2**28)
    engine, reason = Auto().choose(problem)
    assert engine != Dense() and "dense does not fit into memory" in reason


def test_the_next_engine_follows_one_that_turns_out_too_large(monkeypatch):
    h, window = hamiltonian_of(Imbrie(L=6)), Nearest(k=4)

    def too_large(*_):
        raise ImpossibleRequest("it does not fit")

    monkeypatch.setattr(Filter, "solve", too_large)
    monkeypatch.setattr(Filter, "forecast", lambda *_: Forecast(seconds=1e-9, bytes=0))
    states = solve(h, window)
    assert_window(states, h, window)
    assert states.evidence.chosen == "filter: it does not fit"
