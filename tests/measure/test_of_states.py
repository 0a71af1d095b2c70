"""Measurement functions on states: the numbers against explicit matrices, and the very numbers of a job."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import explicit, random_custom, random_terms

import bigbath as bb
from bigbath.cluster.realize import realize
from bigbath.errors import IncompleteWindow, JobError, UnresolvedSpectrum
from bigbath.job import parse_job
from bigbath.solvers.eigenstates import Eigenstates

MODEL = bb.Imbrie(L=5)


def of(model, part="H", window=None, **how):
    return bb.solve(bb.build(bb.draw(model), part), window or bb.Whole(), **how)


#: Function -> section of a job with the same choices, and the call.
CALLS = {
    "gap_ratio": ({"orders": [2]}, lambda s, b: bb.gap_ratio(s, orders=[2])),
    "entanglement": ({"cuts": [[0, 1], [3]]}, lambda s, b: bb.entanglement(s, [0, 1], [3])),
    "participation": ({"q": [0.5, 2.0]}, lambda s, b: bb.participation(s, q=np.array([0.5, 2.0]))),
    "observables": (
        {"pauli": ["y"], "operators": {"a": [["xz", [[0.5, 0, 2]]]]}, "elements": True},
        lambda s, b: bb.observables(s, {"a": [["xz", [[0.5, 0, 2]]]]}, pauli=["y"], elements=True),
    ),
    "distribution": ({"shell_width": 0.7, "fit": "none"}, lambda s, b: bb.observational_entropy(s, b, shell_width=0.7)),
    "propagator": (
        {"kappa": [0.3, 1.0], "epsilon": [0.0, 0.5]},
        lambda s, b: bb.propagator(s, b, kappa=[0.3, 1.0], epsilon=[0.0, 0.5]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_function_gives_what_its_section_of_a_job_gives(name):
    section, call = CALLS[name]
    whole = {"window": "whole"}
    job = parse_job({"model": {"name": "imbrie", "L": 5}, "spectrum": whole, "bath": whole, "measure": {name: section}})
    expected = realize(job, 0)
    found = call(of(MODEL), of(MODEL, "B"))
    assert set(found.data_vars) == set(expected.data_vars)
    for variable in found.variables:
        assert found[variable].dims == expected[variable].dims
        np.testing.assert_array_equal(found[variable].values, expected[variable].values)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_expectations_and_elements_are_those_of_the_matrices(seed):
    stream = np.random.default_rng(seed)
    model = random_custom(stream, 6, letters="xyz")
    states = of(model)
    terms = {f"O{n}": random_terms(stream, range(model.L), 3, letters="xyz") for n in range(3)}
    ds, V = bb.observables(states, terms, elements=True), states.vectors()
    lone = np.flatnonzero(ds.multiplicity.values == 1)
    for name, strings in terms.items():
        O = V.conj().T @ explicit(strings, model.L) @ V  # noqa: E741
        assert np.allclose(ds.expectation.sel(operator=name).values[lone], np.diag(O).real[lone], atol=1e-10)
        squares = ds.element_squared.sel(operator=name).values
        assert np.allclose(squares[np.ix_(lone, lone)], np.abs(O[np.ix_(lone, lone)]) ** 2, atol=1e-10)
        assert np.allclose(bb.matrix_elements(states, strings), O, atol=1e-10)
        assert np.isnan(squares[ds.multiplicity.values > 1]).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 0.0]))
def test_elements_between_sectors_of_a_charge(seed, disorder):
    """sigma^x leads from one magnetisation to the next; without disorder also between sectors of symmetries."""
    stream = np.random.default_rng(seed)
    states = of(bb.XXZ(L=6, W=disorder))
    assert len(states.blocks) > 1
    strings = random_terms(stream, range(6), 4, letters="xyz")
    V = states.vectors()
    assert np.allclose(bb.matrix_elements(states, strings), V.conj().T @ explicit(strings, 6) @ V, atol=1e-10)


def test_elements_of_a_degenerate_level_are_not_given():
    """Two free spins beside a chain: every level is fourfold. Its expectation values are means, its elements NaN."""
    chain = [["zz", [[1.0, 1, 2], [0.7, 2, 3]]], ["x", [[0.3, 1], [0.9, 2]]]]
    model = bb.Custom(L=6, system=[["z", [[0.4, 0]]]], bath=chain, interaction=[["xx", [[0.5, 0, 1]]]])
    ds = bb.observables(of(model, symmetries=()), {"free": [["x", [[1.0, 5]]]]}, elements=True)
    assert (ds.multiplicity > 1).all()
    assert np.allclose(ds.expectation, 0, atol=1e-12)
    assert np.isnan(ds.element_squared).all()


def test_observational_entropy_of_a_ring_with_a_known_answer():
    """In one shell that holds every level the entropy is ln D; in shells of one level each it is von Neumann's."""
    states, bath = of(MODEL), of(MODEL, "B")
    assert np.allclose(bb.observational_entropy(states, bath, shell_width=100.0).observational, np.log(64), atol=1e-9)
    gaps = np.diff(states.energies)
    fine = bb.observational_entropy(states, bath, shell_width=float(gaps.min()) / 2)
    assert np.allclose(fine.observational, fine.shannon, atol=1e-9)


def test_refusals_are_those_of_a_job():
    clean = of(bb.XXZ(L=6, W=0.0), symmetries=())
    with pytest.raises(UnresolvedSpectrum, match="accept_unresolved"):
        bb.gap_ratio(clean)
    assert "gap_ratio_unresolved" in bb.gap_ratio(clean, accept_unresolved=True)
    states, bath = of(MODEL), of(MODEL, "B")
    unproved = states.with_evidence(complete="unverified")
    with pytest.raises(IncompleteWindow):
        bb.entanglement(unproved)
    assert bb.entanglement(unproved, accept_unverified=True).entanglement.size == 64
    with pytest.raises(IncompleteWindow, match="take Whole"):
        bb.observational_entropy(states[10:30], bath)
    with pytest.raises(JobError, match="different models"):
        bb.observational_entropy(states, of(bb.Imbrie(L=5, W=1.0), "B"))
    with pytest.raises(JobError, match='"H"'):
        bb.propagator(bath, kappa=[1.0])
    for wrong, words in (
        (lambda: bb.gap_ratio([1.0, 2.0]), "take Eigenstates"),
        (lambda: bb.entanglement(states, [0, 9]), "must be different sites, 0"),
        (lambda: bb.observables(states, {"a": [["q", [[1.0, 0]]]]}), "letters I, x, y, z"),
        (lambda: bb.observables(states, {"a": [["zz", [[1.0, 0, 0]]]]}), "must be different sites, 0"),
        (lambda: bb.observables(states, {"a": [["zz", [[1.0, 0]]]]}), "2 sites"),
        (lambda: bb.observables(states, {}, pauli=()), "nothing to measure"),
        (lambda: bb.observables(states, elements=True), "give operators"),
        (lambda: bb.participation(states, q=[-1.0]), "greater than 0"),
        (lambda: bb.propagator(states, kappa=[0.0]), "greater than 0"),
    ):
        with pytest.raises(JobError, match=words):
            wrong()


def test_states_are_a_sequence():
    states = of(bb.XXZ(L=6, W=1.0))
    assert len(states) == 64 == len(list(states))
    V = states.vectors()
    for n in (0, 17, -1):
        assert states[n].energy == states.energies[n]
        assert np.array_equal(states[n].vector(), V[:, n])
    assert [s.energy for s in states] == states.energies.tolist()
    assert np.array_equal(states.vectors([5, 2, 60]), V[:, [5, 2, 60]])
    with pytest.raises(IndexError):
        states[64]
    with pytest.raises(JobError, match="neighbours"):
        states[::2]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 64), st.integers(0, 64), st.booleans())
def test_a_slice_is_certified_in_its_own_window_or_says_why_not(first, last, degenerate):
    chain = [
        ["zz", [[1.0, 1, 2], [0.7, 2, 3], [0.2, 3, 4], [0.31, 4, 5]]],
        ["x", [[0.3 + 0.1 * j, j] for j in range(1, 5)]],
    ]
    free = [] if degenerate else [["x", [[0.77, 5]]], ["z", [[0.21, 5]]]]
    field = [] if degenerate else [["z", [[0.11, 2]]]]
    model = bb.Custom(L=6, system=[["z", [[0.4, 0]]]], bath=chain + free + field, interaction=[["xx", [[0.5, 0, 1]]]])
    states = of(model, symmetries=())
    part = states[first:last]
    energies = states.energies[first:last]
    assert np.array_equal(part.energies, energies) and len(part) == energies.size == part.evidence.found
    inside = sum(int(np.sum((states.energies > lo) & (states.energies < hi))) for lo, hi in part.evidence.edges)
    if part.evidence.complete == "yes":
        assert inside == len(part) == part.evidence.counted > 0
    elif energies.size:
        assert degenerate and "cuts a degenerate level" in part.evidence.reason
    assert np.array_equal(part.vectors(), states.vectors()[:, first:last])
    assert_its_own_window(states, part)


def assert_its_own_window(states, part):
    """Solving for the window of a slice gives its states; of one that cuts a level, the whole level."""
    if not len(part):
        assert part.window.kind == "none"
        return
    again = bb.solve(bb.build(states.composite), part.window, engine=bb.Dense(), symmetries=())
    if part.evidence.complete == "yes":
        assert np.allclose(again.energies, part.energies, atol=1e-12)
        assert json.dumps(part.evidence.edges) == json.dumps(part[:].evidence.edges)
    else:
        assert len(again) > len(part)
        assert np.abs(again.energies[:, None] - part.energies).min(axis=0).max() < 1e-12


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5, unique=True), st.integers(0, 5), st.integers(0, 5))
def test_a_slice_of_a_window_of_levels_has_the_levels_in_it(targets, first, last):
    states = of(MODEL, window=bb.Levels(energies=tuple(targets)), engine=bb.Dense())
    part = states[first:last]
    assert part.window.kind == ("levels" if len(part) else "none")
    if len(part):
        again = of(MODEL, window=part.window, engine=bb.Dense())
        assert np.allclose(again.energies, part.energies, atol=1e-12)


def test_windows_of_slices_in_words():
    states = of(MODEL)
    assert states[:].window == bb.Whole() and states[3:9].window.kind == "interval"
    assert states[3:9][2:4].window == states[5:7].window
    near = of(MODEL, window=bb.Nearest(target=0.1, k=9))[2:5]
    assert (
        near.window.kind == "interval" and near.window.lower < near.energies[0] < near.energies[-1] < near.window.upper
    )


def test_states_as_a_dataset_and_in_short():
    states = of(bb.XXZ(L=6, W=1.0))
    ds = states.to_dataset()
    assert np.array_equal(ds.energy, states.energies)
    assert json.loads(ds.attrs["evidence_spectrum"])["complete"] == "yes"
    assert ds.attrs["E_min"] == states.extremes[0]
    for one in (states, states[0], states.evidence):
        assert len(repr(one)) < 1200 and type(one).__name__ in repr(one)
        assert one._repr_html_().count("<tr>") >= 3
    part = states[2:5]
    assert isinstance(part, Eigenstates)
    assert {str(block.sector) for block in part.blocks} == {str(state.sector) for state in part}
    assert part.sector_index.max() + 1 == len(part.blocks) == bb.gap_ratio(part).sizes["sector"]
