"""A user's own matrices for S, B and V: spectra against LAPACK, identity by content, mistakes told before the work."""

import os

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense, matrix_of

import bigbath as bb
from bigbath.cluster.estimate import estimate
from bigbath.errors import BigbathError, FileError, ImpossibleRequest, JobError
from bigbath.job import job_hash, load_job, parse_job, resolved


def hermitian(stream, n, imaginary, density=0.3):
    a = stream.standard_normal((n, n)) + 1j * imaginary * stream.standard_normal((n, n))
    a *= stream.random((n, n)) < density
    a = a + a.conj().T
    return a if imaginary else a.real


def save(path, matrix):
    if path.suffix == ".npz":
        sp.save_npz(path, sp.csr_array(matrix))
    else:
        scipy.io.mmwrite(path, sp.coo_array(matrix))


JOB = """
[model]
name = "matrices"
{model}
[spectrum]
window = "whole"
engine = "{engine}"
{more}
"""


def write(directory, model, engine="auto", more=""):
    path = directory / "job.toml"
    path.write_text(JOB.format(model=model, engine=engine, more=more))
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mtx"])
@pytest.mark.parametrize("imaginary", [0, 1])
@pytest.mark.parametrize("engine", ["dense", "filter", "shift-invert"])
def test_every_engine_takes_a_file(suffix, imaginary, engine, tmp_path, monkeypatch):
    """S, B and V real or complex, as a whole V and as pairs; the path is relative to the job file."""
    stream = np.random.default_rng(imaginary)
    (tmp_path / "data").mkdir()
    S, B, V = (hermitian(stream, n, imaginary) for n in (2, 60, 120))
    pairs = [(hermitian(stream, 2, imaginary, 1.0), hermitian(stream, 60, imaginary)) for _ in range(2)]
    for name, matrix in {
        "S": S,
        "B": B,
        "V": V,
        "a": pairs[0][0],
        "b": pairs[0][1],
        "c": pairs[1][0],
        "d": pairs[1][1],
    }.items():
        save(tmp_path / "data" / f"{name}{suffix}", matrix)
    H0 = np.kron(S, np.eye(60)) + np.kron(np.eye(2), B)
    listed = ", ".join(f'["data/{a}{suffix}", "data/{b}{suffix}"]' for a, b in ("ab", "cd"))
    monkeypatch.chdir("/")
    for interaction, matrix in (
        (f'"data/V{suffix}"', V), (f"[{listed}]", sum(np.kron(a, b) for a, b in pairs)),
    ):  # fmt: skip
        text = f'system = "data/S{suffix}"\nbath = "data/B{suffix}"\ninteraction = {interaction}\ng = 0.5'
        job = load_job(write(tmp_path, text, engine))
        H = H0 + 0.5 * matrix
        assert np.abs(matrix_of(job.model) - H).max() < 1e-13
        assert np.abs(matrix_of(job.model, "B") - B).max() < 1e-13
        window = {"kind": "nearest", "target": 0.1, "k": 7} if engine != "dense" else "whole"
        states = bb.solve(bb.build(bb.draw(job.model)), window, engine=engine)
        assert states.evidence.complete == "yes"
        expected = np.linalg.eigvalsh(H)
        if engine != "dense":
            expected = np.sort(expected[np.argsort(np.abs(expected - 0.1))[:7]])
        assert np.abs(states.energies - expected).max() < 1e-10


def test_measurements_of_product_states(tmp_path):
    """p_n of a composite of matrices is that of the same spins."""
    ring = bb.draw(bb.Ring(N=6))
    for name in "SBV":
        save(tmp_path / f"{name}.npz", bb.build(ring, name).matrix)
    sections = {
        "spectrum": {"window": "whole"},
        "bath": {"window": "whole"},
        "measure": {"distribution": {}, "entanglement": {}},
    }
    model = {"name": "matrices", **{k: str(tmp_path / f"{k[0].upper()}.npz") for k in ("system", "bath")}}
    model["interaction"] = str(tmp_path / "V.npz")
    ours = bb.run(bb.Job(model=model, **sections)).dataset
    theirs = bb.run(bb.Job(model=bb.Ring(N=6), **sections)).dataset
    for name in ("energy", "bath_energy"):
        assert np.abs(ours[name].values - theirs[name].values).max() < 1e-12
    E = np.sort(theirs.energy.values.ravel())
    single = (np.diff(E, prepend=-np.inf) > 1e-6) & (np.diff(E, append=np.inf) > 1e-6)
    assert single.sum() > 10
    assert np.abs(ours.entanglement.values.ravel() - theirs.entanglement.values.ravel())[single].max() < 1e-9


def test_matrices_in_memory():
    stream = np.random.default_rng(3)
    S, B, V = hermitian(stream, 3, 0), hermitian(stream, 7, 1), hermitian(stream, 21, 0)
    for wrap in (sp.csr_array, sp.coo_matrix, np.asarray):
        h = bb.build(bb.composite_of(system=wrap(S), bath=wrap(B), interaction=wrap(V)))
        assert np.abs(dense(h.matrix) - (np.kron(S, np.eye(7)) + np.kron(np.eye(3), B) + V)).max() < 1e-14
    alone = bb.build(bb.composite_of(bath=B))
    assert np.abs(bb.solve(alone, "whole").energies - np.linalg.eigvalsh(B)).max() < 1e-12
    for wrong, words in (
        ({"bath": B + np.triu(np.ones((7, 7)), 1)}, "bath is not Hermitian: entry"),
        ({"bath": np.full((3, 3), np.inf)}, "not finite"),
        ({"bath": np.ones((3, 4))}, "square"),
        ({"bath": "b"}, "bath"),
        ({"bath": B, "system": S, "interaction": V[:20, :20]}, "20 rows"),
        ({"bath": B, "system": S, "interaction": [(S, S)]}, r"interaction\.0 is of 3 x 3"),
        ({"bath": B, "system": S, "interaction": [S]}, r"interaction\.0 must be a pair"),
    ):
        with pytest.raises(JobError, match=words):
            bb.composite_of(**wrong)


def test_a_file_is_its_content(tmp_path):
    """Another content is another job, another place is not; a stored job is read without its files."""
    stream = np.random.default_rng(0)
    save(tmp_path / "b.npz", hermitian(stream, 8, 0))
    first = load_job(write(tmp_path, 'bath = "b.npz"'))
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "other.npz").write_bytes((tmp_path / "b.npz").read_bytes())
    assert job_hash(load_job(write(tmp_path / "moved", 'bath = "other.npz"'))) == job_hash(first)
    result = bb.run(first, tmp_path / "r.h5")
    (tmp_path / "again.toml").write_text(first.to_toml())
    assert load_job(tmp_path / "again.toml") == first
    save(tmp_path / "b.npz", hermitian(stream, 8, 0))
    second = load_job(tmp_path / "job.toml")
    assert job_hash(second) != job_hash(first)
    with pytest.raises(FileError, match=r"another job|belongs"):
        bb.run(second, tmp_path / "r.h5")
    with pytest.raises(FileError, match="has changed since"):
        bb.run(first)
    with pytest.raises(JobError, match=r"model\.bath: .* has changed"):
        load_job(tmp_path / "again.toml")
    (tmp_path / "b.npz").unlink()
    assert parse_job(resolved(first)) == first
    assert np.array_equal(bb.open_result(tmp_path / "r.h5").dataset.energy, result.dataset.energy)
    with pytest.raises(JobError, match=r"model\.bath: cannot read the matrix file .*b\.npz: No such file"):
        load_job(tmp_path / "job.toml")
    with pytest.raises(JobError, match="cannot read the matrix file"):
        bb.Matrices(bath="b.npz")


def test_a_strength_is_swept_a_file_is_not(tmp_path):
    stream = np.random.default_rng(1)
    S, B, V = (hermitian(stream, n, 0, 1.0) for n in (2, 5, 10))
    for name, matrix in (("S", S), ("B", B), ("V", V)):
        save(tmp_path / f"{name}.mtx", matrix)
    text = 'system = "S.mtx"\nbath = "B.mtx"\ninteraction = "V.mtx"'
    result = bb.run(load_job(write(tmp_path, text, more="[sweep]\nmodel.g = [0.0, 2.0]")))
    for task, dataset in result.tasks.items():
        H = np.kron(S, np.eye(5)) + np.kron(np.eye(2), B) + [0.0, 2.0][task.point] * V
        assert np.abs(dataset.energy - np.linalg.eigvalsh(H)).max() < 1e-12
    with pytest.raises(JobError, match=r"model\.bath: a file cannot be swept"):
        load_job(write(tmp_path, text, more='[sweep]\nmodel.bath = ["B.mtx"]'))


def test_wrong_files_are_told_before_the_work(tmp_path, monkeypatch):
    stream = np.random.default_rng(2)
    B = hermitian(stream, 6, 1, 1.0)
    broken, infinite = B.copy(), B.copy()
    broken[1, 2] += 1e-3
    infinite[3, 3] = np.nan
    save(tmp_path / "broken.npz", broken)
    save(tmp_path / "infinite.mtx", infinite)
    save(tmp_path / "long.npz", np.ones((2, 3)))
    save(tmp_path / "good.npz", B)
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    np.savez(tmp_path / "pickle.npz", shape=np.array([object()], dtype=object))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "text.mtx").write_text("no matrix")
    head = "%%MatrixMarket matrix coordinate real general\n"
    (tmp_path / "huge.mtx").write_text(f"{head}5000000000 5000000000 1\n1 1 1.0\n")
    (tmp_path / "many.mtx").write_text(f"{head}3 3 90000000000000\n1 1 1.0\n")
    (tmp_path / "short.mtx").write_text(f"{head}3 3 2\n1 1 1.0\n")
    monkeypatch.setattr("bigbath.cluster.realize.Solver.solve", None)
    for name, error, words in (
        ("broken.npz", JobError, r"broken\.npz is not Hermitian: entry \((1, 2|2, 1)\).* differs by 0\.001"),
        ("infinite.mtx", JobError, "not finite"),
        ("long.npz", JobError, "must be square, not 2 x 3"),
        ("other.npz", FileError, "does not hold a sparse matrix"),
        ("pickle.npz", FileError, "does not hold a sparse matrix"),
        ("text.npz", FileError, "does not hold a sparse matrix"),
        ("text.mtx", FileError, "does not hold a sparse matrix"),
        ("short.mtx", FileError, "does not hold a sparse matrix"),
        ("huge.mtx", JobError, "must be square|at most"),
        ("many.mtx", ImpossibleRequest, r"many\.mtx .* needs"),
    ):
        job = load_job(write(tmp_path, f'bath = "{name}"'))
        for call in (bb.run, estimate):
            with pytest.raises(error, match=words):
                call(job)
    for model, words in (
        ('bath = "absent.npz"', r"model\.bath: cannot read the matrix file .*absent\.npz"),
        ('bath = "job.toml"', r"model\.bath: .* is neither a SciPy file"),
        ("bath = 3", r"model\.bath: must be a table with the keys path, sha256, got 3"),
        ('baht = "good.npz"', r"model\.baht: unknown key; did you mean 'bath'"),
        ('bath = "good.npz"\ninteraction = ["good.npz"]', r"model\.interaction\.0"),
        ('bath = { path = "good.npz", sha256 = "0" }', r"model\.bath: .* has changed"),
        ('bath = { paht = "good.npz" }', r"model\.bath\.paht: unknown key; did you mean 'path'"),
    ):
        with pytest.raises(JobError, match=words):
            load_job(write(tmp_path, model))


@given(st.binary(max_size=40), st.integers(0, 10**6), st.sampled_from([".npz", ".mtx"]))
@settings(max_examples=500 if os.environ.get("BIGBATH_LONG") else 40)
def test_damaged_files_are_one_clear_error(tmp_path_factory, noise, place, suffix):
    directory = tmp_path_factory.mktemp("damaged")
    path = directory / f"b{suffix}"
    B = hermitian(np.random.default_rng(4), 6, 1)
    save(path, B)
    content = path.read_bytes()
    place %= len(content)
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    try:
        matrix = matrix_of(bb.Matrices(bath=str(path)))
    except BigbathError as error:
        assert path.name in str(error)
    else:
        assert np.abs(matrix - matrix.conj().T).max() <= 1e-12 * np.abs(matrix).max(initial=0)
