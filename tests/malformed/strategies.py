"""What somebody might write into a job file or a Python call by mistake."""

import copy
import datetime
import math
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

CUSTOM = {
    "name": "custom", "L": 4, "system_sites": 1, "system": [["z", [[0.5, 0]]]],
    "bath": [["zz", [[1.0, 1, 2], [1.0, 2, 3]]], ["x", [[0.9, 1], [0.7, 2]]]], "interaction": [["xx", [[0.3, 0, 1]]]],
    "disorder": [["z", "bath", -1.0, 1.0]], "symmetries": [{"name": "parity", "sign": [0, 1], "flip": []}],
}  # fmt: skip
TERMS = {
    "name": "custom", "L": 4, "system_sites": 1, "pauli": 0, "parameters": {"W": 1.5, "J": 0.4},
    "terms": [
        {"string": "+-", "bonds": "ring", "coupling": ["J/2", 0.1], "plus_hc": True, "decay": "W"},
        {"string": "zz", "bonds": {"kind": "square", "width": 2, "periodic": True}, "coupling": {"kind": "log-uniform", "low": 0.1, "high": "J"}},
        {"string": "z", "sites": {"first": 0, "last": -1}, "coupling": {"kind": "uniform", "low": "-W", "high": "W"}},
        {"string": "nzn", "bonds": [[0, 1, 2]], "coupling": {"kind": "normal", "sigma": 1.0}},
        {"string": "x", "sites": [1, 3], "coupling": {"kind": "quasi-periodic", "W": "W", "beta": 0.3}},
        ["yy", [["J", 0, 1], [0.3, 1, 2]]],
    ],
    "symmetries": [{"name": "all", "permutation": None, "flip": "all"}],
}  # fmt: skip
#: Of the file that each test finds.
MATRICES = {"name": "matrices", "bath": "b.mtx", "system": "s.mtx", "interaction": [["s.mtx", "b.mtx"]], "g": 0.5}
EVERY = {
    "distribution": {"shell_width": 0.5, "fit": "lorentzian", "keep": [0.1]},
    "gap_ratio": {"accept_unresolved": True},
    "interaction": {"shell_width": 1.0, "eta": 0.5, "solve": True},
    "propagator": {"epsilon": [0.0], "kappa": [0.1, 1.0]},
    "participation": {"q": [1.0, 2.0]},
    "entanglement": {"cuts": [[0, 1]]},
    "observables": {"pauli": ["z", "x"]},
    "spacings": {"accept_unresolved": True},
    "number_variance": {"accept_unresolved": True},
    "form_factor": {"accept_unresolved": True},
}

#: Valid jobs of a few spins: every model, window, engine and measurement.
JOBS = (
    {
        "title": "ring",
        "model": {"name": "ring", "N": 5, "g": 1.05, "h": 0.1, "boundary": "periodic"},
        "spectrum": {"window": "whole", "engine": "dense", "symmetries": ["reflection"], "sector": {"reflection": 1}},
        "bath": {"window": "whole", "engine": "auto", "symmetries": []},
        "measure": EVERY,
        "ensemble": {"seed": 3, "realizations": 2, "first": 0},
        "accept_unverified": False,
    },
    {
        "model": {"name": "imbrie", "L": 5, "W": 2.0, "Gamma": 1.0, "Delta": 0.9, "g": 0.4},
        "spectrum": {"window": {"kind": "density", "epsilon": 0.5, "k": 6}, "engine": {"kind": "filter", "b": 2, "seed": 0}},
        "bath": {"window": {"kind": "levels", "energies": [0.5, 1.0]}},
        "measure": {"distribution": {"shell_width": 0.1}, "observables": {"pauli": ["y"]}},
        "sweep": {"model": {"W": [1.0, 2.0]}, "spectrum.window.k": {"start": 4, "stop": 6, "step": 2}},
    },
    {
        "model": CUSTOM,
        "spectrum": {"window": {"kind": "interval", "lower": -1.0, "upper": 1.0}, "engine": "auto"},
        "bath": {"window": {"kind": "nearest", "target": 0.0, "k": 2}},
        "measure": {"distribution": {"fit": "none"}, "participation": {}, "entanglement": {"cuts": [[1, 2]]}},
        "sweep": {"measure.distribution.shell_width": {"start": 0.1, "stop": 1.0, "count": 2, "log": True}},
        "ensemble": {"realizations": 2},
    },
    {
        "model": {**TERMS, "symmetries": []},
        "spectrum": {"window": "whole", "sector": {}},
        "measure": {"entanglement": {}},
        "sweep": {"model.L": [4, 6], "model.parameters": {"W": [1.0, 2.0]}},
    },
    {
        "model": MATRICES,
        "spectrum": {"window": "whole"},
        "bath": {"window": "whole"},
        "measure": {"distribution": {}},
        "sweep": {"model.g": [0.0, 1.0]},
    },
    {
        "model": {"name": "tfim", "L": 4, "h": 1.0, "Delta": 0.9, "g": 0.4},
        "spectrum": {"window": {"kind": "nearest", "target": 0.0, "k": 3}, "sector": {"parity": -1}},
        "measure": {"gap_ratio": {}},
    },
    {
        "model": {"name": "levy", "L": 3, "mu": 1.2, "Delta": 0.9, "g": 0.4},
        "spectrum": {"window": {"kind": "whole", "slice": 30}},
        "bath": {"window": "whole"},
        "measure": {"propagator": {"kappa": [0.1]}, "entanglement": {}},
    },
)  # fmt: skip


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


WORDS = [
    "whole", "dense", "auto", "filter", "shift-invert", "ring", "custom", "nearest", "interval", "bath", "zz", "xy", "y", "", "N",
    "reflection", "\0", "../x", "a" * 300,
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2, 3, 7, 40, 62, 63, 10**9, 2**31, 2**63, 2**64, 10**400, 0.0, -0.0, 0.5, -2.5, 1e-300, 5e-324,
    1e-12, 1e9, 1e150, 1e300, 1.7e308, math.nan, math.inf, -math.inf,
]  # fmt: skip
#: What TOML can say; five thousand digits are not written out, since Python would refuse to print them.
SCALARS = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from([-1, 1]).map(lambda sign: sign * 10**5000), st.sampled_from(WORDS), st.booleans(), st.integers(-5, 70), st.floats(-10, 10), st.floats(),
    st.text(max_size=8), st.dates(), st.times(), st.datetimes(),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            "model", "spectrum", "bath", "measure", "sweep", "ensemble", "window", "engine", "name", "kind", "N", "L", "l", "g", "k",
            "epsilon", "energies", "distribution", "title", "shells", "shell_widht", "start", "stop", "count", "step", "root",
        ]
    ),
)  # fmt: skip
TABLES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12
) | st.sampled_from([3, 5000]).map(_nested)  # fmt: skip
#: And what only Python can.
OBJECTS = st.one_of(
    TABLES,
    st.sampled_from(
        [
            None, 1j, 1 + 0j, b"bytes", object(), int, len, Path("/"), Path("x.h5"), {1: 2}, {"a"}, range(3), range(10**9, 10**9 + 2),
            datetime.timedelta(1), np.int64(3), np.float32(0.5), np.bool_(True), np.complex128(1j), np.datetime64("2020"), np.nan,
            np.arange(3), np.zeros((2, 3)), np.array([]), np.array(["z"]), np.array([None]), np.array(2.0), np.ma.masked,
        ]
    ).map(lambda value: dict(value) if isinstance(value, dict) else value),  # a new one each time: it may be changed
)  # fmt: skip


def places(data, prefix=()):
    """Every place in nested data, but for what is very deep."""
    if len(prefix) > 8:
        return
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*prefix, key)
        yield from places(value, (*prefix, key))


@st.composite
def changed(draw, data, values):
    """Nested data with up to three values replaced, removed, repeated, or joined by a strange key."""
    data = copy.deepcopy(data)  # of valid data
    for _ in range(draw(st.integers(1, 3))):
        found = sorted(places(data), key=str)
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        container = data
        for step in path:
            container = container[step]
        match draw(st.sampled_from(["replace", "replace", "remove", "add", "repeat"])):
            case "replace":
                container[last] = draw(values)
            case "remove":
                del container[last]
            case "add" if isinstance(container, dict):
                container[draw(KEYS)] = draw(values)
            case "repeat" if isinstance(container, list):
                container.append(container[last])
    return data
