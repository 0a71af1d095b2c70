"""Every measurement that a job may ask for is shown, plotted and reported, found in the registry of measurements."""

import json
import re
from dataclasses import fields

import numpy as np
import pytest

import bigbath as bb
from bigbath.cli.report import page
from bigbath.cli.showing import as_data, as_text
from bigbath.plots.registry import panels_of
from bigbath.progress import silent
from bigbath.variables import NUMBER, known

GRID = {"kappa": [0.5, 1.0], "epsilon": [0.0, 0.4]}
#: What a measurement cannot do without; the others are asked for without any choice.
CHOICES = {
    "distribution": {"shell_width": 0.7}, "propagator": GRID, "cavity": GRID, "dephasing": GRID,
    "evolution": {"times": [3.0, 5.0], "width": 1.0}, "entanglement": {"cuts": [[0, 1]]},
    "observables": {"operators": {"bond": [["zz", [[1.0, 1, 2]]]]}, "elements": True},
    "spacings": {"degree": 2}, "number_variance": {"degree": 2}, "form_factor": {"degree": 2, "points": 6},
    "interaction": {"solve": True}, "dynamics": {"times": [0.0, 1.0, 2.0]},
}  # fmt: skip
#: Pages of these are made in test_results.py.
REPORTED = ("gap_ratio", "entanglement", "participation", "observables", "distribution", "interaction", "propagator")
WHOLE = bb.Spectrum(window="whole")
NAMES = [field.name for field in fields(bb.Measures)]


@pytest.fixture(scope="module", params=NAMES)
def result(request):
    measure = {request.param: CHOICES.get(request.param, {})}
    job = bb.Job(
        model=bb.Imbrie(L=5), spectrum=WHOLE, bath=WHOLE, measure=measure, ensemble=bb.Ensemble(realizations=2)
    )
    return bb.run(job, report=silent)


def test_it_is_shown_plotted_and_reported(result):
    (name,) = (n for n in NAMES if getattr(result.job.measure, n) is not None)
    own = [str(v) for v in next(iter(result.tasks.values())).data_vars]
    lines = as_text(result, 100)
    data = json.loads(json.dumps(as_data(result), allow_nan=False))
    measured = {mean["variable"] for mean in data["means"]}
    chief, besides = panels_of(result)
    drawn = chief | besides
    assert set(own) & {need for p in drawn.values() for need in (*p.needs, *p.shows)}, f"no figure shows {name}"
    assert any(variable in line for variable in own for line in lines) and measured & set(own)
    for panel in drawn.values():
        (axis,) = bb.plot_result(result, panel.name).axes
        for title in (axis.get_xlabel(), axis.get_ylabel()):
            words = re.sub(r"\$.*?\$", "", title)
            assert words.strip() or "$" in title, f"{panel.name}: an axis without a title"
            assert "_" not in words, f"{panel.name}: {title!r} is a variable's name"
        variable = known(panel.needs[0])
        if variable is not None and variable.units != NUMBER and panel.name not in ("levels", "distribution"):
            without = axis.get_ylabel().endswith("relative change")
            assert without or f"({variable.units})" in axis.get_ylabel(), (
                f"{panel.name}: {axis.get_ylabel()!r} has no unit"
            )
        assert axis.has_data()
        handles, labels = axis.get_legend_handles_labels()
        assert len(labels) == len(set(labels)), f"{panel.name}: two entries of the legend say the same, {labels}"
        assert (axis.get_legend() is not None) == bool(handles)
        for text in (*labels, *(tick.get_text() for tick in axis.get_xticklabels())):
            words = re.sub(r"\$.*?\$", "", text)
            assert "_" not in words and not re.search(r"\b(goe|gue|poisson)\b", words), (
                f"{panel.name}: {text!r} is a key"
            )
    if name in REPORTED:
        return
    text = page(result)
    assert text.count("<figure>") >= len(chief) and "1 of 1" not in text
    assert "2 of 2 windows certified" in text


def test_a_curve_is_the_mean_of_what_was_measured():
    """The points of a figure that no panel of its own draws are the means over realizations."""
    job = bb.Job(
        model=bb.Imbrie(L=5),
        spectrum=WHOLE,
        measure={"number_variance": {"degree": 2}},
        ensemble=bb.Ensemble(realizations=3),
    )
    result = bb.run(job, report=silent)
    (axis,) = bb.plot_result(result, "number_variance").axes
    line = axis.containers[0][0]
    expected = np.mean([ds.number_variance.isel(sector=0).values for ds in result.tasks.values()], axis=0)
    assert line.get_xdata() == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0])
    assert line.get_ydata() == pytest.approx(expected)


def test_theory_stands_beside_what_it_is_of():
    """One panel for both: the theory's means dashed, or crosses where the axis has names."""
    job = bb.Job(
        model=bb.Imbrie(L=5), spectrum=WHOLE, bath=WHOLE, measure={"evolution": CHOICES["evolution"]},
        ensemble=bb.Ensemble(realizations=3),
    )  # fmt: skip
    result = bb.run(job, report=silent)
    chief, besides = panels_of(result)
    assert "autocorrelation" in chief and "autocorrelation_theory" in besides
    (axis,) = bb.plot_result(result, "autocorrelation").axes
    exact, theory = (container[0] for container in axis.containers)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["exact", "theory"]
    for line, name, dashes in ((exact, "autocorrelation", "-"), (theory, "autocorrelation_theory", "--")):
        mean = np.mean([ds[name].values for ds in result.tasks.values()], axis=0)
        assert line.get_ydata() == pytest.approx(mean) and line.get_linestyle() == dashes
    (axis,) = bb.plot_result(result, "p_time").axes
    assert all(container[0].get_linestyle() == "None" for container in axis.containers)  # nothing between two levels
