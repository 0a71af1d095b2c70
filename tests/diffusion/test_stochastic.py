"""Propagator and theory without diagonalisation against the exact ones."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Solved, solved

from bigbath import diffusion
from bigbath.diffusion import autocorrelation, expansion
from bigbath.diffusion.expansion import Expansion
from bigbath.diffusion.sampled import BathSample, BathWindow, nodes, ratio, sampled_theory
from bigbath.diffusion.stochastic import StochasticTrace, error_of_few, stochastic_propagator, student
from bigbath.errors import ImpossibleRequest
from bigbath.models import TFIM, Imbrie, Levy, disorder_stream
from bigbath.operators import build
from bigbath.studies import diffusion as study
from bigbath.studies.stochastic import kept

EPSILON, KAPPA = np.array([-0.5, 0.0, 0.6]), np.array([0.3, 0.5, 1.0, 3.0])


def test_expansion_is_the_resolvent(small: Solved) -> None:
    h = build(small.composite)
    H = small.states.vectors() * small.states.energies @ small.states.vectors().conj().T
    z = np.array([0.3 + 0.1j, -0.2 - 0.05j, 4.0 + 1j])
    x = np.random.default_rng(0).standard_normal(h.dim).astype(H.dtype)
    green = Expansion.of(h, z, 1e-11)
    expected = np.array([np.linalg.solve(a * np.eye(h.dim) - H, x) for a in z]).T
    np.testing.assert_allclose(green.apply(x), expected, atol=1e-7 * np.abs(expected).max())
    np.testing.assert_allclose(green.diagonal(x), x.conj() @ expected, atol=1e-7 * np.abs(x @ expected).max())


@pytest.mark.parametrize("model", [TFIM(L=7), Imbrie(L=7)])
def test_single_precision_is_far_below_the_tolerance(model: TFIM | Imbrie, monkeypatch: pytest.MonkeyPatch) -> None:
    s = solved(model.composite(disorder_stream(6, 0)))
    h, kappa = build(s.composite), [0.03, 0.3]
    monkeypatch.setattr(expansion, "SINGLE", 0.0)
    single = StochasticTrace.of(h, s.system, [0.0], kappa, tolerance=1e-7)
    monkeypatch.undo()
    double = StochasticTrace.of(h, s.system, [0.0], kappa, tolerance=1e-7)
    assert single.expansion.terms.max() > 5000
    for found, expected in zip(single.sample(0), double.sample(0), strict=True):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    v = np.kron(s.system.vectors[:, 0], s.bath.vectors()[:, 60])
    difference = abs(single.expansion.diagonal(v) / double.expansion.diagonal(v) - 1)
    assert 0 < difference.max() < 1e-5
    assert Expansion.of(h, np.array([1j]), 1e-3).operator.zeros(1).dtype == np.float32


def test_each_sample_conserves_probability(small: Solved) -> None:
    p = stochastic_propagator(build(small.composite), small.system, EPSILON, KAPPA, vectors=2, tolerance=1e-11)
    np.testing.assert_allclose(p.D_samples.sum(axis=2), p.nu_samples / KAPPA, rtol=1e-6)


@pytest.mark.parametrize("model", [TFIM(L=6), Imbrie(L=6)])
def test_three_errors_hold_the_exact_value_with_few_vectors(model: TFIM | Imbrie) -> None:
    """60 estimates of 4 vectors each on a grid of 12 points: 0.3 % lie beyond three errors, 6 % without Student's t."""
    s = solved(model.composite(disorder_stream(6, 0)))
    exact = autocorrelation(diffusion.direct_propagator(s.states, s.system, EPSILON, KAPPA).D)
    trace = StochasticTrace.of(build(s.composite), s.system, EPSILON, KAPPA, tolerance=1e-3)
    samples = [trace.sample(number) for number in range(240)]
    groups = [trace.propagator(samples[first : first + 4]) for first in range(0, 240, 4)]
    off = np.array([abs(autocorrelation(p.D) - exact) / p.A_error for p in groups])
    assert (off > 3).mean() < 0.015
    assert (off * student(4) > 3).mean() > 0.03
    together = trace.propagator(samples)
    assert (abs(autocorrelation(together.D) - exact) < 3.5 * together.A_error).all()
    assert (together.A_error < 0.15 * exact).all()


def test_error_of_gaussian_samples_has_the_stated_coverage() -> None:
    values = np.random.default_rng(0).standard_normal((100_000, 4))
    assert (abs(values.mean(axis=1)) > 3 * error_of_few(values)).mean() == pytest.approx(0.0027, rel=0.2)
    assert np.isnan(error_of_few(values[:, :1])).all()


def test_nodes_divide_the_spectrum_and_are_dense_at_resonance() -> None:
    targets, edges = nodes((-8.0, 9.0), np.array([-0.45, 0.45]), 0.05, 24)
    assert edges[0] == -8 and edges[-1] == 9
    assert (np.diff(edges) > 0).all() and (edges[:-1] < targets).all() and (targets < edges[1:]).all()
    assert np.diff(edges).min() == np.diff(edges)[abs(abs(targets) - 0.45).argmin()] < 0.1


@pytest.mark.parametrize("model", [TFIM(L=8), Imbrie(L=8)])
def test_sampling_rule_with_exact_green_functions(model: TFIM | Imbrie) -> None:
    """B_a/nu~_a by windows of the exact G_jj is the full mean within its sampling error, a few per cent."""
    s = solved(model.composite(disorder_stream(6, 0)))
    z = 0.5j * KAPPA
    G = diffusion.diagonal_green(s.states, s.bath, s.system, z)
    E = s.bath.energies
    targets, edges = nodes((E[0], E[-1]), -s.system.energies, 0.05, 24)
    levels = np.diff(np.searchsorted(E, edges, side="right"))
    nearest = [np.argsort(abs(E - t))[:8] for t in targets]
    windows = [BathWindow(energies=E[n], G=G[:, n], levels=max(w, 1)) for n, w in zip(nearest, levels, strict=True)]
    found = ratio(windows, [np.arange(8)] * 24)[0]
    exact = (abs(G) ** 2).mean(axis=1) / (-2 * G.imag).mean(axis=1)
    np.testing.assert_allclose(found, exact, rtol=0.06)


def test_theory_from_windows_agrees_with_diagonalisation() -> None:
    kappa = np.array([0.3, 1.0, 3.0])
    s = solved(TFIM(L=7).composite(disorder_stream(6, 0)))
    local = diffusion.level_broadening(s.states, s.bath, s.system, [0.0], kappa)
    theory = autocorrelation(diffusion.diffusion_theory(local, s.composite, s.bath, s.system, [0.0]).D)[0]
    direct = autocorrelation(diffusion.direct_propagator(s.states, s.system, [0.0], kappa).D)[0]
    trace = StochasticTrace.of(build(s.composite), s.system, [0.0], kappa, tolerance=1e-5)
    sample = BathSample.of(s.composite, trace.expansion, s.system, 0.0, windows=12, states=12)
    assert sample.levels.sum() == pytest.approx(s.bath.energies.size, rel=0.01)
    windows = [sample.window(number) for number in range(12)]
    z = 0.5j * kappa
    exact = diffusion.diagonal_green(s.states, s.bath, s.system, z)
    found = [np.abs(s.bath.energies[:, None] - w.energies).argmin(axis=0) for w in windows]
    for window, states in zip(windows, found, strict=True):
        np.testing.assert_allclose(window.G, exact[:, states], rtol=1e-3)
    t = sampled_theory(windows, trace.propagator([trace.sample(n) for n in range(32)]), kappa)
    assert (abs(t.theory - theory) < 3 * t.theory_error).all()
    assert (abs(t.difference - (theory / direct - 1)) < 3 * t.difference_error + 3 * t.quadrature).all()
    assert (t.difference_error < t.theory_error / theory).all()


def test_thermometers_that_do_not_flip_are_refused() -> None:
    s = solved(TFIM(L=5).composite(disorder_stream(6, 0)))
    tilted = type(s.composite)(
        system_sites=1, bath_sites=5, system=(("z", ((0.4, 0),)), ("x", ((0.3, 0),))), bath=s.composite.bath,
        interaction=s.composite.interaction,
    )  # fmt: skip
    system = solved(tilted).system
    with pytest.raises(ImpossibleRequest, match=r"Eq\. 19"):
        BathSample.of(tilted, StochasticTrace.of(build(tilted), system, [0.0], [1.0]).expansion, system, 0.0)


def test_large_baths_are_kept_piece_by_piece(tmp_path: Path) -> None:
    options = {"vectors": 4, "windows": 4, "states": 4, "kappa": (1.0, 3.0)}
    rows = study.large(Imbrie(L=6), tmp_path, **options)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npz")}
    assert len(files) == 8 and [row.kappa for row in rows] == [1.0, 3.0]
    next(iter(files)).unlink()
    assert study.large(Imbrie(L=6), tmp_path, **options) == rows
    assert sum(file.stat().st_mtime_ns != time for file, time in files.items()) == 1
    two = study.large(Imbrie(L=6), tmp_path, realizations=2, **options)
    assert all(row.realizations == 2 and row.direct_error > 0 for row in two)
    with pytest.raises(ImpossibleRequest, match="dense"):
        study.large(Levy(L=14), tmp_path)


def test_kept_computes_once(tmp_path: Path) -> None:
    assert kept(tmp_path / "a.npz", lambda: {"x": np.arange(3)})["x"].tolist() == [0, 1, 2]
    assert kept(tmp_path / "a.npz", lambda: 1 / 0)["x"].tolist() == [0, 1, 2]
