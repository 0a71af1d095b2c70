"""What several test modules use: explicit matrices, random models, subprocesses."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring, disorder_stream
from bigbath.operators import build

ROOT = Path(__file__).parent.parent

PAULI = {
    "I": np.eye(2),
    "x": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "y": np.array([[0.0, -1.0j], [1.0j, 0.0]]),
    "z": np.diag([1.0, -1.0]),
}


def pauli_string(letters, sites, L):
    """The matrix of one Pauli string, by numpy.kron with site 0 leftmost."""
    factors = [PAULI["I"]] * L
    for letter, site in zip(letters, sites, strict=True):
        factors[site] = PAULI[letter]
    result = np.eye(1)
    for factor in factors:
        result = np.kron(result, factor)
    return result


def explicit(terms, L):
    """Sum of Pauli strings in the notation (letters, ((J, i, j), ...))."""
    total = np.zeros((2**L, 2**L), dtype=complex)
    for letters, couplings in terms:
        for J, *sites in couplings:
            total += J * pauli_string(letters, sites, L)
    return total


def dense(matrix):
    """A sparse or dense matrix as an array."""
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def matrix_of(model, part="H", *, seed=1, realization=0):
    """One part of a model as a dense array."""
    return dense(build(model.composite(disorder_stream(seed, realization)), part).matrix)


def hamiltonian_of(model, part="H", *, seed=1, realization=0):
    return build(model.composite(disorder_stream(seed, realization)), part)


def random_terms(stream, sites, strings, *, letters="xz", longest=3):
    """``strings`` random Pauli strings on ``sites``, in the notation of a job file."""
    terms = []
    for _ in range(strings):
        length = int(stream.integers(1, min(longest, len(sites)) + 1))
        word = "".join(stream.choice(list(letters), length))
        chosen = stream.permutation(sites)[:length]
        terms.append((word, ((float(stream.normal()), *(int(j) for j in chosen)),)))
    return tuple(terms)


def random_custom(stream, largest, *, letters="xz"):
    """A random spin model with a random field on each bath site."""
    L = int(stream.integers(4, largest + 1))
    S = int(stream.integers(1, 3))
    return Custom(
        L=L,
        system_sites=S,
        system=random_terms(stream, range(S), 2, letters=letters),
        bath=random_terms(stream, range(S, L), 2 * L, letters=letters),
        interaction=random_terms(stream, range(L), 4, letters=letters),
        disorder=(("z", "bath", -1.0, 1.0), ("x", "system", 0.1, 0.5)),
    )


KINDS = ("ring", "imbrie", "tfim", "levy", "custom")


def random_model(stream, kind, largest):
    """A model of one kind with random parameters and at most ``largest`` spins (Levy: 2 ** 7 states)."""
    n = int(stream.integers(5, largest + 1))
    u = lambda low, high: float(stream.uniform(low, high))  # noqa: E731
    if kind == "ring":
        return Ring(N=n, g=u(0.3, 1.5), h=u(-0.5, 0.5), boundary=str(stream.choice(["periodic", "open"])))
    if kind == "imbrie":
        return Imbrie(L=n - 1, W=u(0.5, 4), Gamma=u(0.2, 1.5), Delta=u(0.1, 2), g=u(0.05, 1))
    if kind == "tfim":
        return TFIM(L=n - 1, h=u(0.2, 2), Delta=u(0.1, 2), g=u(0.05, 1))
    if kind == "levy":
        return Levy(L=int(stream.integers(3, 7)), mu=u(0.6, 1.9), Delta=u(0.1, 2), g=u(0.05, 1))
    return random_custom(stream, largest)


def clean_environment(**more):
    """This process's variables without those that an MPI started in it has set.

    PMIx's shared-memory store is left out: a rank that ends while it holds its lock makes mpirun hang at its own end.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMIX_", "PRTE_", "OPAL_"))}
    path = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "PMIX_MCA_gds": "hash", **more}


def python(*arguments, cwd=None, timeout=120, **environment):
    """Run this Python on ``arguments``; returns the finished process with its text."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=timeout,
        env=clean_environment(**environment), check=False,
    )  # fmt: skip


def expected_window(window, energies, norm):
    """Indices of the states of a window in the sorted spectrum ``energies``: the documented rule, written independently.

    Levels within 256 machine epsilons times ||H|| are one multiplet, and so are equal distances from the target.
    """
    tie = 256 * np.finfo(float).eps * norm
    if window.kind == "interval":
        return np.flatnonzero((energies >= window.lower - tie) & (energies <= window.upper + tie))
    if window.kind == "whole":
        return np.arange(energies.size)
    if window.kind == "levels":
        targets = [(e, 1) for e in window.energies]
    elif window.kind == "density":
        targets = [(energies[0] + window.epsilon * (energies[-1] - energies[0]), window.k)]
    else:
        targets = [(window.target, window.k)]
    chosen = set()
    for target, k in targets:
        by_distance = np.argsort(np.abs(energies - target), kind="stable")
        distance = np.abs(energies - target)[by_distance]
        while k < energies.size and distance[k] - distance[k - 1] <= tie:
            k += 1
        chosen |= set(by_distance[:k].tolist())
    return np.array(sorted(chosen), dtype=int)


def assert_window(states, h, window):
    """The states are exactly LAPACK's on the whole matrix: energies, multiplicities, subspace, evidence."""
    energies, vectors = np.linalg.eigh(dense(h.matrix))
    norm = np.abs(energies).max()
    chosen = expected_window(window, energies, norm)
    assert states.energies.size == chosen.size
    assert np.abs(states.energies - energies[chosen]).max(initial=0) <= 1e-9 * max(1, norm)
    e = states.evidence
    assert e.complete == "yes", e.reason
    assert e.found == e.counted == chosen.size
    assert abs(e.norm - norm) <= 1e-9 * norm
    if not chosen.size:
        return
    V, reference = states.vectors(), vectors[:, chosen]
    residuals = np.linalg.norm(dense(h.matrix) @ V - V * states.energies, axis=0)
    assert residuals.max() <= 1e-10 * norm
    assert states.residuals.max() <= 1e-10 * norm
    assert np.abs(V.conj().T @ V - np.eye(chosen.size)).max() <= 1e-9
    others = np.setdiff1d(np.arange(energies.size), chosen)
    gap = np.abs(energies[others][:, None] - energies[chosen]).min(initial=norm)
    outside = V - reference @ (reference.conj().T @ V)
    assert np.linalg.norm(outside, 2) <= max(1e-9, 10 * np.linalg.norm(residuals) / gap)


def bigbath_command(*arguments, ranks=None):
    """Command line of bigbath, under mpirun with ``ranks`` ranks when given."""
    launcher = [] if ranks is None else ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
    return [*launcher, sys.executable, "-m", "bigbath.cli.main", *map(str, arguments)]


def one_thread(**more):
    """Environment of a process on a crowded machine."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return clean_environment(**threads, **more)


def mpirun(ranks, script, *arguments):
    """Run a script of tests on several ranks; it is told their number first. Returns the finished process with its text."""
    launcher = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    return subprocess.run(
        [*launcher, str(script), str(ranks), *arguments], capture_output=True, text=True, timeout=600,
        env=one_thread(OMPI_MCA_mpi_yield_when_idle="1"), check=False,  # more ranks than cores
    )  # fmt: skip


def bigbath(*arguments, ranks=None, timeout=180, **environment):
    """Run bigbath's command line; returns the finished process with its text."""
    return subprocess.run(
        bigbath_command(*arguments, ranks=ranks),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=one_thread(**environment),
        check=False,
    )


def assert_same_numbers(a, b, tolerance=None):
    """Two results hold the same tasks with the same variables: bitwise, or to ``tolerance`` of the largest entry."""
    assert [t.name for t in a.tasks] == [t.name for t in b.tasks]
    for task, x in a.tasks.items():
        y = b.tasks[task]
        assert set(x.variables) == set(y.variables)
        for name in x.variables:
            u, v = x[name].values, y[name].values
            if tolerance is None or u.dtype.kind not in "fc":
                assert u.dtype == v.dtype
                assert u.tobytes() == v.tobytes(), (task, name)
            else:
                assert np.allclose(u, v, rtol=0, atol=tolerance * max(1.0, np.abs(u).max(initial=0)), equal_nan=True), (
                    task,
                    name,
                )


def named_tests(text, folder):
    """(file, function) of every `file::function` in a cell of a table; files are in ``tests/folder`` unless they say otherwise."""
    found = []
    for name, function in re.findall(r"`([\w/]+)::(\w+)`", text):
        path = ROOT / "tests" / (f"{name}.py" if "/" in name else f"{folder}/{name}.py")
        assert path.exists(), f"{path} does not exist"
        known = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert function in known, f"{path.name} has no {function}"
        found.append((path, function))
    return found
