"""What is measured of states of one level does not depend on the basis in which an engine returns them."""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import unitary_group
from support import explicit, pauli_string

from bigbath.broadening import system_states
from bigbath.cluster.realize import realize
from bigbath.job import parse_job
from bigbath.measure import Context, Measures, caveats
from bigbath.measure.entanglement import MeasureEntanglement
from bigbath.measure.observables import MeasureObservables
from bigbath.measure.participation import MeasureParticipation
from bigbath.models import Custom, draw
from bigbath.operators import build
from bigbath.progress import silent
from bigbath.solvers import Whole, solve

EXAMPLES = 200 if os.environ.get("BIGBATH_LONG") else 15
MEASURES = Measures(
    entanglement=MeasureEntanglement(cuts=((0, 2), (1,))),
    observables=MeasureObservables(pauli=("x", "y", "z")),
    participation=MeasureParticipation(q=(0.5, 1.0, 2.0)),
)


def degenerate_model(stream, *, pairs):
    """Couplings xx, yy, zz of five spins, where all levels are double; or of two sets of three, where they are fourfold."""
    bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2)] if pairs else [(0, 1), (1, 2), (3, 4), (4, 5), (3, 5)]
    strings = {a + a: tuple((float(stream.normal()), i, j) for i, j in bonds) for a in "xyz"}
    keep = lambda part: tuple((a, tuple(c for c in cs if (0 in c[1:]) == part)) for a, cs in strings.items())  # noqa: E731
    return Custom(L=5 if pairs else 6, system=(), bath=keep(False), interaction=keep(True))


def measured(composite, states):
    context = Context(
        composite=composite, states=states, bath=None, system=system_states(composite), accept_unverified=False,
        report=silent,
    )  # fmt: skip
    return MEASURES.run(context)


def rotated(states, stream):
    """The same levels in random bases."""
    (block,) = states.blocks
    vectors = block.vectors.astype(complex)
    edges = np.flatnonzero(np.diff(block.energies, prepend=-np.inf, append=np.inf) > 1e-9)
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        if last - first > 1:
            vectors[:, first:last] = vectors[:, first:last] @ unitary_group.rvs(last - first, random_state=stream)
    return replace(states, blocks=(replace(block, kept=vectors),))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_numbers_do_not_depend_on_the_basis_inside_a_level(seed, pairs):
    stream = np.random.default_rng(seed)
    composite = draw(degenerate_model(stream, pairs=pairs))
    states = solve(build(composite), Whole())
    one, other = measured(composite, states), measured(composite, rotated(states, stream))
    assert set(one.variables) == set(other.variables)
    for name in one.data_vars:
        assert np.allclose(one[name], other[name], atol=1e-9, equal_nan=True), name


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_they_are_those_of_the_level_s_projector(seed, pairs):
    stream = np.random.default_rng(seed)
    model = degenerate_model(stream, pairs=pairs)
    composite = draw(model)
    L = model.L
    H = explicit(composite.system + composite.bath + composite.interaction, L)
    energies, V = np.linalg.eigh(H)
    ds = measured(composite, solve(build(composite), Whole()))
    for n, energy in enumerate(energies):
        level = np.abs(energies - energy) < 1e-9
        rho = V[:, level] @ V[:, level].conj().T / level.sum()
        assert ds.multiplicity.values[n] == level.sum() == (2 if pairs else 4)
        for letter in "xyz":
            expected = [np.trace(rho @ pauli_string(letter, [j], L)).real for j in range(L)]
            assert np.allclose(ds[f"sigma_{letter}"].values[n], expected, atol=1e-9)
        p = np.clip(np.diag(rho).real, 1e-300, None)
        expected = [2 * np.log(np.sqrt(p).sum()), -np.sum(p * np.log(p)), -np.log(np.sum(p**2))]
        assert np.allclose(ds.participation.values[n], expected, atol=1e-6)
        assert np.isnan(ds.entanglement.values[n]) == (level.sum() > 1)
        assert np.isnan(ds.entanglement_cut.values[n]).all() == (level.sum() > 1)


def test_engines_agree_and_show_says_so():
    model = degenerate_model(np.random.default_rng(3), pairs=True)
    job = {
        "model": {k: getattr(model, k) for k in ("name", "L", "system", "bath", "interaction")},
        "spectrum": {"window": "whole"},
        "measure": {"entanglement": {}, "observables": {}, "participation": {}},
    }
    by_engine = []
    for engine in ("dense", "shift-invert"):
        if engine == "shift-invert":
            pytest.importorskip("slepc4py")
        by_engine.append(realize(parse_job({**job, "spectrum": {"window": "whole", "engine": engine}}), 0))
    for name in ("entanglement", "sigma_x", "sigma_z", "participation", "multiplicity"):
        assert np.allclose(by_engine[0][name], by_engine[1][name], atol=1e-7, equal_nan=True)
    (line,) = caveats(by_engine[0])
    assert line.startswith("32 of 32 states share a level")


def test_states_that_a_sector_defines_have_numbers():
    """Pairs of opposite momentum lie in sectors of different reflection: each state is defined by its labels."""
    job = {"model": {"name": "ring", "N": 7}, "spectrum": {"window": "whole"}, "measure": {"entanglement": {}}}
    ds = realize(parse_job(job), 0)
    assert (np.diff(ds.energy) < 1e-10).sum() > 10
    assert (ds.multiplicity == 1).all()
    assert not np.isnan(ds.entanglement).any()
    assert caveats(ds) == []
