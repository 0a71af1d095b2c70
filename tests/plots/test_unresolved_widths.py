"""Widths that the energy shells do not resolve are marked in every figure that shows them."""

from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest

import bigbath as bb
import bigbath.plots
from bigbath.plots import plot_parameters, plot_self_consistency, style
from bigbath.plots.distribution import MOST
from bigbath.plots.unresolved import UNRESOLVED
from bigbath.progress import silent
from bigbath.studies.entropy import regressions

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


def same(found, x, y):
    """Whether the points of ``found`` lines are the finite ones of x, y, each once."""
    points = [(a, b) for line in found for a, b in zip(*line.get_data(), strict=True)]
    return sorted(points) == sorted(zip(x, y, strict=True))


def test_the_figure_of_distributions_dots_the_same_fits(result):
    (dataset,) = result.tasks.values()
    figure = bb.plot_distribution(dataset)
    axis = figure.axes[-1]
    chosen = np.unique(np.linspace(0, dataset.sizes["bath_state"] - 1, MOST).astype(int))
    flags = dataset.fit_resolved.values[chosen, 0] == 1
    assert [line.get_linestyle() for line in axis.lines if line.get_linestyle() != "None"] == [
        "-" if good else ":" for good in flags
    ]
    names = axis.get_legend_handles_labels()[1]
    assert names.count(f"fit {UNRESOLVED}") == int(not flags.all())


def test_figures_of_the_entropy_paper_have_hollow_points_where_a_width_is_below_the_shells(result):
    (dataset,) = result.tasks.values()
    dataset = dataset.assign(chi_reconstructed=dataset.chi, shift_reconstructed=dataset.chi)
    dataset = dataset.assign(V_diagonal=0.0 * dataset.chi)
    x, good = dataset.bath_energy.values, dataset.fit_resolved.values == 1
    width, centre = plot_parameters(dataset, [line.centre for line in regressions(dataset)]).axes
    for number, axis in enumerate(plot_self_consistency(dataset).axes):
        lines = [line for line in axis.lines if hollow(line)]
        fitted = dataset.centre - dataset.bath_energy - dataset.system_energy if number else dataset.chi
        assert same(lines, x[~good[:, 1]], fitted.values[~good[:, 1], 1])
        assert axis.get_legend_handles_labels()[1].count(UNRESOLVED) == 1
    assert same([line for line in width.lines if hollow(line)], x[~good[:, 0]], dataset.chi.values[~good[:, 0], 0])
    for axis, marked in ((width, ~good[:, 0]), (centre, ~good)):
        assert axis.get_legend_handles_labels()[1].count(UNRESOLVED) == int(marked.any())
    both = (
        np.concatenate([x[~good[:, i]] for i in range(2)]),
        np.concatenate([dataset.centre.values[~good[:, i], i] for i in range(2)]),
    )
    assert same([line for line in centre.lines if hollow(line)], *both)


def test_one_module_knows_the_flag_and_each_that_draws_fits_of_states_asks_it():
    sources = {path.stem: path.read_text() for path in Path(bigbath.plots.__file__).parent.glob("*.py")}
    assert {name for name, text in sources.items() if "fit_resolved" in text} == {"unresolved"}
    asking = {name for name, text in sources.items() if "from bigbath.plots.unresolved import" in text}
    assert asking == {"broadening", "distribution", "panels"}
