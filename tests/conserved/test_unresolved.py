"""Conserved quantities planted in random models are found; resolved models pass; what sectors fix is no finding."""

import os
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from support import explicit, pauli_string, random_terms

from bigbath.conserved import Charge, degenerate, has_antiunitary, keeps, unresolved
from bigbath.conserved.free_fermions import is_line_graph
from bigbath.conserved.sector import Fixed
from bigbath.conserved.strings import commuting_strings
from bigbath.errors import SymmetryError
from bigbath.models import TFIM, XXZ, Imbrie, Ring, Symmetry, draw
from bigbath.spaces import FixedCharges
from bigbath.spaces.actions import action
from bigbath.statistics import central, gap_ratio

EXAMPLES = 500 if os.environ.get("BIGBATH_LONG") else 25
several = settings(max_examples=EXAMPLES, deadline=None)
seeds = st.integers(0, 2**32)


def names(terms, sites, **fixed):
    return {f.name for f in unresolved(tuple(terms), sites, **fixed)}


def of_model(composite, use=None, **fixed):
    terms = composite.system + composite.bath + composite.interaction
    used = tuple(s for s in composite.symmetries if use is None or s.name in use)
    return names(
        terms, composite.system_sites + composite.bath_sites, used=used, declared=composite.symmetries, **fixed
    )


def relabelled(terms, stream, sites):
    """The same model after a permutation of sites and of the axes of each site."""
    order = stream.permutation(sites)
    axes = [dict(zip("xyz", stream.permutation(list("xyz")), strict=True)) for _ in range(sites)]
    return tuple(
        (
            "".join(axes[j][a] for a, j in zip(letters, where, strict=True)),
            ((value, *(int(order[j]) for j in where)),),
        )
        for letters, couplings in terms
        for value, *where in couplings
    )


def vector_coupling(i, a, j, b, value):
    """value (a . sigma_i)(b . sigma_j)."""
    return [(p + q, ((float(value * a[m] * b[n]), i, j),)) for m, p in enumerate("xyz") for n, q in enumerate("xyz")]


def generic(stream, sites, extra=()):
    """Fields and couplings of every letter on every site and bond: nothing is conserved."""
    terms = [(a, ((float(stream.normal()), j),)) for a in "xyz" for j in range(sites)]
    terms += [(a + a, ((float(stream.normal()), j, j + 1),)) for a in "xyz" for j in range(sites - 1)]
    return [*terms, *extra]


@several
@given(seeds, st.integers(3, 7))
def test_nothing_is_found_where_nothing_is(seed, sites):
    stream = np.random.default_rng(seed)
    assert names(generic(stream, sites), sites) == set()


@several
@given(seeds)
def test_a_resolved_spectrum_is_simple(seed):
    """Random strings with random couplings: levels are degenerate only where something is found."""
    stream = np.random.default_rng(seed)
    sites = int(stream.integers(2, 6))
    terms = random_terms(stream, range(sites), int(stream.integers(2, 12)), letters="xyz", longest=sites)
    levels = np.linalg.eigvalsh(explicit(terms, sites))
    if not unresolved(terms, sites):
        assert np.diff(levels).min() > 1e-9
    if degenerate(levels, 1e-12 * np.abs(levels).max()):
        assert unresolved(terms, sites)


@several
@given(seeds)
def test_a_planted_string_is_found_and_a_sector_of_it_resolves(seed):
    stream = np.random.default_rng(seed)
    sites = int(stream.integers(3, 7))
    flip, sign = (frozenset(np.flatnonzero(stream.random(sites) < 0.5).tolist()) for _ in range(2))
    if not flip | sign:
        return
    found = [
        (a, couplings)
        for a, couplings in random_terms(stream, range(sites), 12 * sites, letters="xyz", longest=3)
        if sum((j in flip and b in "yz") + (j in sign and b in "yx") for b, j in zip(a, couplings[0][1:], strict=True))
        % 2
        == 0
    ]
    assert names(found, sites) & {"Pauli string", "Pauli strings"}
    H = explicit(found, sites)
    used = Symmetry(name="p", permutation=tuple(range(sites)), flip=flip, sign=sign)
    before, after = (
        commuting_strings(fixed.content(tuple(found)), fixed)
        for fixed in (Fixed(sites=sites), Fixed(sites=sites, symmetries=(used,)))
    )
    assert len(after) < len(before)
    for word in before:
        operator = matrix_of_word(word, sites)
        assert np.abs(operator @ H - H @ operator).max() < 1e-12


def matrix_of_word(word, sites):
    letters = ["Ixzy"[(word[0] >> (sites - 1 - j) & 1) + 2 * (word[1] >> (sites - 1 - j) & 1)] for j in range(sites)]
    return pauli_string(letters, range(sites), sites)


@several
@given(seeds)
def test_a_total_spin_in_any_local_frames_is_found(seed):
    stream = np.random.default_rng(seed)
    sites = int(stream.integers(3, 7))
    frames = Rotation.random(sites, rng=stream).as_matrix()
    bonds = [*zip(range(sites - 1), range(1, sites), strict=True), *combinations(range(sites), 2)]
    terms = [
        term
        for i, j in bonds
        for value in (stream.normal(),)
        for c in range(3)
        for term in vector_coupling(i, frames[i][:, c], j, frames[j][:, c], value)
    ]
    assert "total spin" in names(terms, sites)
    along = [term for j in range(sites) for term in [(a, ((float(frames[j][m, 2]), j),)) for m, a in enumerate("xyz")]]
    assert "conserved magnetisation along another axis" in names([*terms, *along], sites)
    uneven = [term for j in range(sites) for term in [(a, ((float(stream.normal()), j),)) for a in "xyz"]]
    assert names([*terms, *uneven], sites) == set()


@several
@given(seeds)
def test_uncoupled_clusters_are_found(seed):
    stream = np.random.default_rng(seed)
    first, second = int(stream.integers(2, 5)), int(stream.integers(2, 4))
    shifted = tuple((a, tuple((c, *(j + first for j in w)) for c, *w in cs)) for a, cs in generic(stream, second))
    terms = relabelled((*generic(stream, first), *shifted), stream, first + second)
    assert "uncoupled clusters" in names(terms, first + second)
    joined = (*terms, ("xz", ((0.3, *(int(j) for j in stream.permutation(first + second)[:2])),)))
    across = unresolved(joined, first + second) != unresolved(terms, first + second)
    assert across == ("uncoupled clusters" not in names(joined, first + second))


@several
@given(seeds)
def test_kramers_pairs_are_found(seed):
    """An odd number of spins, strings of two and four letters: levels come in pairs."""
    stream = np.random.default_rng(seed)
    sites = int(stream.choice([3, 5]))
    pairs = list(combinations(range(sites), 2))
    terms = [(a + b, ((float(stream.normal()), i, j),)) for i, j in pairs for a in "xyz" for b in "xyz"]
    levels = np.linalg.eigvalsh(explicit(terms, sites))
    assert np.abs(levels[::2] - levels[1::2]).max() < 1e-10
    assert "Kramers pairs" in names(terms, sites)
    assert "Kramers pairs" not in names([*terms, ("z", ((0.1, 0),))], sites)
    if sites == 3:
        assert "Kramers pairs" not in names([*terms, *((a, ((0.2, 3),)) for a in "xyz"), ("xx", ((0.3, 0, 3),))], 4)


@several
@given(seeds, st.booleans())
def test_free_fermions_in_any_frame_are_found(seed, ising):
    stream = np.random.default_rng(seed)
    sites = int(stream.integers(4, 8))
    value = lambda: float(stream.normal())  # noqa: E731
    bonds = [(j, (j + 1) % sites) for j in range(sites - int(stream.integers(0, 2)))]
    terms = [(a + a, ((value(), i, j),)) for a in ("z" if ising else "xy") for i, j in bonds]
    terms += [("x" if ising else "z", ((value(), j),)) for j in range(sites)]
    free = relabelled(terms, stream, sites)
    assert "free fermions" in names(free, sites)
    broken = [*terms, ("xx" if ising else "zz", ((value(), 1, 2),))]
    assert "free fermions" not in names(relabelled(broken, stream, sites), sites)
    bent = [*terms, ("z" if ising else "x", ((value(), 1),))]
    assert "free fermions" not in names(relabelled(bent, stream, sites), sites)


def is_line_graph_by_labels(adjacent):
    """Whether the vertices can be given pairs of labels such that exactly the joined ones share one label."""
    n = len(adjacent)

    def extend(pairs, labels):
        k = len(pairs)
        if k == n:
            return True
        for pair in combinations(range(labels + 2), 2):
            canonical = pair[0] <= labels and (pair[1] < labels or pair[1] == max(labels, pair[0] + 1))
            fits = canonical and all(len({*pair} & {*p}) == int(adjacent[k][i]) for i, p in enumerate(pairs))
            if fits and extend([*pairs, pair], max(labels, pair[1] + 1)):
                return True
        return False

    return extend([], 0)


@several
@given(seeds)
def test_line_graphs(seed):
    stream = np.random.default_rng(seed)
    n = int(stream.integers(2, 8))
    adjacent = np.triu(stream.random((n, n)) < stream.choice([0.4, 0.6, 0.8]), 1)
    adjacent |= adjacent.T
    assert is_line_graph(adjacent) == is_line_graph_by_labels(adjacent)
    edges = list(combinations(range(5), 2))
    chosen = [edges[i] for i in stream.permutation(len(edges))[:n]]
    assert is_line_graph(np.array([[len({*a} & {*b}) == 1 for b in chosen] for a in chosen]))


@several
@given(seeds)
def test_a_planted_reflection_is_found(seed):
    """A mirror image times a flip of spins."""
    stream = np.random.default_rng(seed)
    sites = int(stream.integers(4, 7))
    flip = stream.random() < 0.5
    terms = []
    for a, ((value, *where),) in generic(stream, sites):
        sign = (-1) ** sum(b in "yz" for b in a) if flip else 1
        terms += [(a, ((value, *where),)), (a, ((sign * value, *(sites - 1 - j for j in where)),))]
    mirror = tuple(range(sites - 1, -1, -1))
    assert names(terms, sites) >= {"permutation of sites"}
    declared = Symmetry(name="mirror", permutation=mirror, flip=frozenset(range(sites)) if flip else frozenset())
    assert "permutation of sites" not in names(terms, sites, used=(declared,))


def test_the_models_of_the_papers_pass():
    for model in (Ring(N=7), Ring(N=12), Imbrie(L=8), Imbrie(L=24, W=8.0), TFIM(L=5), TFIM(L=16)):
        assert of_model(draw(model)) == set()


def test_the_ring_without_its_symmetries():
    ring = draw(Ring(N=8))
    assert of_model(ring, use=()) == {"permutation of sites"}
    assert of_model(ring, use=("reflection",)) == {"permutation of sites"}
    assert of_model(ring, use=("momentum",)) == {"momentum pairs", "permutation of sites"}
    for momentum, expected in ((0, set()), (4, set()), (3, {"momentum pairs"})):
        found = of_model(ring, use=("momentum",), labels={"momentum": momentum})
        assert found == expected | {"permutation of sites"}
    assert {"Pauli string", "free fermions"} <= of_model(draw(Ring(N=8, h=0.0)))
    assert of_model(draw(Ring(N=8, boundary="open"))) == {"permutation of sites"}
    assert of_model(draw(TFIM(L=6)), use=()) == {"Pauli string"}


def test_signed_momenta_of_a_complex_hamiltonian():
    """A ring with flux: k and -k are two sectors, each resolved; a reflection times conjugation keeps each of them.

    The flip times conjugation turns k into -k: with strings that break every reflection it keeps k = 0 only.
    """
    flux = draw(XXZ(L=8, W=0.0, J2=0.4, phi=0.7))
    terms = (*flux.system, *flux.bath, *flux.interaction)
    used = tuple(s for s in flux.symmetries if s.name == "momentum")
    total = (Charge((1,) * 8),)
    kept = {"used": used, "charges": ((total[0], 2),)}
    assert "momentum pairs" not in {f.name for f in unresolved(terms, 8, labels={"momentum": 3}, **kept)}
    assert has_antiunitary(terms, 8, labels={"momentum": 3}, **kept)
    directed = tuple(
        (letters, tuple((c, *((j + s) % 8 for s in at)) for j in range(8)))
        for letters, c, at in (("zz", 1.0, (0, 1)), ("x", 0.9, (0,)), ("yxx", 0.7, (0, 1, 3)))
    )
    at_zero, at_three = (has_antiunitary(directed, 8, used=used, labels={"momentum": k}) for k in (0, 3))
    assert at_zero
    assert not at_three


def heisenberg(sites, stream=None, uniform=0.0, Delta=1.0):
    bonds = tuple((1.0, j, j + 1) for j in range(sites - 1))
    terms = [("xx", bonds), ("yy", bonds), ("zz", tuple((Delta * c, i, j) for c, i, j in bonds))]
    terms.append(("z", tuple((uniform, j) for j in range(sites))))
    if stream is not None:
        terms.append(("z", tuple((float(h), j) for j, h in enumerate(stream.normal(size=sites)))))
    return tuple(terms)


def test_sectors_of_the_magnetisation():
    total = Charge((1,) * 8)
    disordered = heisenberg(8, np.random.default_rng(3))
    assert names(disordered, 8) == {"conserved magnetisation", "Pauli string"}
    for value in (None, 0, 2):
        assert names(disordered, 8, charges=((total, value),)) == set()
    for uniform in (0.0, 0.7):
        anisotropic = heisenberg(8, uniform=uniform, Delta=0.4)
        assert names(anisotropic, 8, charges=((total, 2),)) == {"permutation of sites"}
        assert names(anisotropic, 8, charges=((total, 0),)) == {"Pauli string", "permutation of sites"}
        isotropic = names(heisenberg(8, uniform=uniform), 8, charges=((total, 2),))
        assert isotropic == {"total spin", "permutation of sites"}
    identity = tuple(range(8))
    used = (
        Symmetry(name="mirror", permutation=identity[::-1]),
        Symmetry(name="flip", permutation=identity, flip=frozenset(identity)),
    )
    assert names(heisenberg(8, Delta=0.4), 8, used=used, charges=((total, 0),)) == set()


def test_two_chains_need_both_magnetisations():
    stream = np.random.default_rng(1)
    chain = heisenberg(3, stream)
    other = tuple((a, tuple((c, *(j + 3 for j in w)) for c, *w in cs)) for a, cs in heisenberg(3, stream))
    joined = (*chain, *other, ("zz", ((0.4, 1, 4), (0.3, 2, 3))))
    first, second, both = Charge((1, 1, 1, 0, 0, 0)), Charge((0, 0, 0, 1, 1, 1)), Charge((1,) * 6)
    assert names(joined, 6, charges=((first, 1), (second, -1))) == set()
    assert names(joined, 6, charges=((both, 0),)) >= {"conserved magnetisation"}
    assert "uncoupled clusters" in names((*chain, *other), 6, charges=((first, 1), (second, -1)))


def test_a_conserved_spin_of_the_system():
    """A dephasing thermometer: sigma^z_0 is conserved; along a tilted axis only its spin is."""
    stream = np.random.default_rng(2)
    bath = tuple((a, tuple((c, *(j + 1 for j in w)) for c, *w in cs)) for a, cs in generic(stream, 4))
    dephasing = (*bath, ("z", ((0.4, 0),)), ("zx", ((0.3, 0, 1), (0.2, 0, 2))))
    assert names(dephasing, 5) == {"Pauli string"}
    fixed = Symmetry(name="system", permutation=tuple(range(5)), sign=frozenset({0}))
    assert names(dephasing, 5, used=(fixed,)) == set()
    tilted = (*bath, ("z", ((0.4, 0),)), ("x", ((0.3, 0),)), ("zx", ((0.4, 0, 1),)), ("xx", ((0.3, 0, 1),)))
    assert names(tilted, 5) == {"conserved spin"}


def test_many_strings_take_seconds():
    stream = np.random.default_rng(7)
    quads = [tuple(int(j) for j in stream.permutation(40)[:4]) for _ in range(20_000)]
    terms = [("xzyx", tuple((float(stream.normal()), *q) for q in quads)), ("z", ((1.0, 3),))]
    assert names(terms, 40) <= {"Pauli string"}


@pytest.mark.parametrize("energies", [np.array([0.0, 1.0, 1.0 + 1e-15, 2.0]), np.zeros(3)])
def test_degenerate_levels(energies):
    assert [f.name for f in degenerate(energies, 1e-13)] == ["degenerate levels"]
    assert degenerate(np.array([0.0, 1e-9, 1.0]), 1e-13) == ()


@several
@given(seeds, st.integers(3, 6))
def test_antiunitary_symmetries(seed, sites):
    """Planted: the strings are real once every site is turned; then fields of all letters break it."""
    stream = np.random.default_rng(seed)
    real = [t for t in generic(stream, sites) if t[0] != "y"]
    assert has_antiunitary(relabelled(real, stream, sites), sites)
    assert not has_antiunitary(tuple(generic(stream, sites)), sites)
    bonds = [(j, j + 1) for j in range(sites - 1)]
    J, D = stream.normal(size=2)
    twisted = (
        *((a + a, tuple((float(J), i, j) for i, j in bonds)) for a in "xz"),
        ("xy", tuple((float(D), i, j) for i, j in bonds)),
        ("yx", tuple((-float(D), i, j) for i, j in bonds)),
        *((a, tuple((0.3, j) for j in range(sites))) for a in "xz"),
    )
    assert has_antiunitary(twisted, sites)  # the mirror image turns D, and so does complex conjugation


def test_levels_without_antiunitary_symmetry_are_unitary():
    stream = np.random.default_rng(8)
    ratios = []
    pairs = list(combinations(range(7), 2))
    for _ in range(8):
        coupled = [(a + b, ((float(stream.normal()), i, j),)) for i, j in pairs for a in "xyz" for b in "xyz"]
        terms = tuple(generic(stream, 7, coupled))
        assert not has_antiunitary(terms, 7)
        ratios.append(gap_ratio(central(np.linalg.eigvalsh(explicit(terms, 7)), 0.7)))
    assert np.mean(ratios) == pytest.approx(0.5996, abs=0.04)


@several
@given(seeds)
def test_symmetries_that_keep_the_values_of_charges(seed):
    """Against the action on the list of configurations."""
    stream = np.random.default_rng(seed)
    sets = [
        ((1,) * 6,),
        ((1, 1, 1, 0, 0, 0), (0, 0, 0, 1, 1, 1)),
        ((1, -1, 1, -1, 1, -1),),
        ((1, 0, 0, 0, 0, 0), (0, 1, 1, 1, 1, 1)),
    ]
    weights = sets[stream.integers(len(sets))]
    charges = tuple(Charge(w) for w in weights)
    spins = stream.choice([-1, 1], 6)
    values = tuple(int(np.dot(w, spins)) for w in weights)
    same = tuple(range(6))
    permutations = [same, same[::-1], (1, 0, 2, 3, 4, 5), (0, 5, 4, 3, 2, 1)]
    flips = [frozenset(), frozenset(same), frozenset({0, 1, 2}), frozenset({0})]
    chosen = Symmetry(name="u", permutation=permutations[stream.integers(4)], flip=flips[stream.integers(4)])
    space = FixedCharges(sites=6, charges=charges, values=values)
    try:
        kept = action(chosen, space, 6) is not None
    except SymmetryError:
        return
    assert kept or not keeps(chosen, charges, values)
    if space.dim >= 9:
        assert kept == keeps(chosen, charges, values)
