"""Time domain and long times against exact evolution."""

import os
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from conftest import Solved, random_composite, solved
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath import diffusion
from bigbath.diffusion.cavity import cavity_matrix
from bigbath.diffusion.long_time import (
    BathDensity,
    balanced_mode,
    effective_rates,
    imbalance,
    infinite_time_average,
    left_zero_mode,
    stationary,
)  # fmt: skip
from bigbath.diffusion.time_domain import (
    EnergyFilter,
    ThermalWeight,
    direct_evolution,
    earliest,
    exact_evolution,
    inverse_laplace,
    laplace_line,
    largest_frequency,
    theory_evolution,
)  # fmt: skip
from bigbath.errors import ImpossibleRequest
from bigbath.models import TFIM, Imbrie, Levy, MatrixComposite, Ring, SpinComposite, disorder_stream

EXAMPLES = 300 if os.environ.get("BIGBATH_LONG") else 8
INITIAL = EnergyFilter(centre=0.2, width=0.8)
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 7.0])


def projectors(s: Solved) -> list[np.ndarray]:
    """<m|P_a|n> in the eigenbasis of H, ascending energies."""
    U, N = s.states.vectors(), s.bath.energies.size
    return [U.conj().T @ np.kron(np.outer(v, v.conj()), np.eye(N)) @ U for v in s.system.vectors.T]


@pytest.mark.parametrize(("a", "b"), [(0.3, 2.0), (1.0, 0.0), (0.0, 3.0)])
def test_inverse_laplace_of_known_functions(a: float, b: float) -> None:
    line = laplace_line(TIMES.max(), 1e-7, 20.0)
    F = (line + a) / ((line + a) ** 2 + b**2)
    f, change = inverse_laplace(F, line, TIMES)
    np.testing.assert_allclose(f, np.exp(-a * TIMES) * np.cos(b * TIMES), atol=1e-6 + change)
    assert change < 1e-5


def test_exact_evolution_is_the_trace_of_operators(small: Solved) -> None:
    H = small.states.vectors() * small.states.energies @ small.states.vectors().conj().T
    rho = scipy.linalg.expm(-((H - INITIAL.centre * np.eye(len(H))) @ (H - INITIAL.centre * np.eye(len(H)))) / 2 / 0.64)
    rho /= np.trace(rho)
    N = small.bath.energies.size
    P = [np.kron(np.outer(v, v.conj()), np.eye(N)) for v in small.system.vectors.T]
    U = scipy.linalg.expm(-1j * H * 1.7)
    expected = [[np.trace(U.conj().T @ p @ U @ q @ rho).real for q in P] for p in P]
    e = exact_evolution(small.states, small.system, INITIAL, np.array([1.7]))
    np.testing.assert_allclose(e.p[..., 0], expected, atol=1e-9)


@pytest.mark.parametrize("model", [TFIM(L=5), Levy(L=5)])
def test_eq_5_takes_the_filter_at_the_mean_energy(model: TFIM | Levy) -> None:
    """The inverse transform gives Re sum_mn W_ab exp[i(E_m - E_n)t] f((E_m + E_n)/2), within its stated error."""
    s = solved(model.composite(disorder_stream(9, 0)))
    E, P = s.states.energies, projectors(s)
    f = INITIAL.unnormalised((E[:, None] + E) / 2) / INITIAL.trace(s.states)
    expected = np.array([[[np.sum(x * y * f * np.cos((E[:, None] - E) * t)) for t in TIMES] for y in P] for x in P])
    late = 2 * TIMES * INITIAL.width > 5  # earlier than the filter's own time Eq. 5 smears f
    assert late.sum() >= 2
    e = direct_evolution(s.states, s.system, INITIAL, TIMES[late])
    np.testing.assert_allclose(e.p, expected[..., late], atol=2e-4)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from([TFIM(L=4), Imbrie(L=4), Levy(L=4)]), st.integers(0, 10**6), st.floats(0.3, 3.0), st.floats(-2.0, 2.0),
    st.floats(1.0, 4.0),
)  # fmt: skip
def test_error_of_eq_5_bounds_the_truth(
    model: TFIM | Imbrie | Levy, seed: int, width: float, centre: float, late: float
) -> None:
    """Eq. 5 against Eq. 2 at any time that is not refused, for any state that is not outside the spectrum."""
    s = solved(model.composite(disorder_stream(seed, 0)))
    initial = EnergyFilter(centre=centre, width=width)
    times = earliest(initial, s.states) * np.array([1.0, late])
    e = direct_evolution(s.states, s.system, initial, times)
    exact = exact_evolution(s.states, s.system, initial, times)
    assert (abs(e.p - exact.p).max(axis=(0, 1)) <= e.error).all()
    assert (abs(e.probability - 1) <= e.error).all()
    np.testing.assert_allclose(exact.probability, 1, atol=1e-10)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(
    st.sampled_from([TFIM(L=3), Imbrie(L=3), Ring(N=4)]), st.integers(0, 10**6), st.floats(-6, 6), st.booleans(),
    st.floats(0.0, 0.3), st.floats(1.0, 2.0),
)  # fmt: skip
def test_no_default_is_an_energy(
    model: TFIM | Imbrie | Ring, seed: int, power: float, thermal: bool, parameter: float, late: float
) -> None:
    """All energies times s, all times over s: the same probabilities and errors, by Eq. 5 and its defaults."""
    composite = model.composite(disorder_stream(seed, 0))
    found = []
    for s in (1.0, 10.0**power):
        one = solved(in_units(composite, s))
        initial = ThermalWeight(beta=parameter / s) if thermal else EnergyFilter(centre=parameter * s, width=2.0 * s)
        first = earliest(initial, one.states)
        e = direct_evolution(one.states, one.system, initial, first * np.array([1.0, late]), tolerance=1e-3)
        frequency = largest_frequency(one.states, one.system, initial, 1e-3)
        found.append((first * s, frequency / s, e.p, e.error, e.heisenberg * s))
    reference, other = found
    assert other[0] == pytest.approx(reference[0], rel=1e-8)
    assert other[1] == pytest.approx(reference[1], rel=5e-3)  # counted in cells
    np.testing.assert_allclose(other[2], reference[2], atol=1e-3 * reference[3].max())
    np.testing.assert_allclose(other[3], reference[3], rtol=0.02, atol=1e-6)
    assert other[4] == pytest.approx(reference[4], rel=1e-6)


def in_units(composite: SpinComposite, s: float) -> SpinComposite:
    """The same spins with all couplings ``s`` times as large."""
    parts = {
        part: tuple((a, tuple((s * c[0], *c[1:]) for c in couplings)) for a, couplings in getattr(composite, part))
        for part in ("system", "bath", "interaction")
    }
    return replace(composite, **parts)


@pytest.mark.parametrize("initial", [EnergyFilter(centre=0.2, width=1.5), ThermalWeight(beta=0.2)])
def test_no_frequency_lies_beyond_the_largest(initial: EnergyFilter | ThermalWeight) -> None:
    """Written out with the projectors: the share of p above it is the tolerance, and more below it."""
    s = solved(Imbrie(L=5).composite(disorder_stream(9, 0)))
    E, f = s.states.energies, initial.unnormalised(s.states.energies)
    weight = sum(np.abs(p) ** 2 for p in projectors(s)) * (f[:, None] + f)
    apart = np.abs(E[:, None] - E)
    for tolerance in (1e-2, 1e-4):
        found, cell = largest_frequency(s.states, s.system, initial, tolerance), np.ptp(E) / 4096
        assert weight[apart > found].sum() <= tolerance * weight.sum()
        assert weight[apart > found - 2 * cell].sum() > tolerance * weight.sum()


def test_times_before_the_filter_are_refused() -> None:
    """At 2 t width < 4 Eq. 5 falls to 0 as t does, where Eq. 2 has all the probability."""
    s = solved(TFIM(L=4).composite(disorder_stream(1, 0)))
    with pytest.raises(ImpossibleRequest, match=r"from t = 2/width = 2\.5 on"):
        direct_evolution(s.states, s.system, INITIAL, np.array([0.5, 4.0]))


def test_states_of_a_wide_filter_have_a_small_error() -> None:
    s = solved(TFIM(L=6).composite(disorder_stream(1, 0)))
    e = direct_evolution(s.states, s.system, EnergyFilter(centre=0.0, width=8.0), np.array([1.0, 3.0]))
    assert e.error.max() < 0.01


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_thermal_weight_of_eq_21(beta: float) -> None:
    """<tau(t) tau> = Tr[tau(t) tau exp(-beta H)]/Z written out, and by Eq. 21 within its error."""
    s = solved(Imbrie(L=5).composite(disorder_stream(4, 0)))
    times, thermal = np.array([2.5, 5.0]), ThermalWeight(beta=beta, edge=1.0)
    H = s.states.vectors() * s.states.energies @ s.states.vectors().T
    rho = scipy.linalg.expm(-beta * H)
    tau = np.kron(np.diag([1.0, -1.0]), np.eye(32))
    expected = []
    for t in times:
        U = scipy.linalg.expm(-1j * H * t)
        expected.append(np.trace(U.conj().T @ tau @ U @ tau @ rho).real / np.trace(rho))
    exact = exact_evolution(s.states, s.system, thermal, times)
    np.testing.assert_allclose(exact.autocorrelation, expected, atol=1e-10)
    e = direct_evolution(s.states, s.system, thermal, times)
    assert (abs(e.p - exact.p).max(axis=(0, 1)) <= e.error).all()
    assert e.error.max() < (0.005 if beta == 0 else 0.05)


def test_times_of_single_levels_are_marked() -> None:
    """The Heisenberg time is 2 pi times the density of states: of a flat spectrum, 2 pi / spacing."""
    N, spacing = 400, 0.01
    bath = np.diag(np.arange(N) * spacing - 2)
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    s = solved(MatrixComposite(system=np.diag([-0.5, 0.5]) * spacing, bath=bath, interaction=((flip, 0 * bath),)))
    times = np.array([1.0, 0.9 * np.pi / 0.005, 1.3 * np.pi / 0.005])
    e = exact_evolution(s.states, s.system, EnergyFilter(centre=0.0, width=0.2), times)
    assert e.heisenberg == pytest.approx(2 * np.pi / 0.005, rel=0.02)
    e = exact_evolution(s.states, s.system, EnergyFilter(centre=0.0, width=0.2), times * 2)
    assert e.resolved.tolist() == [True, True, False]


def test_eq_5_against_exact_evolution_and_theory() -> None:
    s = solved(Imbrie(L=7).composite(disorder_stream(4, 0)))
    times, initial = np.array([2.0, 4.0, 6.0]), EnergyFilter(centre=0.0, width=1.5)
    exact = exact_evolution(s.states, s.system, initial, times).autocorrelation
    direct = direct_evolution(s.states, s.system, initial, times, tolerance=1e-4, cutoff=9.0)
    theory = theory_evolution(s.states, s.bath, s.system, initial, times, tolerance=1e-4, cutoff=9.0)
    assert abs(direct.autocorrelation - exact).max() < 0.05
    assert abs(theory.autocorrelation - exact).max() < 0.2
    assert exact[0] > 0.2


def test_infinite_time_average_is_the_mean_over_long_times(small: Solved) -> None:
    times = np.random.default_rng(0).uniform(1e5, 1e6, 4000)
    p = exact_evolution(small.states, small.system, INITIAL, times).p
    average = infinite_time_average(small.states, small.system, INITIAL)
    error = p.std(axis=-1) / np.sqrt(times.size)
    assert (abs(p.mean(axis=-1) - average) < 5 * error + 1e-9).all()
    np.testing.assert_allclose(average.sum(), 1, atol=1e-9)


def test_degenerate_levels_are_joined() -> None:
    s = solved(Ring(N=6).composite(disorder_stream(0, 0)))
    assert (np.diff(s.states.energies) < 1e-10).any()
    times = np.random.default_rng(1).uniform(1e5, 1e6, 6000)
    p = exact_evolution(s.states, s.system, INITIAL, times).p
    average = infinite_time_average(s.states, s.system, INITIAL)
    assert (abs(p.mean(axis=-1) - average) < 5 * p.std(axis=-1) / np.sqrt(times.size) + 1e-9).all()


def test_zero_mode_gives_the_pole_of_the_propagator() -> None:
    """Eq. 26: kappa D_ab -> nu~_a s_b B_b as kappa -> 0, for three levels and any Pi that conserves probability."""
    stream = np.random.default_rng(3)
    nu, B, kappa = stream.uniform(1, 2, 3), stream.uniform(0.2, 0.8, 3), 1e-7
    flow = stream.uniform(0, 1, (3, 3))
    flow *= ((nu - kappa * B) / flow.sum(axis=1))[:, None]
    Pi = flow / nu
    s, eigenvalue = left_zero_mode(Pi, B)
    D = diffusion.diffusion_propagator(Pi, B)
    np.testing.assert_allclose(kappa * D, nu[:, None] * (s * B), rtol=1e-5)
    assert eigenvalue == pytest.approx(kappa / (s @ nu), rel=1e-4)
    one = stationary(nu[:, None], B[:, None], s[:, None], np.ones(1))
    np.testing.assert_allclose(one.sum(), 1)
    thermal = stationary(nu[:, None], B[:, None], balanced_mode(nu, B)[:, None], np.ones(1))
    np.testing.assert_allclose(thermal, np.outer(nu, nu) / nu.sum() ** 2)  # Eq. 29


def test_beta_of_a_gaussian_bath() -> None:
    energies = np.random.default_rng(2).normal(0, 2, 100_000)
    density = BathDensity(energies=energies, width=0.3)
    np.testing.assert_allclose(density.beta(np.array([-1.0, 0.0, 2.0])), -np.array([-1.0, 0, 2.0]) / 4.09, atol=0.05)
    levels = np.array([-0.2, 0.1, 0.3])
    np.testing.assert_allclose(density.thermal(1.0, levels), density.canonical(1.0, levels), atol=0.005)
    x = np.linspace(-15, 15, 61)
    assert np.exp(density.log(x)).sum() * 0.5 == pytest.approx(1, abs=1e-3)


def test_chaotic_spins_thermalise() -> None:
    """Exact long-time populations of an all-to-all Ising bath at a finite temperature against Eq. 28.

    Eq. 29, that the initial level is forgotten, holds for L = 8 only in the middle of the spectrum.
    """
    s = solved(TFIM(L=8).composite(disorder_stream(1, 0)))
    initial = EnergyFilter(centre=-5.0, width=0.7)
    average = infinite_time_average(s.states, s.system, initial)
    weights = initial.unnormalised(s.states.energies)
    centre = float(weights @ s.states.energies / weights.sum())
    thermal = BathDensity(energies=s.bath.energies, width=0.7).thermal(centre, s.system.energies)
    assert thermal[0] - thermal[1] > 0.1
    np.testing.assert_allclose(average.sum(axis=1), thermal, atol=0.03)
    average = infinite_time_average(s.states, s.system, EnergyFilter(centre=0.0, width=0.7))
    np.testing.assert_allclose(average, np.full((2, 2), 0.25), atol=0.05)


def test_global_balance_of_gaussian_couplings() -> None:
    """Eqs. 30, 31: the mismatch is that of a finite bath; balance is exact with rates weighted by nu~_j."""
    N, kappa = 300, 0.5
    stream = np.random.default_rng(4)
    V = np.triu(stream.standard_normal((N, N)) * 0.3 / np.sqrt(N))
    V = V + np.triu(V, 1).T
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    bath, levels = np.diag(stream.standard_normal(N)), np.diag([-0.45, 0.45])
    s = solved(MatrixComposite(system=levels, bath=bath, interaction=((flip, V),)))
    local = diffusion.level_broadening(s.states, s.bath, s.system, [0.7], [kappa])
    strength = cavity_matrix(s.composite, s.bath, s.system)[1].reshape(2, N, 2, N)
    golden = np.einsum("ajbk,bk->ajb", strength, local.nu[..., 0, 0])
    nu = local.mean_nu[:, 0, 0]
    rates = effective_rates(golden)
    assert rates[0, 1] != pytest.approx(rates[1, 0], rel=0.02)  # energies where the two levels are populated unequally
    assert abs(imbalance(rates, nu)).max() < 0.05
    weighted = np.einsum("ajb,aj->ab", golden, local.nu[..., 0, 0]) / local.nu[..., 0, 0].sum(axis=1)[:, None]
    np.testing.assert_allclose(imbalance(weighted, nu), 0, atol=1e-12)
    # B = nu~/(kappa + Gamma) with self-averaging rates
    np.testing.assert_allclose(local.mean_B[:, 0, 0], nu / (kappa + rates.sum(axis=1)), rtol=0.02)


def test_sectors_do_not_matter() -> None:
    composite = random_composite(2, 12, 1)
    s = solved(composite)
    assert exact_evolution(s.states, s.system, INITIAL, np.zeros(1)).p.sum() == pytest.approx(1)
