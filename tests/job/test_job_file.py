"""Job files: whatever they hold, the only error is a JobError, and it names the key and the remedy."""

import copy
import datetime
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.errors import FileError, JobError
from bigbath.job import Job, job_hash, load_job, parse_job, resolved

JOBS = (
    {
        "title": "ring",
        "model": {"name": "ring", "N": 8, "g": 1.05, "h": 0.1, "boundary": "periodic"},
        "spectrum": {"window": "whole", "engine": "dense", "symmetries": ["reflection"], "sector": {"reflection": -1}},
        "bath": {"window": {"kind": "levels", "energies": [0.5, 3.0]}},
        "measure": {"distribution": {"shell_width": 0.5, "fit": "lorentzian", "keep": True}, "gap_ratio": {}},
        "ensemble": {"seed": 3, "realizations": 1, "first": 0},
        "accept_unverified": False,
    },
    {
        "model": {"name": "imbrie", "L": 6, "W": 2.0, "Gamma": 1.0, "Delta": 0.9, "g": 0.4},
        "spectrum": {
            "window": {"kind": "density", "epsilon": 0.5, "k": 20},
            "engine": {"kind": "shift-invert", "tol": 1e-11, "certify": True, "slice": 100, "options": "-eps_ncv 60"},
        },
    },
    {
        "model": {
            "name": "custom", "L": 4, "system_sites": 1, "system": [["z", [[0.5, 0]]]],
            "bath": [["zz", [[1, 1, 2], [1, 2, 3]]], ["x", [[0.9, 1]]]], "interaction": [["xx", [[0.3, 0, 1]]]],
            "disorder": [["z", "bath", -1.0, 1.0]], "symmetries": [{"name": "parity", "sign": [0, 1]}],
        },
        "spectrum": {"window": {"kind": "interval", "lower": -1.0, "upper": 1.0}, "engine": "auto"},
        "ensemble": {"realizations": 5},
    },
    {"model": {"name": "tfim", "L": 5}, "spectrum": {"window": {"kind": "nearest", "target": 0.0, "k": 3}}},
    {"model": {"name": "levy", "L": 4, "mu": 1.2}, "spectrum": {"window": {"kind": "whole", "slice": 30}}},
)  # fmt: skip

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.times(), st.datetimes(),
    st.sampled_from(["whole", "dense", "ring", "custom", "nearest", "shift-invert", 0, -1, 2**63, 1e308, math.nan, math.inf]),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            "model",
            "spectrum",
            "bath",
            "measure",
            "ensemble",
            "window",
            "engine",
            "name",
            "kind",
            "N",
            "L",
            "g",
            "k",
            "epsilon",
            "distribution",
            "title",
        ]
    ),
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)


def paths(data, prefix=()):
    """Every place in nested data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*prefix, key)
        yield from paths(value, (*prefix, key))


def place(data, path):
    for step in path[:-1]:
        data = data[step]
    return data


def only_job_errors(data):
    try:
        job = parse_job(data)
    except JobError as error:
        assert str(error)
        assert "Traceback" not in str(error)
        return None
    assert isinstance(job, Job)
    assert parse_job(resolved(job)) == job
    return job


@given(st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=150)
def test_random_data_gives_job_errors_only(data):
    only_job_errors(data)


@given(st.sampled_from(JOBS), st.data())
@settings(max_examples=300)
def test_mutated_jobs_give_job_errors_only(job, data):
    """Up to three values of a valid job replaced, removed, or joined by a strange key."""
    job = copy.deepcopy(job)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(paths(job), key=str)))
        container = place(job, path)
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                container[path[-1]] = data.draw(VALUES)
            case "remove":
                del container[path[-1]]
            case "add" if isinstance(container, dict):
                container[data.draw(KEYS)] = data.draw(VALUES)
        if not list(paths(job)):
            break
    only_job_errors(job)


@given(st.binary(max_size=200))
def test_random_bytes_give_job_or_file_errors_only(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "job.toml"
        path.write_bytes(content)
        with pytest.raises((JobError, FileError)):
            load_job(path)


@pytest.mark.parametrize("job", JOBS, ids=lambda j: j["model"]["name"])
def test_valid_jobs_survive_a_round_trip(job):
    parsed = parse_job(job)
    assert parse_job(resolved(parsed)) == parsed
    assert job_hash(parse_job(resolved(parsed))) == job_hash(parsed)


def dotted(path):
    return ".".join(map(str, path))


WRONG = {bool: "yes", int: "three", float: "big", str: 7, list: 5, dict: 3.5}


@pytest.mark.parametrize("job", JOBS, ids=lambda j: j["model"]["name"])
def test_every_wrong_type_is_named(job):
    """Each value in turn gets a type that it cannot have; the message holds its key."""
    for path in list(paths(job)):
        changed = copy.deepcopy(job)
        container = place(changed, path)
        value = container[path[-1]]
        container[path[-1]] = {"no": "table"} if value in ("whole", "dense", "auto") else WRONG[type(value)]
        with pytest.raises(JobError) as caught:
            parse_job(changed)
        named = [str(step) for step in path if isinstance(step, str)]
        assert any(step in str(caught.value) for step in named[-2:]), (path, str(caught.value))


@pytest.mark.parametrize("job", JOBS, ids=lambda j: j["model"]["name"])
def test_every_unknown_key_is_named_with_its_place(job):
    tables = [(), *(p for p in paths(job) if isinstance(place(job, p)[p[-1]], dict))]
    for path in tables:
        if path and path[-1] == "sector":
            continue
        changed = copy.deepcopy(job)
        (place(changed, path)[path[-1]] if path else changed)["zzyzx"] = 1
        with pytest.raises(JobError) as caught:
            parse_job(changed)
        assert f"{dotted((*path, 'zzyzx'))}: unknown key" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "messages"),
    [
        (("modle",), {}, ["modle: unknown key; did you mean 'model'?"]),
        (("spectrum", "widnow"), 1, ["spectrum.widnow: unknown key; did you mean 'window'?"]),
        (("measure", "distribution", "shell_with"), 0.5, ["shell_with: unknown key; did you mean 'shell_width'?"]),
        (("ensemble", "realisations"), 2, ["did you mean 'realizations'?"]),
        (("model", "name"), "rnig", ["did you mean 'ring'?"]),
        (("spectrum", "engine"), "shift-inverse", ["spectrum.engine", "did you mean 'shift-invert'?"]),
        (("spectrum", "window"), {"kind": "nearst", "k": 1}, ["spectrum.window", "did you mean 'nearest'?"]),
        (
            ("measure", "distribution", "shell_width"),
            -0.5,
            ["measure.distribution.shell_width", "greater than 0", "-0.5"],
        ),
        (("measure", "distribution", "shell_width"), 0, ["measure.distribution.shell_width"]),
        (("spectrum", "window"), {"kind": "density", "epsilon": 1.3, "k": 1}, ["spectrum.window.epsilon", "1.3"]),
        (("spectrum", "window"), {"kind": "interval", "lower": 2.0, "upper": 1.0}, ["must be less than upper"]),
        (("spectrum", "window"), {"kind": "nearest", "target": 0.0}, ["spectrum.window.k: is missing"]),
        (("model", "N"), 8.5, ["model.N", "8.5"]),
        (("model", "N"), 2, ["model.N", "greater than or equal to 3"]),
        (("model", "N"), 10**9, ["model.N"]),
        (("model", "g"), math.nan, ["model.g"]),
        (("model", "g"), math.inf, ["model.g"]),
        (("model", "N"), datetime.date(2020, 1, 1), ["neither text, number"]),
        (("model", "boundary"), "closed", ["model.boundary", "periodic"]),
        (("ensemble", "realizations"), 0, ["ensemble.realizations"]),
    ],
)
def test_messages_name_the_key_and_the_remedy(path, value, messages):
    changed = copy.deepcopy(JOBS[0])
    place(changed, path)[path[-1]] = value
    with pytest.raises(JobError) as caught:
        parse_job(changed)
    for message in messages:
        assert message in str(caught.value)


def test_a_list_is_not_called_empty_because_an_item_is_wrong():
    changed = copy.deepcopy(JOBS[0]) | {"measure": {"participation": {"q": [-1.0]}}}
    with pytest.raises(JobError) as caught:
        parse_job(changed)
    assert str(caught.value).count("measure.participation.q") == 1
    changed["measure"]["participation"]["q"] = []
    with pytest.raises(JobError, match=r"measure\.participation\.q: must have at least 1 entry"):
        parse_job(changed)


def test_several_mistakes_are_told_at_once():
    changed = copy.deepcopy(JOBS[0])
    changed["model"]["N"] = "many"
    changed["ensemble"]["sede"] = 3
    del changed["spectrum"]["window"]
    with pytest.raises(JobError) as caught:
        parse_job(changed)
    for message in ("model.N:", "ensemble.sede: unknown key", "spectrum.window: is missing"):
        assert message in str(caught.value)


def test_the_hash_is_of_the_numbers_alone():
    base = parse_job(JOBS[0])
    assert job_hash(parse_job({**JOBS[0], "title": "another"})) == job_hash(base)
    assert job_hash(parse_job(dict(reversed(JOBS[0].items())))) == job_hash(base)
    short = {k: v for k, v in JOBS[0].items() if k != "accept_unverified"}
    assert job_hash(parse_job(short)) == job_hash(base)
    other = copy.deepcopy(JOBS[0])
    other["model"]["g"] = 1.06
    assert job_hash(parse_job(other)) != job_hash(base)


def test_a_shorthand_is_its_table():
    for name in ("dense", "auto", "shift-invert"):
        base = {"model": {"name": "ring", "N": 5}}
        short, long = ({**base, "spectrum": {"window": "whole", "engine": e}} for e in (name, {"kind": name}))
        assert job_hash(parse_job(short)) == job_hash(parse_job(long))


def test_files(tmp_path):
    with pytest.raises(FileError, match=r"absent\.toml"):
        load_job(tmp_path / "absent.toml")
    with pytest.raises(FileError, match="cannot read"):
        load_job(tmp_path)
    bad = tmp_path / "bad.toml"
    bad.write_text("[model\nname = 'ring'")
    with pytest.raises(JobError, match=r"not valid TOML.*line 1"):
        load_job(bad)
    bad.write_bytes(b"title = '\xff'")
    with pytest.raises(FileError, match="cannot read"):
        load_job(bad)
    good = tmp_path / "good.toml"
    good.write_text('[model]\nname = "ring"\nN = 5\n[spectrum]\nwindow = "whole"\n')
    assert load_job(good).model.N == 5


@pytest.mark.parametrize("name", ["entropy_fig1", "entropy_whole"])
def test_jobs_that_come_with_the_package_are_valid(name):
    from bigbath.studies import entropy

    job = entropy.job(name)
    assert job.model.N == 15
    assert parse_job(resolved(job)) == job


def test_a_selected_sector_changes_the_identity_of_a_job():
    """Energy densities in it refer to its own ends, which once were those of the whole spectrum."""
    from bigbath.job import _digest, _identity, family, reference

    data = {"model": {"name": "xxz", "L": 6}, "spectrum": {"window": {"kind": "density", "epsilon": 0.5, "k": 4}}}
    whole = parse_job(data)
    one = parse_job({**data, "spectrum": {**data["spectrum"], "sector": {"magnetisation": 0}}})
    swept = parse_job({**data, "sweep": {"spectrum.sector.magnetisation": [0, 2]}})
    assert "ends" not in _identity(whole)["spectrum"]
    for job in (one, swept):
        content = _identity(job)
        assert content["spectrum"].pop("ends") == "sector"
        assert _digest(content) != job_hash(job)
        assert parse_job(resolved(job)) == job
    assert len({family(j) for j in (whole, one, swept)}) == 3
    assert reference(whole, job_hash(whole)) == ["spectrum: energy density 0.5 between the ends of the whole spectrum"]
    assert "earlier version" in reference(one, "0123456789abcdef")[0]
    assert reference(one, job_hash(one)) == [
        "spectrum: energy density 0.5 between the ends of the selected sector (magnetisation = 0)"
    ]


ENERGIES_ONLY = {
    "model": {"name": "xxz", "L": 8, "W": 1.0},
    "spectrum": {"window": {"kind": "density", "k": 10}, "sector": {"magnetisation": 0}, "vectors": False},
    "measure": {"gap_ratio": {}},
}


def test_a_job_without_eigenvectors_refuses_what_needs_them():
    parse_job(ENERGIES_ONLY)
    for name in ("entanglement", "participation", "observables", "distribution"):
        with pytest.raises(JobError, match=rf"spectrum\.vectors = false.*\[measure\.{name}\]"):
            parse_job({**ENERGIES_ONLY, "measure": {"gap_ratio": {}, name: {}}})
    with pytest.raises(JobError, match=r"bath\.vectors"):
        parse_job({**ENERGIES_ONLY, "bath": {"window": "whole", "vectors": False}})


def test_a_job_with_eigenvectors_keeps_the_identity_that_it_had_before_they_could_be_left_out():
    from bigbath.job import _identity

    spectrum = {key: value for key, value in ENERGIES_ONLY["spectrum"].items() if key != "vectors"}
    kept = parse_job({**ENERGIES_ONLY, "spectrum": spectrum, "bath": {"window": "whole"}})
    assert "vectors" not in _identity(kept)["spectrum"]
    assert "vectors" not in _identity(kept)["bath"]
    said = parse_job({**ENERGIES_ONLY, "spectrum": {**spectrum, "vectors": True}, "bath": {"window": "whole"}})
    assert job_hash(said) == job_hash(kept)
    assert job_hash(parse_job(ENERGIES_ONLY)) != job_hash(parse_job({**ENERGIES_ONLY, "spectrum": spectrum}))
