"""Every example of docs/custom.md is run."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from support import dense

import bigbath as bb

PAGE = (Path(__file__).parents[2] / "docs" / "custom.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("toml"))))
def test_job_files_run(number, tmp_path):
    sp.save_npz(tmp_path / "bath.npz", sp.csr_array(np.diag([0.1, 0.5, 0.9])))
    sp.save_npz(tmp_path / "v.npz", sp.csr_array(np.ones((6, 6))))
    (tmp_path / "system.mtx").write_text("%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 1 0.3\n")
    (tmp_path / "job.toml").write_text(blocks("toml")[number])
    result = bb.run(tmp_path / "job.toml")
    assert len(result.tasks) == (8, 1)[number]


def run(marker):
    (code,) = [block for block in blocks("python") if marker in block]
    names = {}
    exec(code, names)
    return names


def test_python_examples_run():
    assert run("bb.Strings")["states"].energies.size == 256
    assert run("composite_of")["states"].energies.size == 200


def test_the_quspin_example_is_its_sector():
    from quspin.basis import spin_basis_1d
    from quspin.operators import hamiltonian

    names = run("static = ")
    basis = spin_basis_1d(names["L"], pauli=True, kblock=0, pblock=1)
    theirs = hamiltonian(names["static"], [], basis=basis, dtype=np.float64).toarray()
    assert np.abs(names["states"].energies - np.linalg.eigvalsh(theirs)).max() < 1e-12


def test_the_fermions_are_free_without_their_interaction():
    """Many-body energies are the sums over the occupied levels of the hopping matrix."""
    names = run("fermions = ")
    model, t1, t2 = names["fermions"], names["t1"], names["t2"]
    free = bb.Custom(L=6, pauli=-1, terms=model.terms[:2])
    hops = -t1 * (np.eye(6, k=1) + np.eye(6, k=-1)) - t2 * (np.eye(6, k=2) + np.eye(6, k=-2))
    levels = np.linalg.eigvalsh(hops)
    sums = [sum(levels[k] for k in range(6) if n >> k & 1) for n in range(64)]
    assert np.abs(np.linalg.eigvalsh(dense(bb.build(bb.draw(free)).matrix)) - np.sort(sums)).max() < 1e-12
    interacting = dense(bb.build(bb.draw(model)).matrix) - dense(bb.build(bb.draw(free)).matrix)
    pairs = [0.5 * sum((n >> k & 3) == 0 for k in range(5)) for n in range(64)]  # a bit is 0 where the spin is up
    assert np.abs(interacting - np.diag(pairs)).max() < 1e-14
