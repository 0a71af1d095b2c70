"""Models at the edge of what makes sense: symmetries of a part, couplings of zero, bounds of disorder, complex matrices."""

import os
import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PAULI, dense, explicit, matrix_of, random_terms

import bigbath as bb
from bigbath.cluster.estimate import estimate
from bigbath.cluster.realize import realize
from bigbath.errors import ImpossibleRequest, IncompleteWindow, JobError, SymmetryError
from bigbath.models import MatrixComposite

#: Hertz beside tenths of hertz: 4e9 shells of the default width.
HERTZ = bb.Custom(
    L=5, system=[["z", [[1.0e9, 0]]]], bath=[["zz", [[1.0e5, 1, 2], [0.8e5, 2, 3], [1.1e5, 3, 4]]], ["x", [[0.9e5, j] for j in range(1, 5)]]],
    interaction=[["zz", [[2.0e5, 0, 1], [1.0e5, 0, 2]]]],
)  # fmt: skip


def unitary(symmetry, sites):
    """P . prod sigma^x . prod sigma^z as a matrix, from the definition of a symmetry."""
    u = np.eye(1)
    for j in range(sites):
        factor = np.eye(2)
        if j in symmetry.sign:
            factor = PAULI["z"] @ factor
        if j in symmetry.flip:
            factor = PAULI["x"] @ factor
        u = np.kron(u, factor)
    p = np.zeros((2**sites, 2**sites))
    target = symmetry.permutation or tuple(range(sites))
    for n in range(2**sites):
        m = sum((n >> (sites - 1 - j) & 1) << (sites - 1 - target[j]) for j in range(sites))
        p[m, n] = 1
    return p @ u


@given(st.integers(0, 10**6), st.sampled_from(["system", "bath", "mixed"]))
@settings(max_examples=500 if os.environ.get("BIGBATH_LONG") else 25)
def test_a_bath_has_the_symmetries_that_act_on_it_and_leave_it_as_it_is(seed, where):
    """Against explicit matrices: H symmetrised by a random involution, with bath terms hidden in the interaction."""
    stream = np.random.default_rng(seed)
    L, S = 4, int(stream.integers(1, 3))
    sites = {"system": range(S), "bath": range(S, L), "mixed": range(L)}[where]
    chosen = [int(j) for j in stream.permutation(list(sites))[: int(stream.integers(1, len(sites) + 1))]]
    symmetry = bb.DeclaredSymmetry(name="s", **{str(stream.choice(["flip", "sign"])): chosen})
    u = unitary(symmetry, L)
    parts = {}
    for part, allowed in (("system", range(S)), ("bath", range(S, L)), ("interaction", range(L))):
        terms = random_terms(stream, allowed, 5)
        kept = [t for t in terms if np.abs(u @ explicit([t], L) @ u.T - explicit([t], L)).max() < 1e-12]
        parts[part] = kept
    if stream.random() < 0.5:  # a string of the bath that only the interaction makes up for
        string = random_terms(stream, range(S, L), 1)[0]
        letters, ((value, *where_to),) = string
        parts["bath"].append(string)
        parts["interaction"].append((letters, ((-value, *where_to),)))
    model = bb.Custom(L=L, system_sites=S, symmetries=[symmetry], **parts)
    composite = bb.draw(model)
    h = matrix_of(model)
    assert np.abs(u @ h @ u.T - h).max() < 1e-12
    b = explicit(composite.bath, L)
    acts = any(j >= S for j in chosen)
    has = np.abs(u @ b @ u.T - b).max() < 1e-12
    assert [s.name for s in composite.bath_symmetries] == (["s"] if acts and has else [])
    if h.any():
        job = bb.Job(model=model, spectrum={"window": "whole"}, bath={"window": "whole"})
        dataset = realize(job, 0)
        assert np.abs(dataset.energy - np.linalg.eigvalsh(h)).max() < 1e-11
        assert np.abs(dataset.bath_energy - np.linalg.eigvalsh(b)[:: 2**S]).max() < 1e-11


def test_errors_name_the_part_that_is_meant():
    terms = {"system": [["x", [[0.3, 0]]]], "bath": [["zz", [[1.0, 1, 2]]]], "interaction": [["xx", [[0.2, 0, 1]]]]}
    model = bb.Custom(L=3, **terms, symmetries=[{"name": "sx", "flip": [0]}])
    for section in ("spectrum", "bath"):
        sections = {"spectrum": {"window": "whole"}, "bath": {"window": "whole"}}
        sections[section]["symmetries"] = ["other"]
        with pytest.raises(JobError, match=rf"\[{section}\] symmetries: 'other'"):
            bb.run(bb.Job(model=model, **sections))
        sections[section] = {"window": {"kind": "nearest", "target": 50.0, "k": 1}}
        with pytest.raises(ImpossibleRequest, match=rf"\[{section}\] window: 50 lies outside"):
            bb.run(bb.Job(model=model, **sections))
    wrong = bb.Custom(L=3, **terms, symmetries=[{"name": "z", "sign": [0]}])
    with pytest.raises(SymmetryError, match=r"\[spectrum\] the declared symmetry 'z'"):
        bb.run(bb.Job(model=wrong, spectrum={"window": "whole"}, bath={"window": "whole"}))


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_bounds_of_disorder_are_in_order(low, high):
    model = {"L": 4, "system": [], "bath": [], "interaction": [], "disorder": [["z", "bath", low, high]]}
    if low > high:
        with pytest.raises(JobError, match=r"disorder\.0: the lower bound comes first"):
            bb.Custom(**model)
    else:
        ((_, fields),) = bb.draw(bb.Custom(**model)).bath
        assert all(low <= value <= high for value, _ in fields)


def test_a_coupling_of_zero_leaves_a_model_real():
    """A sweep that starts at D = 0: the Dzyaloshinskii-Moriya term alone is imaginary."""
    for D in (0.0, 0.3):
        bath = [["zz", [[1.0, 1, 2]]], ["xy", [[D, 1, 2]]], ["yx", [[-D, 1, 2]]]]
        model = bb.Custom(L=3, system=[["z", [[0.4, 0]]]], bath=bath, interaction=[["xx", [[0.3, 0, 1]]]])
        h = bb.build(bb.draw(model))
        assert h.is_complex == (D != 0)
        assert h.matrix.dtype == (complex if D else float)
        reference = explicit(
            [
                (letters, couplings)
                for part in ("system", "bath", "interaction")
                for letters, couplings in getattr(model, part)
            ],
            3,
        )
        assert np.abs(dense(h.matrix) - reference).max() < 1e-14
    nothing = bb.Custom(L=3, system=[["y", [[0.0, 0]]]], bath=[["z", [[0.0, 1]]]], interaction=[])
    assert np.abs(bb.solve(bb.build(bb.draw(nothing)), "whole").energies).max() == 0


@pytest.mark.parametrize("wrap", [sp.csr_array, np.asarray], ids=["sparse", "dense"])
@pytest.mark.parametrize("complex_part", ["system", "bath", "interaction", "none"])
def test_complex_matrix_composites(wrap, complex_part):
    stream = np.random.default_rng(5)

    def hermitian(n, imaginary):
        a = stream.standard_normal((n, n)) + 1j * imaginary * stream.standard_normal((n, n))
        return a + a.conj().T if imaginary else (a + a.T).real

    S, B = hermitian(3, complex_part == "system"), hermitian(5, complex_part == "bath")
    pairs = [(hermitian(3, False), hermitian(5, complex_part == "interaction")) for _ in range(2)]
    composite = MatrixComposite(system=S, bath=wrap(B), interaction=tuple((s, wrap(b)) for s, b in pairs))
    V = sum(np.kron(s, b) for s, b in pairs)
    H0 = np.kron(S, np.eye(5)) + np.kron(np.eye(3), B)
    for part, matrix in {"S": S, "B": B, "V": V, "H0": H0, "H": H0 + V}.items():
        h = bb.build(composite, part)
        assert np.abs(dense(h.matrix) - matrix).max() < 1e-13
        states = bb.solve(h, "whole")
        assert states.evidence.complete == "yes"
        assert np.abs(states.energies - np.linalg.eigvalsh(matrix)).max() < 1e-12


def test_an_empty_window_has_no_vectors():
    h = bb.build(bb.draw(bb.Ring(N=5)))
    energies = np.linalg.eigvalsh(h.matrix.toarray())
    widest = np.diff(energies).argmax()
    middle = energies[widest : widest + 2].mean()
    for engine in ("dense", "auto"):
        states = bb.solve(h, {"kind": "interval", "lower": middle, "upper": middle + 1e-6}, engine=engine)
        assert states.evidence.complete == "yes"
        assert states.energies.size == 0
        assert states.vectors().shape == (32, 0)
    job = bb.Job(
        model=bb.Ring(N=5), spectrum={"window": "whole"}, measure={"distribution": {}},
        bath={"window": {"kind": "interval", "lower": 0.001, "upper": 0.0011}},
    )  # fmt: skip
    with pytest.raises(ImpossibleRequest, match=r"\[bath\] the window holds no state"):
        bb.run(job)


@pytest.mark.parametrize("measure", ["distribution", "interaction"])
def test_too_many_shells_are_refused_before_the_work(measure, monkeypatch):
    def never(*arguments, **chosen):
        raise AssertionError("eigenstates were computed")

    width = {"distribution": {}, "interaction": {"shell_width": 0.1}}[measure]
    job = bb.Job(model=HERTZ, spectrum={"window": "whole"}, bath={"window": "whole"}, measure={measure: width})
    monkeypatch.setattr("bigbath.cluster.realize.Solver.solve", never)
    with pytest.raises(ImpossibleRequest, match="shells of width"):
        estimate(job)
    with pytest.raises(ImpossibleRequest, match=r"\d,\d{3},\d{3} shells of width") as caught:
        bb.run(job)
    if measure == "distribution":
        energies = np.linalg.eigvalsh(matrix_of(HERTZ))
        number = int(re.search(r"([\d,]+) shells", str(caught.value))[1].replace(",", ""))
        assert abs(number - (energies[-1] - energies[0]) / 0.5) <= 2


def test_what_is_not_drawn_is_told():
    for call in (bb.build, bb.system_states):
        with pytest.raises(JobError, match="a Ring is not drawn yet"):
            call(bb.Ring(N=4))
    with pytest.raises(JobError, match="draw takes a model"):
        bb.draw(bb.draw(bb.Ring(N=4)))
    with pytest.raises((JobError, IncompleteWindow), match="solve takes a Hamiltonian"):
        bb.solve(bb.Ring(N=4), "whole")
