"""SLEPc shift-invert against LAPACK on random windows of every model (BIGBATH_LONG=1: 200 of them, up to L = 11)."""

import os

import numpy as np
import pytest
import scipy.sparse as sp
from support import KINDS, assert_window, dense, hamiltonian_of, python, random_model

from bigbath import Auto, Dense, Density, Interval, Levels, Nearest, ShiftInvert, Whole, solve
from bigbath.errors import ImpossibleRequest, IncompleteWindow, JobError
from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring
from bigbath.solvers import Forecast, petsc

pytestmark = pytest.mark.petsc

LONG = os.environ.get("BIGBATH_LONG") == "1"
COUNT = 200 if LONG else 40


def random_case(seed):
    """A Hamiltonian, a window and the symmetries to use; every fifth case is the degenerate ring without symmetries."""
    stream = np.random.default_rng([20, seed])
    largest = int(stream.integers(10, 12)) if LONG or seed % 10 == 0 else 8
    if seed % 5 == 0:
        model, symmetries = Ring(N=min(largest, 10), g=float(stream.uniform(0.5, 1.5)), h=0.1), ()
    else:
        model = random_model(stream, KINDS[seed % len(KINDS)], largest)
        symmetries = None
    h = hamiltonian_of(model, seed=seed, realization=seed)
    energies = np.linalg.eigvalsh(dense(h.matrix))
    k = int(stream.integers(1, min(40, h.dim) + 1))
    x = float(stream.uniform(energies[0], energies[-1]))
    windows = (
        lambda: Nearest(target=x, k=k),
        lambda: Density(epsilon=float(stream.uniform()), k=k),
        lambda: Interval(lower=x, upper=x + float(stream.uniform(0.01, 0.2)) * float(energies[-1] - energies[0])),
        lambda: Levels(energies=tuple(float(e) for e in stream.uniform(energies[0], energies[-1], 3))),
        lambda: Density(epsilon=float(stream.choice([0.0, 1.0, 0.5])), k=k),
    )
    return h, windows[int(stream.integers(len(windows)))](), symmetries


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_windows_hold_exactly_lapacks_states(seed):
    h, window, symmetries = random_case(seed)
    assert_window(solve(h, window, engine=ShiftInvert(), symmetries=symmetries), h, window)


@pytest.mark.parametrize("model", [Ring(N=7), TFIM(L=6), Imbrie(L=6), Levy(L=5)], ids=lambda m: m.name)
@pytest.mark.parametrize("slices", [7, 200])
def test_whole_spectrum_in_slices(model, slices):
    h = hamiltonian_of(model)
    assert_window(solve(h, Whole(), engine=ShiftInvert(slice=slices)), h, Whole())


def test_one_sector_alone():
    h = hamiltonian_of(Ring(N=9))
    window, sector = Nearest(target=0.2, k=10), {"reflection": -1, "momentum": 2}
    a, b = (solve(h, window, engine=engine, sector=sector) for engine in (ShiftInvert(), Dense()))
    assert a.evidence.complete == b.evidence.complete == "yes"
    assert np.allclose(a.energies, b.energies, atol=1e-10)
    assert np.allclose(np.abs(np.sum(a.vectors() * b.vectors(), axis=0)), 1, atol=1e-9)


@pytest.mark.parametrize("symmetries", [None, ()])
def test_target_exactly_on_an_eigenvalue(symmetries):
    h = hamiltonian_of(Ring(N=8))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    for n in (0, 100, 101, 255):
        window = Nearest(target=float(energies[n]), k=3)
        assert_window(solve(h, window, engine=ShiftInvert(), symmetries=symmetries), h, window)


def test_integer_spectrum_with_exact_levels_at_the_target():
    """H = sum_j sigma^z_j: huge multiplets, a singular shifted matrix at every target that is a level."""
    model = Custom(
        L=6, system=(("z", ((1.0, 0),)),), bath=(("z", tuple((1.0, j) for j in range(1, 6))),), interaction=()
    )
    h = hamiltonian_of(model)
    for window in (
        Nearest(target=2.0, k=1),
        Nearest(target=-6.0, k=1),
        Interval(lower=-2.5, upper=0.5),
        Levels(energies=(4.0,)),
    ):
        assert_window(solve(h, window, engine=ShiftInvert()), h, window)


def test_an_empty_interval_is_complete():
    h = hamiltonian_of(Imbrie(L=7))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    n = int(np.argmax(np.diff(energies)))
    third = float(energies[n + 1] - energies[n]) / 3
    states = solve(
        h, Interval(lower=float(energies[n]) + third, upper=float(energies[n + 1]) - third), engine=ShiftInvert()
    )
    assert states.energies.size == states.evidence.counted == 0
    assert states.evidence.complete == "yes"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", ["mumps", "blocks"])
def test_inertia_counts_levels(kind, seed, factor):
    stream = np.random.default_rng([30, seed])
    h = hamiltonian_of(random_model(stream, kind, 8), seed=seed)
    energies = np.linalg.eigvalsh(dense(h.matrix))
    inertia = petsc.Inertia(petsc.distribute(h.matrix, None, factor)[0])
    for x in stream.uniform(energies[0] - 1, energies[-1] + 1, 6):
        assert inertia.below(float(x)) == int((energies < x).sum())
    middle = energies.size // 2
    close = float(energies[middle]) - 1e-7  # just below a level
    assert inertia.below(close) == int((energies < close).sum())


@pytest.mark.parametrize("factor", ["mumps", "blocks"])
def test_counting_at_a_level_is_refused(factor):
    diagonal = sp.csr_array(sp.diags_array(np.repeat([-1.0, 0.5, 2.0], 20)))
    with pytest.raises(IncompleteWindow, match=r"lie exactly at 0\.5"):
        petsc.Inertia(petsc.distribute(diagonal, None, factor)[0]).below(0.5)


def test_inertia_counts_every_member_of_a_multiplet():
    h = hamiltonian_of(Ring(N=8))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    inertia = petsc.Inertia(petsc.DistributedMatrix.build(h.matrix, None))
    for n in np.flatnonzero(np.diff(energies) < 1e-10)[::10]:
        below, above = (inertia.below(float(energies[n]) + d) for d in (-1e-6, 1e-6))
        assert above - below == 2


def test_the_estimate_forecasts_the_factorisation():
    """MUMPS's symbolic analysis against its own count after the factorisation: within 30 %; blocks: exactly."""
    h = hamiltonian_of(Imbrie(L=10)).matrix
    matrix, forecast = petsc.distribute(h, None, "mumps")
    inertia = petsc.Inertia(matrix)
    inertia.below(0.1)
    entries = inertia._pc.getFactorMatrix().getMumpsInfog(29)
    true = -entries * 10**6 if entries < 0 else entries
    assert abs(forecast.entries - true) <= 0.3 * true
    assert forecast.entries > h.nnz / 2
    matrix, forecast = petsc.distribute(h, None, "blocks")
    petsc.Inertia(matrix).below(0.1)
    assert forecast.entries == matrix.blocks._values.size
    assert forecast.bytes_total > 8 * forecast.entries


def test_the_factorisation_that_needs_less_memory_is_chosen():
    """Blocks for the hypercube; MUMPS for a chain in one dimension, and for fewer than 4096 states, which it does faster."""
    matrix, forecast = petsc.distribute(hamiltonian_of(Imbrie(L=11)).matrix, None)
    assert (forecast.by, matrix.blocks is None) == ("blocks", False)
    assert (
        forecast.bytes_per_rank < petsc.distribute(hamiltonian_of(Imbrie(L=11)).matrix, None, "mumps")[1].bytes_per_rank
    )
    chain = sp.csr_array(sp.diags_array([np.ones(4999), np.arange(5000.0), np.ones(4999)], offsets=[-1, 0, 1]))
    for other in (chain, hamiltonian_of(Imbrie(L=10)).matrix):
        matrix, forecast = petsc.distribute(other, None)
        assert (forecast.by, matrix.blocks) == ("mumps", None)


def test_blocks_find_what_lapack_finds():
    """As the first 20 random windows above, by the other factorisation, and beside a level."""
    for seed in range(20):
        h, window, symmetries = random_case(seed)
        assert_window(solve(h, window, engine=ShiftInvert(factor="blocks"), symmetries=symmetries), h, window)
    h = hamiltonian_of(Imbrie(L=7))
    level = float(np.linalg.eigvalsh(dense(h.matrix))[100])
    window = Nearest(target=level, k=7)
    assert_window(solve(h, window, engine=ShiftInvert(factor="blocks")), h, window)


def test_options_for_mumps_are_not_lost_on_blocks():
    with pytest.raises(ValueError, match="have no effect"):
        ShiftInvert(factor="blocks", options="-st_mat_mumps_icntl_14 50")
    assert ShiftInvert(options="-mat_mumps_icntl_14 50").chosen_factor == "mumps"


def test_an_interval_beyond_memory_is_refused_with_its_count(monkeypatch):
    h = hamiltonian_of(Imbrie(L=7))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    window = Interval(lower=-2.0, upper=2.0)
    expected = int(((energies > -2) & (energies < 2)).sum())
    monkeypatch.setattr("bigbath.resources.memory_limit", lambda: 1000)
    with pytest.raises(
        ImpossibleRequest, match=rf"the {expected} states of the interval \[-2, 2\].*Narrow the interval"
    ):
        solve(h, window, engine=ShiftInvert())


def test_a_factorisation_beyond_memory_is_refused(monkeypatch):
    h = hamiltonian_of(Imbrie(L=7))
    monkeypatch.setattr("bigbath.solvers.petsc.memory_limit", lambda: 1000)
    with pytest.raises(ImpossibleRequest, match=r"LDL\^T factorisation of 256 states needs"):
        solve(h, Nearest(target=0.0, k=3), engine=ShiftInvert())


def test_raw_options_reach_slepc():
    """A Krylov space of 12 vectors for 10 states needs restarts, where the default of 43 needs none."""
    h, window = hamiltonian_of(Imbrie(L=8)), Nearest(target=0.1, k=10)
    default = solve(h, window, engine=ShiftInvert(certify=False))
    small = solve(h, window, engine=ShiftInvert(certify=False, options="-eps_ncv 16"))
    assert small.evidence.iterations > default.evidence.iterations
    assert np.allclose(small.energies, default.energies, atol=1e-10)


def test_raw_options_reach_mumps_and_do_not_stay(monkeypatch):
    seen = []
    original = petsc.raise_mumps

    def record(factor):
        seen.append(factor.getMumpsIcntl(14))
        original(factor)

    monkeypatch.setattr(petsc, "raise_mumps", record)
    h, window = hamiltonian_of(Imbrie(L=6)), Nearest(target=0.1, k=4)
    solve(h, window, engine=ShiftInvert(certify=False, options="-mat_mumps_icntl_14 77"))
    assert set(seen) == {77}
    seen.clear()
    solve(h, window, engine=ShiftInvert(certify=False))
    assert 77 not in seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-eps_nvc 40", "eps_nvc"),
        ("-st_ksp_typ preonly", "st_ksp_typ"),
        ("-mat_mumps_icntl14 50", "mat_mumps_icntl14"),
        ("-ksp_type gmres", "is not passed on"),
        ("--eps_ncv 40", "is not passed on"),
        ("40", "does not belong to an option"),
        ("-eps_ncv 40 50", "does not belong to an option"),
        ("-eps_type nonsense", "10 x 10 test"),
    ],
)
def test_a_misspelt_option_is_refused_before_solving(options, message, monkeypatch):
    def never(*_):
        raise AssertionError("a solve was started")

    monkeypatch.setattr("bigbath.solvers.shift_invert._find", never)
    with pytest.raises(JobError, match=message):
        solve(hamiltonian_of(Imbrie(L=5)), Nearest(target=0.0, k=2), engine=ShiftInvert(options=options))


@pytest.mark.parametrize("window", [Nearest(target=0.0, k=3), Levels(energies=(-1.0, 0.4)), Whole(slice=7)])
def test_a_complex_model_with_degenerate_levels(window):
    """Three free spins beside a complex chain: every level eightfold at least, in the real form sixteenfold."""
    model = Custom(
        L=6,
        system=(("z", ((1.0, 0),)),),
        bath=(("x", ((0.3, 1),)), ("z", ((0.5, 2),))),
        interaction=(("xy", ((1.0, 0, 1),)), ("yz", ((0.7, 1, 2),))),
    )
    h = hamiltonian_of(model)
    assert h.is_complex
    states = solve(h, window, engine=ShiftInvert())
    assert_window(states, h, window)


def test_auto_takes_shift_invert_for_levels_of_large_sectors(monkeypatch):
    h, window = hamiltonian_of(Imbrie(L=7)), Levels(energies=(0.0, 1.0))
    dear = Forecast(seconds=100.0, bytes=0)
    monkeypatch.setattr(Dense, "forecast", lambda *_: dear)
    states = solve(h, window, engine=Auto())
    assert states.evidence.engine.startswith("shift-invert")
    assert states.evidence.chosen.startswith("forecast for 256 states: shift-invert 0.")
    assert "filter is left out: engine" in states.evidence.chosen
    assert_window(states, h, window)


def test_a_process_that_factorised_by_blocks_ends_quietly():
    """PETSc outlives Python at exit and must not call it then."""
    process = python(
        "-c",
        "from bigbath import *; from bigbath.models import disorder_stream\n"
        "h = build(Imbrie(L=6).composite(disorder_stream(1, 0)))\n"
        "for factor in ('blocks', 'mumps', 'blocks'):\n"
        "    print(solve(h, Nearest(target=0.1, k=5), engine=ShiftInvert(factor=factor)).evidence.complete)\n",
    )
    assert (process.returncode, process.stdout.split(), process.stderr) == (0, ["yes"] * 3, "")
