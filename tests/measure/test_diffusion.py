"""Measurements of the diffusion paper in jobs: each is what its functions give, every dimension is labelled."""

import numpy as np
import pytest

from bigbath import diffusion
from bigbath.cluster.realize import realize, system_states
from bigbath.errors import JobError
from bigbath.job import parse_job
from bigbath.models import Imbrie, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Dense, Whole, solve

GRID = {"epsilon": [0.0, 0.5], "kappa": [0.3, 1.0]}
JOB = {
    "model": {"name": "imbrie", "L": 4},
    "spectrum": {"window": "whole", "engine": "dense"},
    "bath": {"window": "whole", "engine": "dense"},
    "ensemble": {"seed": 5},
    "measure": {
        "propagator": GRID,
        "cavity": GRID,
        "dephasing": GRID,
        "evolution": {"times": [1.0, 4.0], "width": 1.0},
        "long_time": {"width": 1.5},
    },
}


@pytest.fixture(scope="module")
def measured():
    return realize(parse_job(JOB), 0)


def test_labels_select_what_they_name(measured) -> None:
    """D from the lower level, 1, to the upper, 2, by label; every dimension has a coordinate, levels count from 1."""
    composite = Imbrie(L=4).composite(disorder_stream(5, 0))
    states, bath = (solve(build(composite, part), Whole(), engine=Dense()) for part in ("H", "B"))
    system = system_states(composite)
    direct = diffusion.direct_propagator(states, system, *GRID.values())
    theory = diffusion.diffusion_theory(
        diffusion.level_broadening(states, bath, system, *GRID.values()), composite, bath, system, GRID["epsilon"]
    )
    for name, D in (("D", direct.D), ("D_theory", theory.D)):
        chosen = measured[name].sel(branch=2, branch_from=1, epsilon=0.5, kappa=0.3)
        assert float(chosen) == pytest.approx(D[1, 0, 1, 0], rel=1e-9)
    assert float(measured.nu.sel(branch=1, epsilon=0.0, kappa=1.0)) == pytest.approx(direct.nu[0, 0, 1])
    for variable in measured.variables.values():
        for dimension in variable.dims:
            labels = measured[dimension].values
            assert dimension in measured.coords
            if dimension.startswith("branch"):
                assert labels.tolist() == [1, 2]
    exact = measured.superpropagator_real.sel(element="2,2", element_from="1,1", epsilon=0.5, kappa=0.3)
    assert float(exact) == pytest.approx(direct.D[1, 0, 1, 0], rel=1e-9)


def test_connected_part(measured) -> None:
    """A - (nu_1 - nu_2)^2/[kappa (nu_1 + nu_2)]; without it kappa A does not vanish with kappa."""
    nu = measured.nu.values
    pole = (nu[0] - nu[1]) ** 2 / np.array(GRID["kappa"]) / (nu[0] + nu[1])
    np.testing.assert_allclose(measured.A_connected.values, measured.A.values - pole)
    np.testing.assert_allclose(measured.A_theory_connected.values, measured.A_theory.values - pole)


def test_evolution_and_long_time(measured) -> None:
    assert (
        np.isnan(measured.p_time_theory.sel(time=1.0)).all()
        and not np.isnan(measured.p_time_theory.sel(time=4.0)).any()
    )
    np.testing.assert_allclose(measured.p_time.sum(("branch", "branch_from")), 1, atol=1e-9)
    for name in ("p_infinite", "p_stationary"):
        assert float(measured[name].sum()) == pytest.approx(1, abs=1e-6)
    for name in ("p_thermal", "p_canonical"):
        assert float(measured[name].sum()) == pytest.approx(1)
    assert int(measured.long_time_resolved) == 1
    below = parse_job({**JOB, "measure": {"long_time": {"kappa": 1e-3}}})
    assert int(realize(below, 0).long_time_resolved) == 0


def test_thermal_evolution() -> None:
    beta = realize(parse_job({**JOB, "measure": {"evolution": {"times": [3.0], "beta": 0.2}}}), 0)
    assert float(abs(beta.autocorrelation_theory - beta.autocorrelation).max()) < 0.5
    assert float(beta.p_time_error.max()) < 0.1


@pytest.mark.parametrize("wrong", [{"times": [1.0]}, {"times": [1.0], "width": 1.0, "beta": 1.0}])
def test_evolution_needs_one_initial_state(wrong: dict) -> None:
    with pytest.raises(JobError, match="either width"):
        parse_job({**JOB, "measure": {"evolution": wrong}})


@pytest.mark.parametrize("name", ["cavity", "dephasing", "long_time"])
def test_a_bath_is_needed(name: str) -> None:
    job = {key: value for key, value in JOB.items() if key != "bath"} | {"measure": {name: JOB["measure"][name]}}
    with pytest.raises(JobError, match=f"measure.{name} needs the bath"):
        realize(parse_job(job), 0)
