"""``complete`` is never "yes" when states are missing, doubled or wrong: SLEPc is made to fail in each way."""

import numpy as np
import pytest
from support import assert_window, dense, hamiltonian_of

from bigbath import Dense, Interval, Levels, Nearest, ShiftInvert, Whole, distribution, solve, system_states
from bigbath.errors import BigbathError, IncompleteWindow
from bigbath.models import Imbrie, disorder_stream
from bigbath.solvers import petsc

MODEL = Imbrie(L=7)
WINDOWS = [Nearest(target=0.3, k=12), Interval(lower=-0.5, upper=0.9), Levels(energies=(-2.0, 0.3)), Whole(slice=40)]


@pytest.fixture
def tamper(monkeypatch):
    """Have every Krylov-Schur run's pairs changed by a function (call number, energies, vectors)."""
    original = petsc.KrylovSchur.run

    def install(change):
        calls = []

        def run(self, *arguments, **options):
            calls.append(1)
            return change(len(calls), *original(self, *arguments, **options))

        monkeypatch.setattr(petsc.KrylovSchur, "run", run)
        return calls

    return install


def solve_or_refuse(h, window, **options):
    """The states, or None when the solver gave up with an error of its own."""
    try:
        return solve(h, window, engine=ShiftInvert(**options))
    except BigbathError:
        return None


def level(h, window):
    """A level well inside the window."""
    energies = np.linalg.eigvalsh(dense(h.matrix))
    target = {"nearest": 0.3, "interval": 0.2, "levels": 0.3, "whole": 0.2}[window.kind]
    return energies[np.argmin(np.abs(energies - target))]


@pytest.mark.petsc
@pytest.mark.parametrize("window", [w for w in WINDOWS if w.kind != "levels"], ids=lambda w: w.kind)
def test_a_state_lost_once_is_found_again(window, tamper):
    """The count by inertia exceeds what was found; the search goes on among states orthogonal to those."""
    h = hamiltonian_of(MODEL)
    lost = level(h, window)
    seen = []

    def drop(call, energies, vectors):
        keep = np.abs(energies - lost) > 1e-8
        if keep.all() or seen:
            return energies, vectors
        seen.append(call)
        return energies[keep], vectors[:, keep]

    calls = tamper(drop)
    assert_window(solve(h, window, engine=ShiftInvert()), h, window)
    assert len(seen) == 1
    assert len(calls) >= 2


@pytest.mark.petsc
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w.kind)
def test_a_state_that_is_never_found_is_never_certified(window, tamper):
    h = hamiltonian_of(MODEL)
    lost = level(h, window)

    def drop(_, energies, vectors):
        keep = np.abs(energies - lost) > 1e-8
        return energies[keep], vectors[:, keep]

    tamper(drop)
    states = solve_or_refuse(h, window)
    assert states is None or states.evidence.complete == "no"
    if states is not None:
        assert states.evidence.counted > states.evidence.found
        with pytest.raises(IncompleteWindow):
            states.require_complete(accept_unverified=True)


@pytest.mark.petsc
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w.kind)
@pytest.mark.parametrize("replace", [True, False])
def test_a_doubled_state_is_never_certified(window, replace, tamper):
    """A copy of a state, beside its neighbour or in its place: the count or the orthogonality gives it away."""
    h = hamiltonian_of(MODEL)
    doubled = level(h, window)

    def double(_, energies, vectors):
        at = np.argmin(np.abs(energies - doubled)) if energies.size else 0
        if energies.size < 3 or abs(energies[at] - doubled) > 1e-8:
            return energies, vectors
        if replace:
            other = int(np.argsort(np.abs(energies - doubled))[1])
            energies, vectors = energies.copy(), vectors.copy()
            energies[other], vectors[:, other] = energies[at], vectors[:, at]
            return energies, vectors
        return np.append(energies, energies[at]), np.column_stack([vectors, vectors[:, at]])

    tamper(double)
    states = solve_or_refuse(h, window)
    assert states is None or states.evidence.complete == "no"


@pytest.mark.petsc
def test_inaccurate_vectors_are_never_certified(tamper):
    h, stream = hamiltonian_of(MODEL), np.random.default_rng(0)

    def blur(_, energies, vectors):
        vectors = vectors + 1e-8 * stream.standard_normal(vectors.shape)
        return energies, vectors / np.linalg.norm(vectors, axis=0)

    tamper(blur)
    states = solve(h, WINDOWS[0], engine=ShiftInvert())
    assert states.evidence.complete == "no"
    assert "residual" in states.evidence.reason or "orthogonal" in states.evidence.reason
    true = np.linalg.norm(dense(h.matrix) @ states.vectors() - states.vectors() * states.energies, axis=0).max()
    assert states.evidence.residual == pytest.approx(true, rel=1e-6)


@pytest.mark.petsc
def test_shifted_energies_are_never_certified(tamper):
    tamper(lambda _, energies, vectors: (energies + 1e-7, vectors))
    assert solve(hamiltonian_of(MODEL), WINDOWS[0], engine=ShiftInvert()).evidence.complete == "no"


@pytest.mark.petsc
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w.kind)
def test_without_certification_nothing_is_verified(window):
    h = hamiltonian_of(MODEL)
    states = solve(h, window, engine=ShiftInvert(certify=False))
    assert states.evidence.complete == "unverified"
    assert states.evidence.counted is None
    with pytest.raises(IncompleteWindow, match="certify = false"):
        states.require_complete()
    assert states.require_complete(accept_unverified=True) is states


@pytest.mark.petsc
def test_measurements_refuse_what_is_not_certified(tamper):
    composite = MODEL.composite(disorder_stream(1, 0))
    h, system = hamiltonian_of(MODEL), system_states(composite)
    bath = solve(hamiltonian_of(MODEL, "B"), Nearest(target=0.0, k=2), engine=Dense())
    unverified = solve(h, WINDOWS[0], engine=ShiftInvert(certify=False))
    with pytest.raises(IncompleteWindow, match="unverified"):
        distribution(unverified, bath, system, width=0.5)
    assert distribution(unverified, bath, system, width=0.5, accept_unverified=True).norm.shape == (2, 2)
    lost = level(h, WINDOWS[1])

    def drop(_, energies, vectors):
        keep = np.abs(energies - lost) > 1e-8
        return energies[keep], vectors[:, keep]

    tamper(drop)
    incomplete = solve(h, WINDOWS[1], engine=ShiftInvert())
    assert incomplete.evidence.complete == "no"
    for accept in (False, True):
        with pytest.raises(IncompleteWindow, match="found where"):
            distribution(incomplete, bath, system, width=0.5, accept_unverified=accept)


def test_evidence_of_the_dense_engine_measures_the_states():
    """Residual and orthogonality are those of the vectors that are returned."""
    h = hamiltonian_of(MODEL)
    states = solve(h, Whole(), engine=Dense())
    V, H = states.vectors(), dense(h.matrix)
    assert states.evidence.residual == pytest.approx(np.linalg.norm(H @ V - V * states.energies, axis=0).max(), rel=0.2)
    assert states.evidence.orthogonality == pytest.approx(np.abs(V.T @ V - np.eye(h.dim)).max(), rel=0.5)
    assert states.evidence.norm == pytest.approx(np.linalg.norm(H, 2), rel=1e-12)
