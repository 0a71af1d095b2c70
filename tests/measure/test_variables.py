"""Every variable of every measurement is described, and its unit is the one by which it changes with the unit of energy."""

from dataclasses import fields

import numpy as np
import pytest

import bigbath as bb
from bigbath.cluster.realize import realize
from bigbath.job import parse_job
from bigbath.measure import Measures
from bigbath.variables import COUPLING, INVERSE, INVERSE_SQUARE, NATS, NUMBER, SQUARE, described, known

POWERS = {NUMBER: 0, NATS: 0, COUPLING: 1, SQUARE: 2, INVERSE: -1, INVERSE_SQUARE: -2}


def every(s: float = 1.0) -> dict:
    """Every measurement, its energies ``s`` times as large."""
    grid = {"kappa": [0.5 * s, 1.0 * s], "epsilon": [0.0, 0.4 * s]}
    return {
        "distribution": {"shell_width": 0.7 * s, "keep": [0.0], "powers": True},
        "gap_ratio": {"orders": [2]}, "interaction": {"eta": 0.1 * s, "solve": True, "closed": True, "shell_width": s},
        "propagator": grid, "cavity": grid, "dephasing": grid, "long_time": {"width": s},
        "evolution": {"times": [3.0 / s, 5.0 / s], "width": 1.0 * s, "direct": True, "vectors": 2},
        "dynamics": {
            "times": [0.0, 1.0 / s, 3.0 / s], "observe": [
                "populations", "density_matrix", "entanglement", "sigma_x", "sigma_y", "sigma_z", "energy", "imbalance", "survival",
                "observational_entropy",
            ], "shell_width": s, "autocorrelation": {"letters": "z", "sites": [0]},
            "shots": {"sigma": s, "count": 1000}, "survival_moments": 10_000,
        },
        "participation": {}, "entanglement": {"cuts": [[0, 1]]},
        "observables": {"pauli": ["x", "y", "z"], "operators": {"a": [["x", [[1.0, 0]]]]}, "elements": True},
        "spacings": {"degree": 3}, "number_variance": {"degree": 3}, "form_factor": {"points": 5, "degree": 3},
    }  # fmt: skip


def measured(s: float = 1.0):
    stream = np.random.default_rng(5)
    bonds = [["zz", [[s * float(stream.normal()), j, j + 1] for j in range(1, 5)]]]
    local = [[a, [[s * float(stream.normal()), j] for j in range(1, 6)]] for a in "xz"]
    model = {"name": "custom", "L": 6, "system": [["z", [[0.6 * s, 0]]]], "bath": bonds + local,
             "interaction": [["xx", [[0.4 * s, 0, 1]]]]}  # fmt: skip
    window = {"window": "whole"}
    return realize(parse_job({"model": model, "spectrum": window, "bath": window, "measure": every(s)}), 0)


@pytest.fixture(scope="module")
def dataset():
    return measured()


def test_every_measurement_is_among_them():
    assert set(every()) == {field.name for field in fields(Measures)}


def test_every_variable_is_described(dataset):
    full = described(dataset)
    for name, variable in full.variables.items():
        assert known(str(name)), f"bigbath/variables.py has no line for {name}"
        for attribute in ("long_name", "units", "description"):
            assert variable.attrs[attribute], name
        assert variable.attrs["units"] in POWERS
        assert "\\" not in variable.attrs["long_name"] and "_" not in variable.attrs["long_name"]
    assert full.energy_density.values[[0, -1]] == pytest.approx([0, 1])


def test_units_are_those_of_a_model_in_other_units(dataset):
    s = 4.0
    other = measured(s)
    assert set(other.variables) == set(dataset.variables)
    for name, variable in dataset.variables.items():
        found, expected = other[name].values, variable.values
        if "residual" in str(name):  # rounding
            continue
        if expected.dtype.kind not in "fiuc":
            assert np.array_equal(found, expected)
            continue
        factor = s ** POWERS[known(str(name)).units]
        assert np.allclose(found, factor * expected, rtol=1e-5, atol=1e-7 * factor, equal_nan=True), name


def test_attributes_of_the_user_win_and_a_dataset_is_not_changed():
    ds = bb.solve(bb.build(bb.draw(bb.Imbrie(L=3))), bb.Whole()).to_dataset()
    ds.energy.attrs["units"] = "MHz"
    assert described(ds).energy.attrs["units"] == "MHz"
    bare = ds.drop_attrs()
    described(bare)
    assert not bare.energy.attrs
