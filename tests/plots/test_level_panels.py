"""Figures of level statistics: the curves are the averages, beside the known laws; nothing else is drawn without being asked for."""

import numpy as np
import pytest

import bigbath as bb
from bigbath.cli.report import page
from bigbath.cli.showing import as_text
from bigbath.plots.level_panels import DECADES
from bigbath.plots.means import is_flag
from bigbath.plots.registry import panels_of
from bigbath.plots.style import typeset
from bigbath.progress import silent

MEASURE = {
    "form_factor": {"degree": 2, "points": 60}, "spacings": {"degree": 2, "bins": 10},
    "number_variance": {"degree": 2, "lengths": [0.5, 1.0, 2.0]},
}  # fmt: skip


def levels_of(realizations, **more):
    job = bb.Job(
        model=bb.XXZ(L=8, W=1.0), measure=MEASURE, ensemble=bb.Ensemble(realizations=realizations),
        spectrum=bb.Spectrum(window="whole", vectors=False, sector={"magnetisation": 0}), **more,
    )  # fmt: skip
    return bb.run(job, report=silent)


@pytest.fixture(scope="module")
def swept():
    return levels_of(5, sweep={"model.W": [1.0, 5.0]})


def legend(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_the_form_factor_is_the_disorder_average(swept):
    (axis,) = bb.plot_result(swept, "form_factor").axes
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert legend(axis) == ["W = 1", "W = 5", "all of K", "Thouless time", "GOE", "Poisson"]
    K = bb.disorder_average(swept.dataset, decades=DECADES).squeeze("sector")
    lines = [line for line in axis.lines if len(line.get_xdata()) == 60]
    drawn = {line.get_label(): line.get_ydata() for line in lines}
    for W in (1.0, 5.0):
        assert drawn[f"W = {W:g}"] == pytest.approx(K.K_connected.sel(W=W).values)
        assert any(np.allclose(line.get_ydata(), K.K.sel(W=W).values) for line in lines)
    assert np.all(drawn["Poisson"] == 1)
    marked = {float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() == "v" and len(line.get_xdata())}
    assert marked == set(K.thouless_tau.values[np.isfinite(K.thouless_tau.values)])
    bands = [c.get_paths()[0].vertices for c in axis.collections]
    error = K.K_connected_error.sel(W=5.0).values
    assert bands[1][:, 1].max() == pytest.approx((K.K_connected.sel(W=5.0).values + error).max())


def test_one_realization_has_no_connected_part():
    (axis,) = bb.plot_result(levels_of(1), "form_factor").axes
    assert legend(axis) == ["one realization", "GOE", "Poisson"] and not axis.collections


@pytest.mark.parametrize(
    ("name", "variable"), [("spacings", "spacing_density"), ("number_variance", "number_variance")]
)
def test_means_stand_beside_the_known_laws(swept, name, variable):
    (axis,) = bb.plot_result(swept, name).axes
    assert set(legend(axis)) == {"W = 1", "W = 5", "GOE", "GUE", "Poisson"}
    mean = swept.average(variable)["mean"].squeeze("sector")
    for number, W in enumerate((1.0, 5.0)):
        assert axis.containers[number][0].get_ydata() == pytest.approx(mean.sel(W=W).values)
    laws = {line.get_label(): line.get_xydata() for line in axis.lines}
    x, y = laws["Poisson"].T
    assert y == pytest.approx(np.exp(-x) if name == "spacings" else x)


def test_a_running_mean_of_a_form_factor_has_its_own_error(swept):
    """Smoothing K commutes with the average; its error is smaller than that of single times."""
    plain, smooth = (bb.disorder_average(swept.dataset, decades=d) for d in (0.0, 0.3))
    late = plain.tau > 0.1
    assert float((smooth.K_error / plain.K_error).where(late).mean()) < 0.9
    inner = slice(10, -10)
    width = round(0.3 / np.mean(np.diff(np.log10(plain.tau.values))))
    expected = plain.K.rolling(tau=width, center=True).mean()[..., inner]
    assert np.allclose(smooth.K.transpose(*expected.dims)[..., inner], expected, rtol=1e-9)
    assert np.array_equal(smooth.thouless_tau, plain.thouless_tau, equal_nan=True)
    assert "real part" not in str(plain.thouless_tau.attrs)


@pytest.mark.parametrize(
    ("name", "flag"),
    [("time_resolved", True), ("fit_resolved_integrated", True), ("bath_degeneracy", True), ("p_time_error", True),
     ("closed_settled", True), ("gap_ratio", False), ("chi_integrated", False), ("p_time", False), ("degeneracy", True)],
)  # fmt: skip
def test_flags_are_known_by_their_names(name, flag):
    assert is_flag(name) == flag


def test_flags_are_drawn_only_when_asked_for():
    job = bb.Job(
        model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), bath=bb.Spectrum(window="whole"),
        measure={"evolution": {"times": [3.0, 5.0], "width": 1.0}, "distribution": {"shell_width": 0.7}},
    )  # fmt: skip
    result = bb.run(job, report=silent)
    chief, besides = panels_of(result)
    assert not [name for name in chief if is_flag(name)]
    flags = [name for name in besides if is_flag(name)]
    assert "time_resolved" in flags
    (axis,) = bb.plot_result(result, "time_resolved").axes
    assert axis.has_data()


@pytest.mark.parametrize(
    ("plain", "tex"),
    [("all 2^15 states", "all $2^{15}$ states"), ("N^-1 and $2^3$", "$N^{-1}$ and $2^3$"), ("no power", "no power")],
)
def test_powers_are_typeset(plain, tex):
    assert typeset(plain) == tex


def test_a_swept_key_has_one_name(swept):
    name = swept.swept["model.W"]
    assert name == "W" and name in swept.dataset.coords
    assert "<th>W</th>" in page(swept) and "<th>model.W</th>" not in page(swept)
    assert any(line.split()[:1] == ["W"] for line in as_text(swept, 120))
