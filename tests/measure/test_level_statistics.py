"""Statistics of levels as measurements: the numbers of the pure functions, over realizations, refused where unresolved."""

import numpy as np
import pytest
import xarray as xr

from bigbath.cluster.realize import realize
from bigbath.errors import JobError, UnresolvedSpectrum
from bigbath.job import parse_job
from bigbath.measure import caveats, disorder_average
from bigbath.statistics import amplitude, averaged, gap_ratio, gaussian_filter, thouless_time, unfolded

MEASURE = {
    "gap_ratio": {"orders": [2, 3]},
    "spacings": {"degree": 6, "bins": 20},
    "number_variance": {"lengths": [1.0, 3.0], "degree": 6},
    "form_factor": {"points": 150, "tau_min": 0.005, "degree": 6},
}


def job(model, measure=MEASURE):
    return parse_job({"model": model, "spectrum": {"window": "whole"}, "measure": measure})


@pytest.fixture(scope="module")
def ensemble():
    parsed = job({"name": "imbrie", "L": 7, "W": 1.0})
    return xr.concat([realize(parsed, r) for r in range(12)], dim="realization", data_vars="all")


def test_the_numbers_are_those_of_the_levels(ensemble):
    for r in range(3):
        ds = ensemble.isel(realization=r, sector=0)
        levels = ds.energy.values
        assert float(ds.gap_ratio) == gap_ratio(levels)
        assert np.allclose(ds.gap_ratio_of_order, [gap_ratio(levels, k) for k in (2, 3)])
        e = unfolded(levels, 6)
        f = gaussian_filter(e)
        Z = amplitude(e, f, ds.tau.values)
        assert np.allclose(ds.form_factor_real + 1j * ds.form_factor_imag, Z)
        assert np.allclose(ds.form_factor, np.abs(Z) ** 2 / np.sum(f**2))
        assert float(ds.mean_spacing) == pytest.approx(np.ptp(levels) / levels.size, rel=0.6)
    assert float(ensemble.gap_ratio.mean()) == pytest.approx(0.52, abs=0.03)
    nearest = ensemble.spacing_distance.mean("realization").isel(sector=0).idxmin("ensemble")
    assert str(nearest.values) == "goe"
    width = np.diff(ensemble.spacing.values)[0]
    assert (ensemble.spacing_density.sum("spacing") * width <= 1 + 1e-12).all()
    assert (ensemble.number_variance.mean("realization").values[0] < [0.7, 0.9]).all()


def test_the_disorder_average(ensemble):
    average = disorder_average(ensemble).isel(sector=0)
    Z = (ensemble.form_factor_real + 1j * ensemble.form_factor_imag).isel(sector=0).values
    norms = ensemble.form_factor_norm.isel(sector=0).values
    expected = averaged(ensemble.tau.values, Z, norms)
    assert np.allclose(average.K, expected.K)
    assert np.allclose(average.K_connected_error, expected.connected_error)
    assert int(average.realizations) == 12
    thouless = thouless_time(ensemble.tau.values, Z, norms)
    assert float(average.thouless_tau) == pytest.approx(thouless.tau, nan_ok=True)
    heisenberg = 2 * np.pi / float(ensemble.mean_spacing.mean())
    assert float(average.thouless_time) == pytest.approx(thouless.tau * heisenberg, nan_ok=True)
    swept = xr.concat([ensemble, ensemble], dim=xr.DataArray([1.0, 2.0], dims="model.W", name="model.W"))
    assert disorder_average(swept).K.dims == ("model.W", "sector", "tau")
    with pytest.raises(JobError, match="several realizations"):
        disorder_average(ensemble.isel(realization=0))


def test_sectors_with_few_levels_have_no_numbers():
    ds = realize(job({"name": "tfim", "L": 4}), 0)
    for name in (
        "spacing_density",
        "spacing_distance",
        "number_variance",
        "form_factor",
        "form_factor_real",
        "form_factor_imag",
    ):
        assert np.isnan(ds[name]).all(), name
    assert np.isfinite(ds.gap_ratio).all()
    average = disorder_average(ds.expand_dims("realization"))
    assert (average.realizations == 0).all()


@pytest.mark.parametrize("section", MEASURE)
def test_each_refuses_an_unresolved_spectrum(section):
    chain = {"name": "ring", "N": 8, "boundary": "open"}
    with pytest.raises(UnresolvedSpectrum, match=f"measure.{section}.*\n.*reflection of all sites"):
        realize(job(chain, {section: {}}), 0)
    ds = realize(job(chain, {section: {"accept_unresolved": True}}), 0)
    (line,) = caveats(ds)
    assert line.startswith(f"{section}: NOT RESOLVED, permutation of sites")


def test_a_grid_of_times_must_ascend():
    with pytest.raises(JobError, match="tau_min"):
        job({"name": "imbrie", "L": 4}, {"form_factor": {"tau_min": 2.0, "tau_max": 1.0}})
