"""Widths that the energy shells do not resolve are marked in every figure that shows them."""

import matplotlib.colors
import numpy as np
import pytest

import bigbath as bb
from bigbath.plots import style
from bigbath.plots.panels import UNRESOLVED
from bigbath.progress import silent

WHOLE = bb.Spectrum(window="whole")


def fitted(width, g=0.4, **more):
    measure = {"distribution": {"shell_width": width}}
    return bb.run(bb.Job(model=bb.Imbrie(L=6, g=g), spectrum=WHOLE, bath=WHOLE, measure=measure, **more), report=silent)


def hollow(line):
    return line.get_markerfacecolor() in ("none", "white")


@pytest.fixture(scope="module")
def result():
    return fitted(0.3, g=1.0)


def test_points_below_the_shells_are_hollow(result):
    (dataset,) = result.tasks.values()
    resolved = dataset.fit_resolved.values == 1
    assert resolved.any() and not resolved.all()
    (axis,) = bb.plot_result(result, "widths").axes
    lines = [line for line in axis.lines if line.get_linestyle() == "None"]
    drawn = {(x, y) for line in lines if hollow(line) for x, y in zip(*line.get_data(), strict=True)}
    filled = {(x, y) for line in lines if not hollow(line) for x, y in zip(*line.get_data(), strict=True)}
    for branch in range(2):
        for mu, energy in enumerate(dataset.bath_energy.values):
            point = (energy, float(dataset.chi[mu, branch]))
            assert point in (filled if resolved[mu, branch] else drawn)
    assert len(drawn) == np.sum(~resolved)
    assert [text.get_text() for text in axis.get_legend().get_texts()].count(UNRESOLVED) == 1


def test_a_fit_below_the_shells_is_dotted(result):
    (dataset,) = result.tasks.values()
    mu = int(np.flatnonzero(dataset.fit_resolved.values[:, 0] == 0)[0])
    (axis,) = bb.plot_result(result, "distribution", branch=[1], state=[float(dataset.bath_energy[mu])]).axes
    assert f"fit {UNRESOLVED}" in axis.get_legend_handles_labels()[1]
    assert any(line.get_linestyle() == ":" for line in axis.lines)


def test_means_of_a_sweep_are_hollow_where_most_widths_are_unresolved():
    values = [0.05, 1.0]
    result = fitted(0.3, sweep={"model.g": values})
    expected = {
        (g, branch)
        for g, task in zip(values, sorted(result.tasks), strict=True)
        for branch in range(2)
        if float(result.tasks[task].fit_resolved[:, branch].mean()) < 0.5
    }
    assert {(0.05, 0), (0.05, 1)} <= expected and len(expected) < 4
    (axis,) = bb.plot_result(result, "widths").axes
    marked = [line for line in axis.lines if line.get_markerfacecolor() == "white"]
    colours = [style.colour(0), style.colour(1)]
    assert {(x, colours.index(line.get_color())) for line in marked for x in line.get_xdata()} == expected
    assert UNRESOLVED in axis.get_legend_handles_labels()[1]


def test_what_is_resolved_is_not_marked():
    (axis,) = bb.plot_result(fitted(0.05), "widths").axes
    marks = [matplotlib.colors.to_rgba(line.get_markerfacecolor()) for line in axis.lines if hollow(line)]
    (dataset,) = fitted(0.05).tasks.values()
    assert bool(marks) == bool((dataset.fit_resolved == 0).any())
