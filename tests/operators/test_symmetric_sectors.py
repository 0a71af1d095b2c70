"""Matrix-free steps in sectors of symmetries against W^T H W, the isometry W and QuSpin's matrix H; windows against LAPACK.

BIGBATH_LONG=1: ten times as many random models.
"""

import os

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import dense

from bigbath.chebyshev import Recurrence
from bigbath.models import TFIM, XXZ, Ring, SpinComposite, Symmetry, disorder_stream
from bigbath.operators import FlipOperator, MatrixOperator, Scale, build, operator_of
from bigbath.operators.expanded import ExpandedOperator
from bigbath.operators.orbit_operator import OrbitOperator
from bigbath.solvers import Density, Filter, solve
from bigbath.spaces import Everything, Sector, sectors

LONG = 10 if os.environ.get("BIGBATH_LONG") == "1" else 1


def permutations(stream, L: int) -> list[tuple[int, ...]]:
    """Two commuting involutions of the sites: at random, or both mirrors of squares of four sites."""
    sites = stream.permutation(L)
    one, two = np.arange(L), np.arange(L)
    if stream.random() < 0.5:
        for a, b in sites[: 2 * int(stream.integers(1, L // 2 + 1))].reshape(-1, 2):
            one[[a, b]] = b, a
        return [tuple(one.tolist())]
    for a, b, c, d in sites[: L // 4 * 4].reshape(-1, 4):
        one[[a, b, c, d]], two[[a, b, c, d]] = (b, a, d, c), (c, d, a, b)
    return [tuple(one.tolist()), tuple(two.tolist())]


def paulis(stream, L: int) -> list[Symmetry]:
    """Commuting Pauli strings of sigma^x or sigma^z, one of them perhaps of all sites."""
    every = frozenset(range(L))
    some = frozenset(np.flatnonzero(stream.random(L) < 0.5).tolist()) or every
    same = tuple(range(L))
    flip = Symmetry(name="flip", permutation=same, flip=every if stream.random() < 0.5 else some)
    parity = Symmetry(name="parity", permutation=same, sign=some if len(some & flip.flip) % 2 == 0 else flip.flip)
    chosen = [[flip], [parity], [flip, parity]][stream.integers(3)]
    return chosen if len(parity.sign & flip.flip) % 2 == 0 else chosen[:1]


def symmetric(strings: dict, symmetries: list[Symmetry]) -> tuple:
    """A sum of Pauli strings {letters of all sites: coupling}, averaged over what the symmetries make of it."""
    for s in symmetries:
        images = {}
        for letters, coupling in strings.items():
            sign = (-1) ** sum((letters[j] in "yz") for j in s.flip) * (-1) ** sum((letters[j] in "xy") for j in s.sign)
            image = [""] * len(letters)
            for j, target in enumerate(s.permutation):
                image[target] = letters[j]
            images["".join(image)] = sign * coupling
        strings = {key: (strings.get(key, 0) + images.get(key, 0)) / 2 for key in {**strings, **images}}
    return tuple(
        (
            "".join(p for p in letters if p != "I") or "I",
            ((c, *([j for j, p in enumerate(letters) if p != "I"] or [0])),),
        )
        for letters, c in sorted(strings.items())
        if c
    )


def string(L: int, **letters: int) -> str:
    return "".join(next((p[0] for p, site in letters.items() if site == j), "I") for j in range(L))


@st.composite
def models(draw, *, conserving: bool, kind: str = ""):
    """A random real Hamiltonian with random symmetries, ``conserving`` magnetisation or of any Pauli strings on 8 sites."""
    L, stream = draw(st.integers(5, 10)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    every = frozenset(range(L))
    strings: dict[str, float] = {}
    if conserving:
        symmetries = [Symmetry(name=f"mirror{n}", permutation=p) for n, p in enumerate(permutations(stream, L))]
        flip = Symmetry(name="flip", permutation=tuple(range(L)), flip=every)
        chosen = draw(st.sampled_from(["mirrors", "flip", "both", "mirrored flip"]))
        if chosen == "mirrored flip":
            symmetries[0] = Symmetry(name="mirror0", permutation=symmetries[0].permutation, flip=every)
        symmetries = {"flip": [flip], "both": [*symmetries, flip]}.get(chosen, symmetries)
        for _ in range(draw(st.sampled_from([1, L, 3 * L]))):
            i, j = stream.choice(L, 2, replace=False)
            hop = float(stream.normal())
            for p in "xy":
                strings[string(L, **{f"{p}1": i, f"{p}2": j})] = hop
            strings[string(L, z1=i, z2=j)] = float(stream.normal())
            strings[string(L, z1=int(stream.integers(L)))] = float(stream.normal())
    else:
        L, symmetries = 8, paulis(stream, 8)
        if kind != "paulis":
            symmetries = [Symmetry(name=f"mirror{n}", permutation=p) for n, p in enumerate(permutations(stream, 8))]
        if kind == "mirrors and flip":
            symmetries += [Symmetry(name="flip", permutation=tuple(range(8)), flip=frozenset(range(8)))]
        for _ in range(draw(st.sampled_from([2, 4, 8]))):
            letters = "".join(stream.choice(list("IIIxyz"), 8))
            if letters.count("y") % 2 == 0:
                strings[letters] = float(stream.normal())
    terms = symmetric(strings, symmetries)
    assume(terms)
    composite = SpinComposite(
        system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=terms, symmetries=tuple(symmetries)
    )
    return build(composite), stream


def check(operator, H: np.ndarray, sector: Sector, scale: Scale, stream, tolerance: float = 1e-12) -> None:
    """Vectors in and out, their inner products, steps with and without the sum, products, all beside the matrix."""
    twice = 2 / scale.halfwidth * (H - scale.centre * np.eye(sector.dim))
    for count, weights in ((1, np.empty(0)), (6, stream.normal(size=6))):
        v0, v1 = stream.normal(size=(2, sector.dim))
        expected = np.zeros_like(v0)
        low, high, total = operator.zeros(3)
        operator.put(low, v0)
        operator.put(high, v1)
        assert np.abs(operator.get(low)[:, 0] - v0).max() <= tolerance
        assert np.abs(operator.dot(low, high) - v0 @ v1).max() <= 100 * tolerance
        operator.steps(low, high, total, weights, count)
        for step in range(count):
            if weights.size:
                expected += weights[step] * v0
            v0, v1 = v1, twice @ v1 - v0
        if count % 2:
            low, high = high, low
        for storage, vector in ((low, v0), (high, v1), (total, expected)):
            assert np.abs(operator.get(storage)[:, 0] - vector).max() <= 50 * tolerance
            assert np.abs(operator.dot(storage, storage) - vector @ vector).max() <= 500 * tolerance * sector.dim
    block = stream.normal(size=(sector.dim, 2)) + 1j * stream.normal(size=(sector.dim, 2))
    assert np.abs(operator.product(block) - H @ block).max() <= 50 * tolerance * scale.halfwidth


def scale_of(h) -> Scale:
    reach = sum(abs(c) for c in h.sums.values())
    return Scale(centre=0.2 * reach, halfwidth=1.4 * reach)


@settings(max_examples=25 * LONG, deadline=None)
@given(models(conserving=True), st.booleans())
def test_mirrors_and_flips_at_each_magnetisation(case, single):
    h, stream = case
    parts = sectors(h, use=("magnetisation", *(s.name for s in h.symmetries)))
    for number in stream.permutation(len(parts))[:6]:
        sector, scale = parts[number], scale_of(h)
        operator = operator_of(h, sector, scale, dtype=np.float32 if single else np.float64)
        tolerance = 1e-4 if single and not isinstance(operator, MatrixOperator) else 1e-12
        check(operator, dense(h.restricted(sector)), sector, scale, stream, tolerance)


@pytest.mark.parametrize("kind", ["paulis", "mirrors", "mirrors and flip"])
@settings(max_examples=4 * LONG, deadline=None)  # each model has a kernel of its own, which is compiled
@given(st.data())
def test_all_configurations(kind, data):
    h, stream = data.draw(models(conserving=False, kind=kind))
    for sector in sectors(h, use=tuple(s.name for s in h.symmetries)):
        dtype = np.float32 if stream.random() < 0.2 else np.float64
        operator = operator_of(h, sector, scale_of(h), dtype=dtype)
        tolerance = 1e-4 if dtype == np.float32 and not isinstance(operator, MatrixOperator) else 1e-12
        check(operator, dense(h.restricted(sector)), sector, scale_of(h), stream, tolerance)


def in_sector(model, labels: dict[str, int], use=()):
    h = build(model.composite(disorder_stream(1, 0)))
    (sector,) = sectors(h, use=use, only=labels)
    return h, sector


#: Model, labels of a sector, and the form that takes it.
CASES = {
    "flip": (XXZ(L=14, Delta=0.7), {"magnetisation": 0, "flip": -1}, OrbitOperator),
    "reflection": (XXZ(L=13, Delta=0.7), {"magnetisation": 1, "reflection": 1}, OrbitOperator),
    "both, open": (
        XXZ(L=14, J2=0.4, boundary="open"),
        {"magnetisation": 0, "reflection": -1, "flip": 1},
        OrbitOperator,
    ),
    "parity": (TFIM(L=10), {"parity": -1}, FlipOperator),
    "mirror": (Ring(N=10), {"reflection": 1}, ExpandedOperator),
    "momentum": (XXZ(L=15, Delta=0.7), {"magnetisation": 1, "momentum": 2}, MatrixOperator),
    "signed momentum": (XXZ(L=16, Delta=0.7, phi=0.6), {"magnetisation": 0, "momentum": 3}, MatrixOperator),
}


@pytest.mark.parametrize("case", CASES)
def test_the_form_that_is_chosen_and_its_windows(case):
    """A window certified by the filter, beside LAPACK."""
    model, labels, form = CASES[case]
    h, sector = in_sector(model, labels)
    assert isinstance(operator_of(h, sector, Scale(centre=0.0, halfwidth=100.0)), form)
    window = Density(epsilon=0.4, k=15)
    states = solve(h, window, engine=Filter(), symmetries=(), sector=labels)
    assert states.evidence.complete == "yes", states.evidence.reason
    H = dense(h.restricted(sector))
    levels = np.linalg.eigvalsh(H)
    target = levels[0] + 0.4 * (levels[-1] - levels[0])
    assert states.energies.size in (15, 16)  # a pair of momenta is never cut
    expected = np.sort(levels[np.argsort(np.abs(levels - target))[: states.energies.size]])
    assert np.abs(states.energies - expected).max() < 1e-12 * np.abs(levels).max() * 10
    (block,) = states.blocks
    assert np.abs(H @ block.vectors - block.vectors * block.energies).max() < 1e-10 * np.abs(levels).max()


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (XXZ(L=10, Delta=0.7), {"magnetisation": 0, "reflection": -1}),
        (XXZ(L=10, Delta=0.7), {"magnetisation": 0, "reflection": 1, "flip": -1}),
        (Ring(N=9), {"reflection": -1}),
    ],
)
def test_rounding_does_not_grow_in_other_sectors(model, labels):
    """T_5000 in a sector whose band is narrower than that of the others, beside all of its eigenvectors."""
    h, sector = in_sector(model, labels)
    energies, V = np.linalg.eigh(dense(h.restricted(sector)))
    scale = Scale.of((energies[0], energies[-1]))
    operator = operator_of(h, sector, scale)
    assert isinstance(operator, OrbitOperator | ExpandedOperator)
    start = np.random.default_rng(0).normal(size=sector.dim)
    recurrence = Recurrence(operator, start[:, None])
    angle = np.arccos((energies - scale.centre) / scale.halfwidth)
    for count in (4000, *[1] * 500, *[2] * 250):
        recurrence.advance(count)
    expected = V @ (np.cos(5000 * angle) * (V.T @ start))
    assert np.abs(operator.get(recurrence.low)[:, 0] - expected).max() < 1e-9
    assert abs(operator.dot(recurrence.low, recurrence.low)[0] / (expected @ expected) - 1) < 1e-10


def test_nothing_but_the_isometry_is_built():
    h, sector = in_sector(XXZ(L=16), {"magnetisation": 0, "flip": 1})
    operator = operator_of(h, sector, Scale(centre=0.0, halfwidth=10.0))
    assert isinstance(operator, OrbitOperator)
    assert operator.zeros(1).size < 2.7 * sector.dim
    assert "matrix" not in h.__dict__
    h, sector = in_sector(TFIM(L=13), {"parity": 1})
    assert isinstance(sector.space, Everything)
    operator = operator_of(h, sector, Scale(centre=0.0, halfwidth=10.0))
    assert isinstance(operator, FlipOperator) and operator.dim == 2**13
    assert "matrix" not in h.__dict__
