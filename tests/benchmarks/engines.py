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
import sys
import time

import numpy as np
import peers
import side_by_side
from side_by_side import Row, cells, markdown


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


def given(solver):
    """A peer that takes the matrix; the target is a little off zero, where SuperLU has no pivots."""

    def run(composite, h, k: int) -> dict:
        return without_energies(peers.timed(solver(h.matrix, 0.0, k), h.matrix, norm_of(h)))

    return run


def off_zero(solver):
    return given(lambda matrix, _, k: solver(matrix, 1e-7, k))


def norm_of(h) -> float:
    from bigbath.solvers.problem import spectral_extremes

    return max(map(abs, spectral_extremes(h)))


def without_energies(row: dict) -> dict:
    return {key: value for key, value in row.items() if key != "energies"}


def slepc_filter(composite, h, k: int) -> dict:
    """EPS Krylov-Schur with ST's Chebyshev-like filter on the interval where a Gaussian density has k states."""
    from bigbath.solvers.problem import spectral_extremes

    PETSc, SLEPc, matrix = peers.petsc_matrix(h.matrix)

    def solve() -> peers.Pairs:
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
        return *peers.converged(eps, matrix, eps.getConverged()), {}

    return without_energies(peers.timed(solve, h.matrix, norm_of(h)))


def quspin(composite, h, k: int) -> dict:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    terms = composite.system + composite.bath + composite.interaction
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    basis = spin_basis_general(h.sites, pauli=1)
    operator = hamiltonian(static, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False)
    solve = lambda: (*operator.eigsh(k=k, sigma=1e-7), {})  # noqa: E731
    return without_energies(peers.timed(solve, h.matrix, norm_of(h)))


#: Engine -> (function, spins up to which it is tried).
ENGINES = {
    "bigbath filter": (own(choice("Filter")), 20),
    "bigbath shift-invert": (own(choice("ShiftInvert")), 15),
    "bigbath shift-invert, certify = false": (own(choice("ShiftInvert", certify=False)), 16),
    "SLEPc + MUMPS": (given(peers.slepc_mumps), 16),
    "LAPACK": (own(choice("Dense")), 13),
    "SLEPc polynomial filter": (slepc_filter, 14),
    "quimb, SLEPc backend": (off_zero(peers.quimb_eigh), 14),
    "SciPy eigsh(sigma)": (off_zero(peers.scipy_eigsh), 14),
    "QuSpin eigsh(sigma)": (quspin, 14),
}


def line(row: Row) -> str:
    return markdown(cells(row, f"{'ring' if row['ring'] else 'T'}({row['spins']})"))


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
        side_by_side.answer(ENGINES[args.one][0](*system(sizes[0], ring), args.k[0]))
        return
    print(side_by_side.header(side_by_side.HEAD), flush=True)
    if args.table:
        rows = side_by_side.rows_of(args.table)
        print("\n".join(map(line, rows)))
        return
    problem = "--ring" if ring else "--spins"
    for spins in sizes:
        for k in args.k:
            for engine in args.engines:
                if spins > ENGINES[engine][1]:
                    print(f"{engine} is not tried beyond {ENGINES[engine][1]} spins", flush=True)
                    continue
                if engine.startswith("quimb") and not importlib.util.find_spec("quimb"):
                    print("quimb is not installed (pip install quimb)", flush=True)
                    continue
                name = {"engine": engine, "spins": spins, "k": k, "ring": ring}
                command = [sys.executable, __file__, "--one", engine, "--k", str(k), problem, str(spins)]
                side_by_side.repeated(name, command, limit=args.limit, repeat=args.repeat, file=args.json, line=line)


if __name__ == "__main__":
    main()
