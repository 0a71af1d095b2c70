"""The filter's Chebyshev kernel beside SciPy's CSR product, QuSpin's and the same loop in C; memory per MPI rank.

    python tests/benchmarks/filter.py kernel --spins 12 14 16
    python tests/benchmarks/filter.py ranks --spins 16 --ranks 1 2 4 [--model imbrie|xxz] [--epsilon 0.3]

Rates are matrix entries (a diagonal and one a flip, times the dimension) a second of processor time on one core, so
that other work on the machine hardly counts; bandwidths are those of copies that fit into cache, and that do not. The C
loop needs gcc. Ranks: peak memory of each, above that after a small solve (libraries and compiler loaded) and in all.
"""

import argparse
import ctypes
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

C_LOOP = """
void step(double *restrict v0, const double *restrict v1, const double *restrict d, double c, int sites) {
    long n = 1L << sites;
    for (long first = 0; first < n; first += 8) {
        double sum[8];
        for (int l = 0; l < 8; l++) sum[l] = v1[first + (l ^ 1)] + v1[first + (l ^ 2)] + v1[first + (l ^ 4)];
        for (int b = 3; b < sites; b++) {
            const double *other = v1 + (first ^ (1L << b));
            for (int l = 0; l < 8; l++) sum[l] += other[l];
        }
        for (int l = 0; l < 8; l++) v0[first + l] = d[first + l] * v1[first + l] + c * sum[l] - v0[first + l];
    }
}
"""


def imbrie(spins: int):
    from bigbath.models import Imbrie, disorder_stream
    from bigbath.operators import build

    return build(Imbrie(L=spins - 1).composite(disorder_stream(1, 0)))


def xxz(spins: int):
    from bigbath.models import XXZ, disorder_stream
    from bigbath.operators import build

    return build(XXZ(L=spins, W=1.0).composite(disorder_stream(1, 0)))


#: Name -> Hamiltonian, sector, spins of a small solve.
MODELS = {"imbrie": (imbrie, None, 10), "xxz": (xxz, {"magnetisation": 0}, 12)}


def best(call, work: float) -> float:
    """Entries a second of processor time, the best of five."""
    call()
    times = []
    for _ in range(5):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return work / min(times)


def kernels(spins: int) -> None:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    from bigbath.chebyshev import Recurrence
    from bigbath.kernels import chebyshev
    from bigbath.operators import FlipOperator, Scale, flips
    from bigbath.solvers.problem import spectral_extremes

    h = imbrie(spins)
    free = flips(h.terms, h.sites)
    steps = 2 * max(1, int(3e8 / free.entries))
    x = np.random.default_rng(0).standard_normal((free.dim, 1))
    scale = Scale.of(spectral_extremes(h))
    recurrence = Recurrence(FlipOperator(free, scale), x)
    parts, chebyshev._LOWER_BITS = chebyshev._LOWER_BITS, spins  # no vector is large
    chebyshev._compiled.cache_clear()
    one_pass = Recurrence(FlipOperator(free, scale), x)
    chebyshev._LOWER_BITS = parts
    chebyshev._compiled.cache_clear()
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in h.terms]
    basis = spin_basis_general(h.sites, pauli=1)
    operator = hamiltonian(static, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False)
    rates = {
        "bigbath step": best(lambda: recurrence.advance(steps), steps * free.entries),
        "in one pass": best(lambda: one_pass.advance(steps), steps * free.entries),
        "bigbath step + sum": best(lambda: recurrence.advance(steps, np.full(steps, 1e-3)), steps * free.entries),
        "SciPy CSR product": best(lambda: [h.matrix @ x[:, 0] for _ in range(steps // 2)], steps // 2 * h.matrix.nnz),
        "QuSpin product": best(lambda: [operator.dot(x[:, 0]) for _ in range(steps // 2)], steps // 2 * h.matrix.nnz),
    }
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/loop.c", "w") as file:
            file.write(C_LOOP)
        flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, f"{folder}/loop.c", "-o", f"{folder}/loop.so"], check=True)
        step = ctypes.CDLL(f"{folder}/loop.so").step
        v0, v1, d = (np.random.default_rng(1).standard_normal(free.dim) / spins / 2 for _ in range(3))
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (v0, v1, d)]
        swapped = [pointers[1], pointers[0], pointers[2]]

        def loop() -> None:
            for i in range(steps):
                step(*(pointers if i % 2 == 0 else swapped), ctypes.c_double(0.5 / spins), spins)

        rates["C, the plain loop"] = best(loop, steps * free.dim * (1 + spins))
    print(f"L={spins}: " + ", ".join(f"{name} {rate / 1e9:.1f}e9" for name, rate in rates.items()), flush=True)


def bandwidth() -> None:
    for name, size in (("cache (256 kB)", 2**15), ("memory (512 MB)", 2**26)):
        a, b = np.ones(size), np.zeros(size)
        rate = best(lambda a=a, b=b, n=2**27 // size: [np.copyto(b, a) for _ in range(n)], 16 * 2**27)
        print(f"copy in {name}: {rate / 1e9:.1f} GB/s read and written", flush=True)


def rank(model: str, spins: int, k: int, epsilon: float | None) -> None:
    """One of the ranks, inside mpirun."""
    from mpi4py import MPI

    from bigbath import Density, Filter, Nearest, solve

    build, sector, small = MODELS[model]
    comm, h = MPI.COMM_WORLD, build(spins)
    window = Nearest(target=0.0, k=k) if epsilon is None else Density(epsilon=epsilon, k=k)
    # loads LLVM, BLAS and MPI
    solve(build(small), Nearest(target=0.0, k=10), engine=Filter(), sector=sector, comm=comm)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    states = solve(h, window, engine=Filter(), sector=sector, comm=comm)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak, above = (max(comm.allgather(kilobytes / 1024)) for kilobytes in (peak, peak - before))
    if comm.rank == 0:
        e = states.evidence
        print(f"{model}, {spins} spins, k={k}, {comm.size} rank(s): {above:.0f} MB a rank above a small solve, {peak:.0f} MB in all, {time.perf_counter() - start:.1f} s, "
              f"{e.found} states, residual {e.residual / e.norm:.0e} ||H||, complete {e.complete}, "
              f"sum of energies {states.energies.sum():.12f}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kernel", "ranks", "rank"])
    parser.add_argument("--spins", type=int, nargs="+", default=[12, 14])
    parser.add_argument("--model", choices=MODELS, default="imbrie")
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--epsilon", type=float, help="energy density; absent: E = 0")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    args = parser.parse_args()
    if args.what == "kernel":
        bandwidth()
    for spins in args.spins:
        if args.what == "kernel":
            kernels(spins)
        elif args.what == "rank":
            rank(args.model, spins, args.k, args.epsilon)
        else:
            for ranks in args.ranks:
                mpirun = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
                own = [sys.executable, "-m", "mpi4py", str(Path(__file__)), "rank"]
                options = ["--model", args.model, "--spins", str(spins), "--k", str(args.k)]
                options += [] if args.epsilon is None else ["--epsilon", str(args.epsilon)]
                subprocess.run([*mpirun, *own, *options], check=True)


if __name__ == "__main__":
    main()
