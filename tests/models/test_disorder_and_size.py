"""Disorder from (seed, realization) alone; sizes in 64 bits before anything is allocated."""

import tracemalloc

import numpy as np
import pytest
from support import KINDS, dense, matrix_of, random_model

from bigbath.errors import ImpossibleRequest
from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring, disorder_stream
from bigbath.models.custom import DeclaredSymmetry
from bigbath.operators import build, size


@pytest.mark.parametrize("model", [Imbrie(L=5), TFIM(L=5), Levy(L=4)])
def test_disorder_depends_on_seed_and_realization_alone(model):
    first = matrix_of(model, seed=7, realization=3)
    for other in range(3):  # realizations drawn in between change nothing
        matrix_of(model, seed=7, realization=other)
    assert np.array_equal(matrix_of(model, seed=7, realization=3), first)
    assert not np.array_equal(matrix_of(model, seed=8, realization=3), first)
    assert not np.array_equal(matrix_of(model, seed=7, realization=4), first)
    assert model.disordered


def test_streams_of_different_realizations_and_seeds_never_coincide():
    draws = {tuple(disorder_stream(seed, r).integers(0, 2**63, 2)) for seed in range(20) for r in range(20)}
    assert len(draws) == 400


def test_the_ring_is_clean():
    assert not Ring(N=5).disordered
    assert np.array_equal(matrix_of(Ring(N=5), seed=1), matrix_of(Ring(N=5), seed=2, realization=9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_size_bounds_the_true_matrix(kind, seed):
    composite = random_model(np.random.default_rng(seed), kind, 8).composite(disorder_stream(seed, 0))
    for part in ("H", "H0", "S", "B", "V"):
        estimated, h = size(composite, part), build(composite, part)
        assert estimated.dim == h.dim == h.matrix.shape[0]
        assert estimated.nnz >= np.count_nonzero(dense(h.matrix))
        assert estimated.bytes >= np.count_nonzero(dense(h.matrix)) * 8


@pytest.mark.parametrize("model", [Ring(N=12), Imbrie(L=11)])
def test_the_bound_is_close_for_the_models_of_the_papers(model):
    composite = model.composite(disorder_stream(1, 0))
    assert size(composite).nnz <= 1.2 * build(composite).matrix.nnz


@pytest.mark.parametrize("model", [Ring(N=62), Imbrie(L=61), TFIM(L=61), Ring(N=45)])
def test_huge_systems_are_refused_before_anything_is_allocated(model):
    composite = model.composite(disorder_stream(1, 0))
    sites = composite.system_sites + composite.bath_sites
    needs = size(composite)
    assert needs.dim == 2**sites
    assert type(needs.nnz) is int
    assert needs.nnz > 2**sites  # would overflow 32 bits, and 64 at N = 62
    tracemalloc.start()
    with pytest.raises(ImpossibleRequest, match=f"dimension {2**sites:,}"):
        build(composite)
    assert tracemalloc.get_traced_memory()[1] < 2**22  # the search for conserved charges among the strings
    tracemalloc.stop()


def test_a_huge_levy_matrix_is_refused_before_it_is_drawn():
    tracemalloc.start()
    with pytest.raises(ImpossibleRequest, match=r"2\^30"):
        Levy(L=30).composite(disorder_stream(1, 0))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"system_sites": 3}, "leaves no bath"),
        ({"system": (("q", ((1.0, 0),)),)}, "not a string of spin operators"),
        ({"bath": (("zz", ((1.0, 1),)),)}, "needs a coupling and 2 sites"),
        ({"bath": (("z", ((1.0, 0),)),)}, r"must be integers in 1 \.\.\. 2"),
        ({"bath": (("z", ((1.0, 1.5),)),)}, "must be integers"),
        ({"interaction": (("zz", ((1.0, 1, 1),)),)}, "repeat"),
        ({"symmetries": (DeclaredSymmetry(name="s", permutation=(0, 0, 1)),)}, "once"),
        ({"symmetries": (DeclaredSymmetry(name="s", flip=(3,)),)}, "flip and sign take sites"),
        ({"disorder": (("zz", "bath", -1.0, 1.0),)}, "must be one letter"),
    ],
)
def test_a_wrong_custom_model_is_refused(changes, message):
    good = {
        "L": 3,
        "system": (("z", ((1.0, 0),)),),
        "bath": (("z", ((1.0, 1),)),),
        "interaction": (("zz", ((1.0, 0, 1),)),),
    }
    Custom(**good)
    with pytest.raises(ValueError, match=message):
        Custom(**{**good, **changes})
