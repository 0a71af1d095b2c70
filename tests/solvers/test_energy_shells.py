"""A spectrum cut into energy shells is LAPACK's whole spectrum, each level once, and known to be."""

import os
from dataclasses import replace

import numpy as np
import pytest
from support import bigbath, dense, hamiltonian_of

from bigbath.cluster.run import run
from bigbath.job import parse_job
from bigbath.models import Imbrie, Levy, Ring
from bigbath.solvers import Dense, Interval, ShiftInvert, Whole, energy_shells, partition, solve
from bigbath.store import open_run
from bigbath.tasks import Task

LONG = os.environ.get("BIGBATH_LONG") == "1"


@pytest.mark.parametrize("model", [Imbrie(L=6), Ring(N=8), Levy(L=6)])
@pytest.mark.parametrize("engine", [pytest.param(ShiftInvert(), marks=pytest.mark.petsc), Dense()])
def test_shells_make_up_the_spectrum(model, engine):
    h = hamiltonian_of(model)
    parts = [solve(h, window, engine=engine) for window in energy_shells(h, Whole(), 5)]
    assert partition([p.evidence for p in parts], h.dim) is None
    energies = np.concatenate([p.energies for p in parts])
    assert np.abs(energies - np.linalg.eigvalsh(dense(h.matrix))).max() < 1e-9
    fewest = min(p.energies.size for p in parts)
    assert fewest > 0 or isinstance(model, Levy)


def test_an_interval_is_cut_too():
    h = hamiltonian_of(Imbrie(L=7))
    whole = solve(h, Interval(lower=-2.0, upper=1.5))
    parts = [solve(h, window) for window in energy_shells(h, Interval(lower=-2.0, upper=1.5), 3)]
    assert partition([p.evidence for p in parts]) is None
    assert np.allclose(np.concatenate([p.energies for p in parts]), whole.energies, atol=1e-10)


def test_every_way_of_not_being_whole_is_noticed():
    h = hamiltonian_of(Imbrie(L=6))
    windows = energy_shells(h, Whole(), 4)
    evidence = [solve(h, window).evidence for window in windows]
    assert partition(evidence, h.dim) is None
    assert "begins at" in partition(evidence[:1] + evidence[2:], h.dim)
    assert "space" in partition(evidence[:-1], h.dim)
    assert "not certified" in partition(
        [evidence[0], replace(evidence[1], complete="unverified"), *evidence[2:]], h.dim
    )
    overlapping = solve(h, Interval(lower=windows[1].lower - 0.3, upper=windows[1].upper)).evidence
    assert "begins at" in partition([evidence[0], overlapping, *evidence[2:]], h.dim)
    assert "space" in partition([replace(evidence[0], counted=evidence[0].counted + 1), *evidence[1:]], h.dim)


def job(L, shells):
    return {
        "model": {"name": "imbrie", "L": L},
        "spectrum": {"window": "whole", "engine": "shift-invert", "shells": shells},
        "measure": {"gap_ratio": {}},
    }


@pytest.mark.alone
@pytest.mark.petsc
def test_a_whole_spectrum_over_two_ranks_is_lapacks(tmp_path):
    """L = 11 in the long version: 4096 levels of thermometer and chain."""
    L, shells = (11, 24) if LONG else (8, 5)
    text = f"""
[model]
name = "imbrie"
L = {L}
[spectrum]
window = "whole"
engine = "shift-invert"
shells = {shells}
[measure.gap_ratio]
"""
    path, output = tmp_path / "job.toml", tmp_path / "out.h5"
    path.write_text(text)
    process = bigbath("run", path, "-o", output, ranks=2, timeout=1500)
    assert process.returncode == 0, process.stderr
    result = open_run(output)
    assert result.gaps() == {}
    assert len(result.tasks) == shells
    energies = np.concatenate([result.tasks[task].energy for task in sorted(result.tasks)])
    expected = np.linalg.eigvalsh(dense(hamiltonian_of(Imbrie(L=L)).matrix))
    assert energies.size == expected.size
    assert np.abs(energies - expected).max() < 1e-9
    assert result.dataset.sizes["energy_shell"] == shells
    damaged = replace(result, tasks={t: d for t, d in result.tasks.items() if t != Task(realization=0, shell=2)})
    assert list(damaged.gaps().values()) == ["shells are missing"]


@pytest.mark.petsc
def test_shells_in_symmetry_sectors(tmp_path):
    parsed = parse_job({**job(8, 3), "model": {"name": "ring", "N": 8}})
    assert run(parsed, tmp_path / "out.h5") == "done"
    assert open_run(tmp_path / "out.h5").gaps() == {}
