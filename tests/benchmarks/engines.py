"""Central eigenstates side by side: bigbath's engines, SLEPc's polynomial filter, SciPy, QuSpin and quimb.

    python tests/benchmarks/engines.py [--spins 12 13] [--k 100] [--limit 600] [--engines NAME ...] [--json FILE]
    python tests/benchmarks/engines.py --ring 15 --k 100                 # the entropy paper's ring instead of T(L)
    python tests/benchmarks/engines.py --table FILE                      # Markdown of the rows in FILE; engines_figure.py draws them

T(L) is the Imbrie model of L spins in all (dimension 2^L), target E = 0. Each engine runs in a process of its own, one
after the other, and is stopped after ``--limit`` seconds; times are those of the solve (the Hamiltonian is built before)
and of the whole process, memory is the process's peak. Residuals are ||H v - E v|| in units of ||H||. An engine that is
hopeless at a size (``LARGEST`` spins) is skipped with a note. Rows that are in the JSON file already are not repeated.
"""

import argparse
import importlib.util
import json
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np


def system(spins: int, ring: bool):
    from bigbath.models import Imbrie, Ring, disorder_stream
    from bigbath.operators import build

    composite = (Ring(N=spins) if ring else Imbrie(L=spins - 1)).composite(disorder_stream(1, 0))
    return composite, build(composite)


def own(engine):
    """A bigbath engine, by its choice."""

    def run(composite, h, k: int) -> dict:
        from bigbath import Nearest, solve

        start = time.perf_counter()
        e = solve(h, Nearest(target=0.0, k=k), engine=engine(), symmetries=()).evidence
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "states": e.found, "residual": e.residual / e.norm, "complete": e.complete,
                "products": e.iterations, "stages": e.seconds}  # fmt: skip

    return run


def choice(name: str, **options):
    def make():
        import bigbath

        return getattr(bigbath, name)(**options)

    return make


def converged(eps, matrix, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies (pairs,) and vectors (D, pairs) that SLEPc has found."""
    v = matrix.createVecRight()
    energies, vectors = np.empty(pairs), np.empty((v.getSize(), pairs), order="F")
    for i in range(pairs):
        energies[i] = eps.getEigenpair(i, v).real
        vectors[:, i] = v.getArray(readonly=True)
    return energies, vectors


def slepc_filter(composite, h, k: int) -> dict:
    """EPS Krylov-Schur with ST's Chebyshev-like filter on the interval where a Gaussian density has k states."""
    from bigbath.solvers import petsc
    from bigbath.solvers.problem import spectral_extremes

    PETSc, SLEPc = petsc.load()
    matrix = petsc.DistributedMatrix.build(h.matrix, None).petsc
    start = time.perf_counter()
    lowest, highest = spectral_extremes(h)
    sigma = np.sqrt(h.matrix.power(2).sum() / h.dim)
    half = k / 2 * np.sqrt(2 * np.pi) * sigma / h.dim
    eps = SLEPc.EPS().create(PETSc.COMM_SELF)
    eps.setOperators(matrix)
    eps.setProblemType(SLEPc.EPS.ProblemType.HEP)
    eps.setWhichEigenpairs(SLEPc.EPS.Which.ALL)
    eps.setInterval(-half, half)
    eps.setDimensions(nev=k, ncv=2 * k)
    eps.setTolerances(1e-10, 1000)
    st = eps.getST()
    st.setType("filter")
    st.setFilterInterval(-half, half)
    st.setFilterRange(lowest * 1.001, highest * 1.001)
    st.setFilterDegree(int(3 * (highest - lowest) / (2 * half)))
    eps.solve()
    return checked(start, h, *converged(eps, matrix, eps.getConverged()))


def slepc_mumps(composite, h, k: int) -> dict:
    """EPS Krylov-Schur with shift-invert by MUMPS's LDL^T, everything else as it comes."""
    from bigbath.solvers import petsc

    PETSc, SLEPc = petsc.load()
    matrix = petsc.DistributedMatrix.build(h.matrix, None).petsc
    matrix.setOption(PETSc.Mat.Option.SYMMETRIC, True)
    start = time.perf_counter()
    eps = SLEPc.EPS().create(PETSc.COMM_SELF)
    eps.setOperators(matrix)
    eps.setProblemType(SLEPc.EPS.ProblemType.HEP)
    eps.setWhichEigenpairs(SLEPc.EPS.Which.TARGET_MAGNITUDE)
    eps.setTarget(0.0)
    eps.setDimensions(nev=k)
    eps.setTolerances(1e-10, 1000)
    st = eps.getST()
    st.setType("sinvert")
    pc = st.getKSP().getPC()
    pc.setType("cholesky")
    pc.setFactorSolverType("mumps")
    st.getKSP().setType("preonly")
    eps.setUp()
    factorised = time.perf_counter() - start
    eps.solve()
    return checked(start, h, *converged(eps, matrix, min(eps.getConverged(), k))) | {
        "stages": {"factorisation": factorised}
    }


def scipy(composite, h, k: int) -> dict:
    import scipy.sparse.linalg

    matrix = h.matrix.tocsc()
    start = time.perf_counter()
    energies, vectors = scipy.sparse.linalg.eigsh(matrix, k=k, sigma=1e-7)
    return checked(start, h, energies, vectors)


def quspin(composite, h, k: int) -> dict:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    terms = composite.system + composite.bath + composite.interaction
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    basis = spin_basis_general(h.sites, pauli=1)
    operator = hamiltonian(static, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False)
    start = time.perf_counter()
    energies, vectors = operator.eigsh(k=k, sigma=1e-7)
    return checked(start, h, energies, vectors)


def quimb(composite, h, k: int) -> dict:
    import quimb
    import scipy.sparse as sp

    matrix = sp.csr_matrix(h.matrix)
    start = time.perf_counter()
    energies, vectors = quimb.eigh(matrix, k=k, sigma=1e-7, backend="slepc-nompi")
    return checked(start, h, np.asarray(energies), np.asarray(vectors))


def checked(start: float, h, energies, vectors) -> dict:
    seconds = time.perf_counter() - start
    residual = np.linalg.norm(h.matrix @ vectors - vectors * energies, axis=0).max(initial=0)
    from bigbath.solvers.problem import spectral_extremes

    norm = max(map(abs, spectral_extremes(h)))
    return {"seconds": seconds, "states": energies.size, "residual": residual / norm, "complete": "-"}


def measured(command: list[str], limit: float) -> dict:
    """The row that the process prints, or why there is none: its last word, or its memory when it was stopped."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**20
        process.kill()
        process.communicate()
        return {"failed": f"stopped after {limit:.0f} s, {peak:.2f} GB", "peak_GB": peak}
    if process.returncode:
        return {"failed": (err.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads(out.strip().splitlines()[-1]) | {"process_seconds": time.perf_counter() - start}


#: Engine -> (function, spins up to which it is tried).
ENGINES = {
    "bigbath filter": (own(choice("Filter")), 20),
    "bigbath shift-invert": (own(choice("ShiftInvert")), 15),
    "bigbath shift-invert, certify = false": (own(choice("ShiftInvert", certify=False)), 16),
    "SLEPc + MUMPS": (slepc_mumps, 16),
    "LAPACK": (own(choice("Dense")), 13),
    "SLEPc polynomial filter": (slepc_filter, 14),
    "quimb, SLEPc backend": (quimb, 14),
    "SciPy eigsh(sigma)": (scipy, 14),
    "QuSpin eigsh(sigma)": (quspin, 14),
}


def line(row: dict) -> str:
    where = f"{'ring' if row['ring'] else 'T'}({row['spins']})"
    if "failed" in row:
        return f"| {row['engine']} | {where} | {row['k']} | {row['failed']} | | | | |"
    whole = f"{row['process_seconds']:.1f}" if "process_seconds" in row else ""
    return (f"| {row['engine']} | {where} | {row['k']} | {row['seconds']:.2f} | {whole} | {row['peak_GB']:.2f} "
            f"| {row['states']}, {row['residual']:.0e} | {row['complete']} |")  # fmt: skip


HEAD = (
    "| engine | problem | k | solve / s | process / s | peak / GB | states, residual | complete |\n" + "|---" * 8 + "|"
)


def rows_of(file: str | None) -> list[dict]:
    path = pathlib.Path(file) if file else None
    return [json.loads(text) for text in path.read_text().splitlines()] if path and path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spins", type=int, nargs="+", default=[12, 13])
    parser.add_argument("--ring", type=int, nargs="+", help="rings of so many spins instead of T(L)")
    parser.add_argument("--k", type=int, nargs="+", default=[100])
    parser.add_argument("--limit", type=float, default=600, help="seconds for one engine")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each engine")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--json", help="also append the rows to this file, a JSON object a line")
    parser.add_argument("--table", help="print the rows of this file as Markdown, run nothing")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes, ring = args.ring or args.spins, bool(args.ring)
    if args.one:
        row = ENGINES[args.one][0](*system(sizes[0], ring), args.k[0])
        row["peak_GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps(row))
        return
    print(HEAD, flush=True)
    if args.table:
        rows = rows_of(args.table)
        print("\n".join(map(line, rows)))
        return
    for spins in sizes:
        for k in args.k:
            for engine in args.engines:
                name = {"engine": engine, "spins": spins, "k": k, "ring": ring}
                done = sum(name.items() <= row.items() for row in rows_of(args.json))
                if spins > ENGINES[engine][1]:
                    print(f"{engine} is not tried beyond {ENGINES[engine][1]} spins", flush=True)
                    continue
                if engine.startswith("quimb") and not importlib.util.find_spec("quimb"):
                    print("quimb is not installed (pip install quimb)", flush=True)
                    continue
                command = [
                    sys.executable,
                    __file__,
                    "--one",
                    engine,
                    "--k",
                    str(k),
                    "--ring" if ring else "--spins",
                    str(spins),
                ]
                for _ in range(args.repeat - done):
                    row = name | measured(command, args.limit)
                    print(line(row), flush=True)
                    if args.json:
                        with open(args.json, "a") as file:
                            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
