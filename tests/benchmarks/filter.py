"""Filter engine: T(L) whole solves, and the Chebyshev kernel beside SciPy's CSR product and the same loop in C.

    python tests/benchmarks/filter.py solve --spins 14 16 --k 100
    python tests/benchmarks/filter.py kernel --spins 12 14 16

Rates are matrix entries (a diagonal and one a flip, times the dimension) a second of processor time on one core, so
that other work on the machine hardly counts. The C loop needs gcc.
"""

import argparse
import ctypes
import resource
import subprocess
import sys
import tempfile
import time

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
    from bigbath.hamiltonian import build
    from bigbath.models import Imbrie, disorder_stream

    return build(Imbrie(L=spins - 1).composite(disorder_stream(1, 0)))


def solve_one(spins: int, k: int) -> None:
    from bigbath import Filter, Nearest, solve

    h = imbrie(spins)
    start, processor = time.perf_counter(), time.process_time()
    e = solve(h, Nearest(target=0.0, k=k), engine=Filter()).evidence
    wall, used = time.perf_counter() - start, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    stages = ", ".join(f"{name} {s:.1f} s" for name, s in e.seconds.items())
    print(f"T({spins}), k={k}: {wall:.1f} s ({used:.1f} s of processor time), {peak:.2f} GB in all, {e.found} states, "
          f"residual {e.residual / e.norm:.0e} ||H||, {e.iterations} products, complete {e.complete}: {e.reason} [{stages}]", flush=True)  # fmt: skip


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
    from bigbath.hamiltonian import flips
    from bigbath.solvers.problem import spectral_extremes
    from bigbath.solvers.recurrence import FlipOperator, Recurrence, Scale

    h = imbrie(spins)
    free = flips(h.terms, h.sites)
    steps = 2 * max(1, int(3e8 / free.entries))
    x = np.random.default_rng(0).standard_normal((free.dim, 1))
    recurrence = Recurrence(FlipOperator(free, Scale.of(spectral_extremes(h))), x)
    rates = {
        "bigbath step": best(lambda: recurrence.advance(steps), steps * free.entries),
        "bigbath step + sum": best(lambda: recurrence.advance(steps, np.full(steps, 1e-3)), steps * free.entries),
        "SciPy CSR product": best(lambda: [h.matrix @ x[:, 0] for _ in range(steps // 2)], steps // 2 * h.nnz),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["solve", "kernel", "one"])
    parser.add_argument("--spins", type=int, nargs="+", default=[12, 14])
    parser.add_argument("--k", type=int, default=100)
    args = parser.parse_args()
    for spins in args.spins:
        if args.what == "kernel":
            kernels(spins)
        elif args.what == "one":
            solve_one(spins, args.k)
        else:
            subprocess.run([sys.executable, __file__, "one", "--spins", str(spins), "--k", str(args.k)], check=True)


if __name__ == "__main__":
    main()
