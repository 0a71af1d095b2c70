"""Every kind of result is shown, plotted and reported: the numbers against NumPy, the figures by their structure."""

import json
import re
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from support import bigbath, python

from bigbath.cli.report import page
from bigbath.cli.showing import as_data, as_text
from bigbath.cluster.run import run
from bigbath.errors import FileError, JobError
from bigbath.job import parse_job
from bigbath.plots import plot_distribution, plot_result, save
from bigbath.plots.means import means, with_error
from bigbath.plots.registry import panels_of
from bigbath.plots.unresolved import UNRESOLVED
from bigbath.store import open_run

WHOLE = {"window": "whole", "engine": "dense"}
EVERYTHING = {
    "gap_ratio": {}, "entanglement": {"cuts": [[0, 1], [2]]}, "participation": {}, "observables": {},
    "distribution": {"shell_width": 0.6}, "interaction": {}, "propagator": {"kappa": [0.2, 1.0], "epsilon": [0.0, 0.5]},
}  # fmt: skip
KINDS = {
    "sweep": {"sweep": {"model": {"W": [1.0, 2.0, 5.0]}}, "ensemble": {"realizations": 3}},
    "two keys": {"sweep": {"model": {"W": [1.0, 5.0], "g": [0.1, 0.4]}}, "measure": {"gap_ratio": {}}},
    "words": {"sweep": {"spectrum": {"engine": ["dense", "filter"]}}, "measure": {"gap_ratio": {}}},
    "ensemble": {"ensemble": {"realizations": 3}},
    "one": {},
    "levels alone": {"measure": {}},
    "shells": {
        "spectrum": {"window": "whole", "engine": "filter", "shells": 3}, "ensemble": {"realizations": 2},
        "measure": {"entanglement": {}}, "bath": None,
    },
}  # fmt: skip


def job_of(kind):
    data = {"model": {"name": "imbrie", "L": 4}, "spectrum": WHOLE, "bath": WHOLE, "measure": EVERYTHING, **KINDS[kind]}
    return parse_job({key: value for key, value in data.items() if value is not None})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    directory = tmp_path_factory.mktemp("results")
    for kind in KINDS:
        run(job_of(kind), directory / f"{kind}.h5")
    return {kind: open_run(directory / f"{kind}.h5") for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_is_shown_plotted_and_reported(results, kind, tmp_path):
    result = results[kind]
    lines = as_text(result, 100)
    assert max(map(len, lines)) <= 160 and any("complete: yes" in line for line in lines)
    json.loads(json.dumps(as_data(result), allow_nan=False))
    for ending in ("pdf", "png", "svg") if kind == "levels alone" else ("svg",):
        save(plot_result(result), tmp_path / f"figure.{ending}")
        assert (tmp_path / f"figure.{ending}").stat().st_size > 3000
    chief, besides = panels_of(result)
    for name in chief | besides:
        figure = plot_result(result, name)
        (axis,) = figure.axes
        assert axis.get_xlabel() and axis.get_ylabel()
        assert axis.has_data()
        assert "_" not in axis.get_xlabel() + axis.get_ylabel().replace("_\\", "")
    text = page(result) if kind != "one" else ""
    assert not re.search(r"(?:src|href)=\"(?!data:)|url\(|@import|<script", text)
    check_balance(text)


def check_balance(text):
    """Every element that is opened is closed."""

    class Parser(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Parser()
    parser.feed(text)
    assert parser.open == []


def test_means_and_errors_are_those_of_the_states(results):
    result = results["sweep"]
    found = {m.point: m for m in means(result, "entanglement")}
    for point in range(3):
        one = [ds.entanglement.values.mean() for task, ds in result.tasks.items() if task.point == point]
        assert found[point].count == 3
        assert found[point].mean == pytest.approx(np.mean(one), rel=1e-12)
        assert found[point].error == pytest.approx(np.sqrt(np.var(one) / 2), rel=1e-9)  # variance/(n-1), n = 3
    labelled = {(m.point, m.label["q"]): m.mean for m in means(result, "participation")}
    value = np.mean([ds.participation.sel(q=2.0).values.mean() for t, ds in result.tasks.items() if t.point == 1])
    assert labelled[1, 2.0] == pytest.approx(value, rel=1e-12)


def test_energy_shells_of_a_realization_make_one_mean(results):
    """The shells of a whole spectrum hold all its states: their mean is that of the undivided spectrum."""
    (mean,) = means(results["shells"], "entanglement")
    whole = means(results["ensemble"], "entanglement")
    firsts = [ds.entanglement.values.mean() for t, ds in results["ensemble"].tasks.items() if t.realization < 2]
    assert mean.count == 2 and whole[0].count == 3
    assert mean.mean == pytest.approx(np.mean(firsts), abs=1e-9)


def test_fits_that_did_not_converge_are_left_out(results):
    (dataset,) = results["one"].tasks.values()
    good = dataset.fit_converged.values[:, 0] == 1
    first = next(m for m in means(results["one"], "chi") if m.label == {"branch": 1})
    assert first.mean == pytest.approx(dataset.chi.values[good, 0].mean())


def test_the_curve_of_a_sweep_is_the_means_with_their_errors(results):
    result = results["sweep"]
    (axis,) = plot_result(result, "entanglement").axes
    (bars,) = axis.containers
    found = means(result, "entanglement")
    assert bars[0].get_xdata().tolist() == [1.0, 2.0, 5.0]
    assert bars[0].get_ydata() == pytest.approx([m.mean for m in found])
    segments = np.array([s[:, 1] for s in bars[2][0].get_segments()])
    assert (segments[:, 1] - segments[:, 0]) / 2 == pytest.approx([m.error for m in found])
    assert axis.get_xlabel() == "parameter W of the model"


def test_two_swept_keys_make_a_curve_for_each_value(results):
    (axis,) = plot_result(results["two keys"], "gap_ratio").axes
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert {"g = 0.1", "g = 0.4", "GOE", "Poisson"} == set(labels)


def test_the_propagator_shows_direct_and_theory(results):
    (axis,) = plot_result(results["ensemble"], "propagator").axes
    labels = {text.get_text() for text in axis.get_legend().get_texts()}
    assert {"level spacing", "ε = 0, direct", "ε = 0, theory", "ε = 0.5, direct", "ε = 0.5, theory"} == labels
    line = axis.containers[0][0]
    expected = np.mean([ds.A.sel(epsilon=0.0).values for ds in results["ensemble"].tasks.values()], axis=0)
    assert line.get_ydata() == pytest.approx(expected)


def test_branches_and_states_are_chosen(results):
    (axis,) = plot_result(results["one"], "distribution", branch=[2], state=[0.0, 2.0]).axes
    labels = [text.get_text() for text in axis.get_legend().get_texts() if UNRESOLVED not in text.get_text()]
    energies = next(iter(results["one"].tasks.values())).bath_energy.values
    for label, target in zip(labels, (0.0, 2.0), strict=True):
        nearest = energies[np.abs(energies - target).argmin()]
        assert f"{nearest:.2f}, i = 2" in label
    with pytest.raises(JobError, match="--branch 3"):
        plot_result(results["one"], "distribution", branch=[3])
    with pytest.raises(JobError, match="can show gap_ratio"):
        plot_result(results["one"], "gap")
    with pytest.raises(JobError, match="--realization 9"):
        plot_result(results["one"], "distribution", realization=9)


def test_axes_of_the_user_are_drawn_on(results):
    figure = Figure()
    one, two = figure.subplots(1, 2)
    assert plot_result(results["sweep"], "gap_ratio", ax=one) is figure
    assert plot_distribution(next(iter(results["one"].tasks.values())), ax=two) is figure
    assert one.has_data() and two.has_data()
    with pytest.raises(JobError, match="one panel"):
        plot_result(results["sweep"], ax=one)


def test_the_users_settings_and_backend_are_left_alone(results):
    before = dict(matplotlib.rcParams)
    plot_result(results["sweep"])
    assert dict(matplotlib.rcParams) == before
    code = "import sys, bigbath.plots, bigbath.plots.sizes, bigbath.plots.diffusion, bigbath.plots.laws; print('matplotlib.pyplot' in sys.modules)"
    assert python("-c", code).stdout.strip() == "False"


def test_a_part_of_a_run(tmp_path):
    run(job_of("sweep"), tmp_path / "part.h5", share=(0, 3))
    result = open_run(tmp_path / "part.h5")
    assert any("3 of 9 tasks" in line for line in as_text(result, 100))
    assert len(as_data(result)["missing"]) == 6
    assert plot_result(result).axes
    process = bigbath("plot", tmp_path / "part.h5", "--what", "gap_ratio,levels", "-o", tmp_path / "part.svg")
    assert process.returncode == 0, process.stderr
    assert bigbath("show", tmp_path / "part.h5").returncode == 0


def test_tables_fit_the_terminal(results):
    for width in (80, 120):
        lines = as_text(results["sweep"], width)
        table = lines[lines.index(next(line for line in lines if line.startswith("means over"))) :]
        assert max(map(len, table)) <= width


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [(0.51234, 0.0123, "0.512 ± 0.012"), (123.4, 25.0, "123 ± 25"), (0.5, np.nan, "0.5"), (np.nan, np.nan, "-"),
     (-0.45, 1e-16, "-0.45 ± 0"), (1e-9, 2e-11, "1e-09 ± 2e-11")],
)  # fmt: skip
def test_numbers_with_errors(mean, error, text):
    assert with_error(mean, error) == text


def test_a_result_is_never_overwritten_by_a_figure(results, tmp_path):
    job = tmp_path / "job.toml"
    job.write_text(
        '[model]\nname = "imbrie"\nL = 3\n[spectrum]\nwindow = "whole"\nengine = "dense"\n[measure.gap_ratio]\n'
    )
    result = tmp_path / "result.pdf"
    assert bigbath("run", job, "-o", result).returncode == 0
    before = result.read_bytes()
    for arguments in (["plot", result], ["plot", result, "-o", result], ["report", result, "-o", result]):
        process = bigbath(*arguments)
        assert process.returncode in (2, 5) and "choose another name" in process.stderr, process.stderr
    (tmp_path / "link.png").symlink_to(result)
    assert bigbath("plot", result, "-o", tmp_path / "link.png").returncode == 2
    assert result.read_bytes() == before


def test_figures_that_cannot_be_written(results, tmp_path):
    figure = plot_result(results["one"], "levels")
    (tmp_path / "full.png").symlink_to("/dev/full")
    for path in (tmp_path / "full.png", tmp_path / "absent" / "f.png", tmp_path / ("x" * 300 + ".png")):
        with pytest.raises(FileError, match="cannot write"):
            save(figure, path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "target.png")
    save(figure, tmp_path / "dangling.png")
    assert (tmp_path / "dangling.png").is_symlink() and (tmp_path / "target.png").read_bytes()[:4] == b"\x89PNG"
    assert [p.name for p in tmp_path.glob(".*")] == []
