"""Measurement, study and command line of the diffusion paper."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bigbath import diffusion
from bigbath.cli.main import app
from bigbath.cluster.realize import realize, system_states
from bigbath.diffusion.surrogate import COUPLINGS
from bigbath.errors import JobError
from bigbath.job import parse_job
from bigbath.models import TFIM, Imbrie, Levy, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Dense, Whole, solve
from bigbath.studies import diffusion as study
from bigbath.studies import loops

JOB = {
    "model": {"name": "imbrie", "L": 4},
    "spectrum": {"window": "whole", "engine": "dense"},
    "bath": {"window": "whole", "engine": "dense"},
    "measure": {"propagator": {"epsilon": [0.0, 0.5], "kappa": [0.3, 1.0]}},
    "ensemble": {"seed": 5, "realizations": 2},
}


def test_measurement_of_a_job_is_the_library_call() -> None:
    ds = realize(parse_job(JOB), 1)
    composite = Imbrie(L=4).composite(disorder_stream(5, 1))
    states, bath = (solve(build(composite, part), Whole(), engine=Dense()) for part in ("H", "B"))
    system = system_states(composite)
    direct = diffusion.direct_propagator(states, system, [0.0, 0.5], [0.3, 1.0])
    local = diffusion.level_broadening(states, bath, system, [0.0, 0.5], [0.3, 1.0])
    np.testing.assert_allclose(ds.A.values, diffusion.autocorrelation(direct.D))
    theory = diffusion.diffusion_theory(local, composite, bath, system, [0.0, 0.5])
    np.testing.assert_allclose(ds.A_theory.values, diffusion.autocorrelation(theory.D))
    np.testing.assert_allclose(ds.Gamma_quantile.sel(quantile=0.5).values, np.median(local.Gamma, axis=(0, 1)))


@pytest.mark.parametrize("kappa", [[], [0.0], [-1.0, 1.0]])
def test_wrong_kappa_is_refused(kappa: list[float]) -> None:
    with pytest.raises(JobError, match=r"measure\.propagator"):
        parse_job({**JOB, "measure": {"propagator": {"kappa": kappa}}})


def test_epsilon_outside_the_spectrum_is_refused() -> None:
    with pytest.raises(JobError, match="outside the spectrum"):
        realize(parse_job({**JOB, "measure": {"propagator": {"epsilon": [50.0], "kappa": [1.0]}}}), 0)


def test_thermometer_alone_needs_no_bath() -> None:
    ds = realize(parse_job({key: value for key, value in JOB.items() if key != "bath"}), 0)
    assert "A" in ds and "A_theory" not in ds


def test_jackknife_of_a_ratio() -> None:
    b = np.random.default_rng(0).normal(5, 1, 200)
    assert study.ratio(2 * b, b) == pytest.approx((2.0, 0.0), abs=1e-12)
    a = np.random.default_rng(1).normal(10, 1, 200)
    value, error = study.ratio(a, b)
    expected = value * np.sqrt(a.var(ddof=1) / a.mean() ** 2 + b.var(ddof=1) / b.mean() ** 2) / np.sqrt(200)
    assert error == pytest.approx(expected, rel=0.1)


def test_reproduce_prints_rows_and_draws(tmp_path: Path) -> None:
    arguments = ["reproduce", "diffusion", "--figure", "4", "--sizes", "4,5", "--realizations", "2", "--json"]
    outcome = CliRunner().invoke(app, [*arguments, "--keep", str(tmp_path)])
    rows = json.loads(outcome.stdout)
    assert len(rows) == 2 * len(study.KAPPA)
    assert {row["size"] for row in rows} == {4, 5}
    assert all(row["direct_error"] > 0 and row["realizations"] == 2 for row in rows)
    assert (tmp_path / "diffusion_fig4.pdf").stat().st_size > 1000
    assert outcome.exit_code == (0 if all(row["verdict"] != "no" for row in rows) else 6)


def test_collapse_shares_the_files_of_the_figures(tmp_path: Path) -> None:
    rows, plot = study.FIGURES["collapse"](tmp_path, sizes=[4], realizations=2)
    assert {row.model for row in rows} == {"levy", "tfim", "imbrie"} and plot.stat().st_size > 1000
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.h5")}
    assert study.FIGURES["4"](tmp_path, sizes=[4], realizations=2)[0] == [row for row in rows if row.model == "tfim"]
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_reproduce_takes_the_sizes_of_the_collapse_and_samples_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(*options: str) -> list[dict]:
        arguments = ["reproduce", "diffusion", "--realizations", "2", "--json", "--keep", str(tmp_path), *options]
        return json.loads(CliRunner().invoke(app, arguments).stdout)

    assert {(row["model"], row["size"]) for row in rows("--figure", "7", "--sizes", "4")} == {
        ("levy", 4), ("tfim", 4), ("imbrie", 4)
    }  # fmt: skip
    monkeypatch.setattr(study, "EACH_OF_SEVERAL", {"vectors": 4, "windows": 4, "states": 4, "kappa": (3.0,)})
    (row,) = rows("--figure", "5", "--sizes", "6", "--sampled")
    exact = next(r for r in rows("--figure", "5", "--sizes", "6") if r["kappa"] == 3.0)
    assert abs(row["direct"] - exact["direct"]) < 3 * row["direct_error"] + exact["direct_error"]
    assert list(tmp_path.glob("diffusion_imbrie_L6_*/vector000.npz"))


def test_levy_figure_has_bond_memory_and_its_verdict(tmp_path: Path) -> None:
    rows, plot = study.FIGURES["3"](tmp_path, sizes=[5], realizations=3)
    assert plot.stat().st_size > 1000
    (row,) = (r for r in rows if r.kappa == 1.0)
    assert row.memory_difference is not None and abs(row.memory / row.direct - 1 - row.memory_difference) < 1e-12
    assert abs(row.memory_difference) < 0.1
    off = replace(row, memory_difference=0.02, memory_difference_error=0.001, difference=0.0)
    assert off.verdict == "no" and replace(off, memory_difference=0.005).verdict == "yes"
    assert all(r.memory is None for r in study.FIGURES["4"](tmp_path, sizes=[4], realizations=2)[0])


def test_dephasing_of_the_three_models(tmp_path: Path) -> None:
    rows, plot = study.ALONE["dephasing"](tmp_path, sizes=[4], realizations=2)
    assert plot.stat().st_size > 1000 and {r.model for r in rows} == {"levy", "tfim", "imbrie"}
    assert {r.verdict for r in rows if r.kappa >= 1 and r.model != "levy" and r.element != "1,2 from 2,1"} == {"yes"}
    assert {r.verdict for r in rows if r.kappa < 1 or r.model == "levy"} == {"-"}


def test_causes_of_the_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every coupling and quantity of both chains and of a pair of spins; what is kept is read again."""
    monkeypatch.setattr(loops, "PAIRS", {"two spins": loops.two_spins(0.2, False, L=6)})
    rows, plot = study.ALONE["loops"](tmp_path, sizes=[3], realizations=2)
    assert plot.stat().st_size > 1000
    chains = [r for r in rows if r.model != "two spins"]
    assert len(chains) == 2 * 3 * 4 * 5 and len(rows) == len(chains) + 3 * 4
    assert {r.coupling for r in rows} == set(COUPLINGS)
    ds = realize(study.job(Imbrie(L=3), kappa=loops.KAPPA, seed=loops.SEED), 0)
    found = loops.realization(Imbrie(L=3), 0, loops.KAPPA, tmp_path)["as it is"]
    A = diffusion.autocorrelation(np.einsum("aabbk->abk", found.exact).real)
    np.testing.assert_allclose(A, ds.A.values[0], rtol=1e-8)
    with_memory = realize(study.job(Imbrie(L=3), kappa=loops.KAPPA, seed=loops.SEED, memory=True), 0)
    np.testing.assert_allclose(found.memory, with_memory.A_memory.values[0], rtol=1e-2)
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    assert study.ALONE["loops"](tmp_path, sizes=[3], realizations=2)[0] == rows
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps


def test_options_of_another_study_are_refused() -> None:
    outcome = CliRunner().invoke(app, ["reproduce", "entropy", "--sizes", "4"])
    assert isinstance(outcome.exception, JobError)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "mean", "error"), [(TFIM(L=10), 0.916, 0.007), (Imbrie(L=10), 0.739, 0.003), (Levy(L=10), 0.917, 0.003)]
)
def test_an_independent_diagonalisation_is_reproduced(model: TFIM | Imbrie | Levy, mean: float, error: float) -> None:
    """Disorder mean of A(0, 1) at L = 10, 30 realizations there, 6 here."""
    values = np.array([float(realize(study.job(model, kappa=(1.0,)), r).A[0, 0]) for r in range(6)])
    assert abs(values.mean() - mean) < 4 * np.hypot(error, error * np.sqrt(30 / 6))


def test_limits_show_the_vanishing_broadening(tmp_path: Path) -> None:
    """Deep in the heavy-tailed and the localised regime the typical broadening and the memory say so."""
    rows, plot = study.limits(tmp_path, sizes=[6], realizations=3)
    assert plot.exists()
    at = {(r.model, r.parameter, r.kappa): r for r in rows}
    for model, ergodic, frozen in (("levy", 1.5, 0.7), ("imbrie", 2.0, 12.0)):
        fast, slow = at[model, ergodic, 1e-2], at[model, frozen, 1e-2]
        assert slow.typical < fast.typical / 1.5
        assert slow.memory - fast.memory > 2 * np.hypot(slow.memory_error, fast.memory_error)
        assert at[model, frozen, 1e-4].typical < at[model, frozen, 1e-2].typical / 5
