"""Mid-spectrum states at fixed magnetisation side by side: the random-field Heisenberg ring at S^z = 0.

    python tests/benchmarks/magnetisation.py [--L 12 14] [--W 1 5] [--k 100] [--epsilon 0.5] [--limit 600] [--repeat 1]
        [--engines NAME ...] [--json FILE] [--rust-python PYTHON] [--dacp-python PYTHON]
    python tests/benchmarks/magnetisation.py --table FILE              # Markdown of the rows in FILE, nothing is run

Each engine runs in a process of its own, one after the other, and is stopped after ``--limit`` seconds. "Solve" is the
search for the eigenpairs; every peer gets the sector's matrix, the target (which needs the ends of the spectrum) and, for
DACP, the interval for nothing, while bigbath's time holds the search for symmetries, ends and window, and its test for
completeness. "Process" is all from the start of Python on, memory its peak. Residuals are ||H v - E v|| in units of ||H||.
The last column compares the energies with those that bigbath's filter has certified for the same problem: levels missing
in the interval that both cover (+: more than there are), largest difference in units of ||H||. An engine that is hopeless
at a size (``Engine.largest``) is skipped with a note; rows that are in the JSON file already are not repeated.

Two peers need an environment of their own:
QMBED (Rust core, shift-invert in sectors; its package also installs modules named ``quspin``):
    python -m venv bench/qmbed && bench/qmbed/bin/pip install qmbed          --rust-python bench/qmbed/bin/python
DACP (energies only, arXiv 2011.02107; in an interval, here the one where a normal density of states has k levels):
    python -m venv bench/pydacp && bench/pydacp/bin/pip install pydacp       --dacp-python bench/pydacp/bin/python
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import peers
import scipy.sparse as sp
import side_by_side
from side_by_side import Row, cells, markdown

#: Master seed; the realization is 0.
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One realization, in a file that a process without bigbath can read.

    ``fields`` (L,): h_j of sum_j h_j S^z_j. ``ends``: of the sector's spectrum. ``target``: energy at the energy density.
    ``file``: also holds the sector's matrix, where a peer needs it.
    """

    L: int
    W: float
    epsilon: float
    fields: np.ndarray
    ends: tuple[float, float]
    file: Path

    @property
    def target(self) -> float:
        return self.ends[0] + self.epsilon * (self.ends[1] - self.ends[0])

    @property
    def norm(self) -> float:
        return max(map(abs, self.ends))

    @cached_property
    def matrix(self) -> sp.csr_array:
        with np.load(self.file) as saved:
            return sp.csr_array((saved["data"], saved["indices"], saved["indptr"]))

    @classmethod
    def drawn(cls, L: int, W: float, epsilon: float, file: Path, *, with_matrix: bool) -> "Problem":
        """Draw it, find the ends of its spectrum, and write ``file``."""
        import bigbath as bb
        from bigbath.solvers.problem import spectral_extremes

        composite = bb.draw(bb.XXZ(L=L, W=W), seed=SEED)
        h = bb.build(composite)
        (sector,) = bb.sectors(h, only={"magnetisation": 0})
        on_sites = {
            where[0]: 2 * c
            for letters, terms in (*composite.system, *composite.bath)
            if letters == "z"
            for c, *where in terms
        }
        made: dict[str, Any] = {
            "L": L, "W": W, "epsilon": epsilon,
            "fields": [on_sites[j] for j in range(L)],
            "ends": spectral_extremes(h, None, (sector,)),
        }  # fmt: skip
        if with_matrix:
            matrix = h.restricted(sector)
            made |= {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        np.savez(file, **made)
        return cls.read(file)

    @classmethod
    def read(cls, file: Path) -> "Problem":
        with np.load(file) as saved:
            low, high = saved["ends"].tolist()
            return cls(
                L=int(saved["L"]), W=float(saved["W"]), epsilon=float(saved["epsilon"]), fields=saved["fields"],
                ends=(low, high), file=file,
            )  # fmt: skip


def own(engine: str, problem: Problem, k: int, **options: object) -> Row:
    """An engine of bigbath."""
    import bigbath as bb

    h = bb.build(bb.draw(bb.XXZ(L=problem.L, W=problem.W), seed=SEED))
    window = bb.Density(epsilon=problem.epsilon, k=k)
    start = time.perf_counter()
    states = bb.solve(h, window, engine=getattr(bb, engine)(**options), sector={"magnetisation": 0})
    seconds, e = time.perf_counter() - start, states.evidence
    return {"seconds": seconds, "states": e.found, "residual": e.residual / e.norm, "complete": e.complete,
            "energies": np.sort(states.energies).tolist(), "products": e.iterations, "stages": e.seconds}  # fmt: skip


def with_matrix(solver: Any, problem: Problem, k: int) -> Row:
    """A peer that takes a sparse matrix."""
    return peers.timed(solver(problem.matrix, problem.target, k), problem.matrix, problem.norm)


def bonds(L: int) -> list[tuple[int, int]]:
    return [(j, (j + 1) % L) for j in range(L)]


def quspin(problem: Problem, k: int) -> Row:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    L = problem.L
    along = [["zz", [[1.0, *b] for b in bonds(L)]], ["z", [[h, j] for j, h in enumerate(problem.fields)]]]
    hops = [[letters, [[0.5, *b] for b in bonds(L)]] for letters in ("+-", "-+")]
    basis = spin_basis_general(L, Nup=L // 2, pauli=0)
    operator = hamiltonian(along + hops, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False)
    solve = lambda: (*operator.eigsh(k=k, sigma=problem.target), {})  # noqa: E731
    return peers.timed(solve, sp.csr_array(operator.tocsr()), problem.norm)


def qmbed(problem: Problem, k: int) -> Row:
    """Its native request; residuals are its own, so that no eigenvector has to leave the Rust core."""
    import qmbed

    def term(local: str, couplings: list) -> Any:
        letters = {"+": qmbed.LocalOperator.RAISING, "-": qmbed.LocalOperator.LOWERING, "z": qmbed.LocalOperator.Z}
        product = qmbed.OpProduct(tuple(letters[a] for a in local))
        return qmbed.OperatorSpec(product, tuple(qmbed.Coupling(c, tuple(where)) for c, *where in couplings))

    L = problem.L
    terms = [term(local, [(0.5, *b) for b in bonds(L)]) for local in ("+-", "-+")]
    terms += [
        term("zz", [(1.0, *b) for b in bonds(L)]),
        term("z", [(float(h), j) for j, h in enumerate(problem.fields)]),
    ]
    options = qmbed.EigshOptions(k, target="shift", shift=problem.target)
    start = time.perf_counter()
    found = qmbed.eigsh(qmbed.SpinBasis(L, up=L // 2), terms, options)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "states": len(found.eigenvalues), "residual": max(found.residuals) / problem.norm,
            "complete": "-", "energies": sorted(found.eigenvalues), "converged": found.converged}  # fmt: skip


def dacp(problem: Problem, k: int) -> Row:
    """Energies of the interval where a normal density of states has k levels."""
    from dacp import eigvalsh

    matrix = sp.csr_matrix(problem.matrix)
    D = matrix.shape[0]
    mean = matrix.diagonal().sum() / D
    variance = matrix.power(2).sum() / D - mean**2
    density = D * np.exp(-((problem.target - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    half = k / 2 / density
    start = time.perf_counter()
    energies = np.sort(eigvalsh(matrix, (problem.target - half, problem.target + half)))
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "states": energies.size,
        "residual": None,
        "complete": "-",
        "energies": energies.tolist(),
    }


@dataclass(frozen=True, kw_only=True)
class Engine:
    """``largest``: spins up to which it is tried. ``python``: the option that names its interpreter, "" for this one."""

    run: Any
    largest: int
    takes_matrix: bool = True
    python: str = ""


ENGINES = {
    "bigbath filter": Engine(run=partial(own, "Filter"), largest=24, takes_matrix=False),
    "bigbath shift-invert": Engine(run=partial(own, "ShiftInvert"), largest=18, takes_matrix=False),
    "SLEPc + MUMPS": Engine(run=partial(with_matrix, peers.slepc_mumps), largest=20),
    "quimb, SLEPc backend": Engine(run=partial(with_matrix, peers.quimb_eigh), largest=18),
    "SciPy eigsh(sigma)": Engine(run=partial(with_matrix, peers.scipy_eigsh), largest=16),
    "QuSpin eigsh(sigma)": Engine(run=quspin, largest=16),
    "QMBED eigsh(shift)": Engine(run=qmbed, largest=16, python="rust_python"),
    "DACP, energies only": Engine(run=dacp, largest=16, python="dacp_python"),
}


def beside(row: Row, rows: list[Row]) -> str:
    """Levels missing and largest difference beside the certified ones of the same problem."""
    problem = ("L", "W", "k", "epsilon")
    certified = [
        r for r in rows
        if r["engine"] == "bigbath filter" and r.get("complete") == "yes" and all(r[key] == row[key] for key in problem)
    ]  # fmt: skip
    if "failed" in row or not certified or not row["energies"]:
        return ""
    if row["engine"] == "bigbath filter":
        return "is the measure"
    levels, found = np.array(certified[0]["energies"]), np.array(row["energies"])
    rounding = (levels[-1] - levels[0]) / levels.size / 10  # a tenth of a spacing at the interval's ends
    low, high = max(levels[0], found[0]) - rounding, min(levels[-1], found[-1]) + rounding
    levels, found = levels[(low <= levels) & (levels <= high)], found[(low <= found) & (found <= high)]
    if not levels.size or not found.size:
        return "no common levels"
    difference = np.abs(found[:, None] - levels).min(axis=1).max() / certified[0]["norm"]
    more = found.size - levels.size
    return f"{f'+{more}' if more > 0 else -more}, {difference:.0e}"


def line(row: Row, rows: list[Row]) -> str:
    return markdown([*cells(row, f"L = {row['L']}, W = {row['W']:g}"), beside(row, rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--L", type=int, nargs="+", default=[12, 14])
    parser.add_argument("--W", type=float, nargs="+", default=[1.0, 5.0])
    parser.add_argument("--k", type=int, nargs="+", default=[100])
    parser.add_argument("--epsilon", type=float, default=0.5)
    parser.add_argument("--limit", type=float, default=600, help="seconds for one engine")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each engine")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--json", help="also append the rows to this file, a JSON object a line")
    parser.add_argument("--table", help="print the rows of this file as Markdown, run nothing")
    parser.add_argument("--rust-python", help="interpreter that has qmbed")
    parser.add_argument("--dacp-python", help="interpreter that has pydacp")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--problem", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        problem = Problem.read(args.problem)
        side_by_side.answer({"norm": problem.norm} | ENGINES[args.one].run(problem, args.k[0]))
        return
    print(side_by_side.header(f"{side_by_side.HEAD} missing, difference |"), flush=True)
    if args.table:
        rows = side_by_side.rows_of(args.table)
        rows.sort(key=lambda r: (r["L"], r["W"], r["k"], list(ENGINES).index(r["engine"])))
        print("\n".join(line(row, rows) for row in rows))
        return
    with tempfile.TemporaryDirectory() as scratch:
        for L in args.L:
            for W in args.W:
                compare(L, W, Path(scratch) / "problem.npz", args)


def interpreter(name: str, args: argparse.Namespace) -> str | None:
    """The Python that runs an engine; None, and a note, where there is none."""
    engine = ENGINES[name]
    found = getattr(args, engine.python) if engine.python else sys.executable
    if found is None:
        print(f"{name}: say where it is installed, --{engine.python.replace('_', '-')} (see --help)", flush=True)
    elif name.startswith("quimb") and not importlib.util.find_spec("quimb"):
        print("quimb is not installed (pip install quimb)", flush=True)
        return None
    return found


def compare(L: int, W: float, file: Path, args: argparse.Namespace) -> None:
    """All engines on one realization."""
    chosen = {}
    for name in args.engines:
        if ENGINES[name].largest < L:
            print(f"{name} is not tried beyond {ENGINES[name].largest} spins", flush=True)
        elif python := interpreter(name, args):
            chosen[name] = python
    if not chosen:
        return
    Problem.drawn(L, W, args.epsilon, file, with_matrix=any(ENGINES[name].takes_matrix for name in chosen))
    rows = side_by_side.rows_of(args.json)

    def shown(row: Row) -> str:
        rows.append(row)
        return line(row, rows)

    for k in args.k:
        for name, python in chosen.items():
            identity = {"engine": name, "L": L, "W": W, "k": k, "epsilon": args.epsilon}
            command = [python, __file__, "--one", name, "--k", str(k), "--problem", str(file)]
            side_by_side.repeated(identity, command, limit=args.limit, repeat=args.repeat, file=args.json, line=shown)


if __name__ == "__main__":
    main()
