"""A state evolved in real time, beside QuSpin, SciPy and quimb at equal error: processor and wall time, products, memory.

python tests/benchmarks/dynamics.py [--sites 18 20] [--time 10] [--many 0] [--only bigbath quspin scipy quimb] [--threads 1]
The ring of the entropy paper (``Ring(N)``, all 2^N states) from the configuration udud..., to one final time. Each program
builds its own Hamiltonian outside the clock; "set-up" is the time for that. ``difference``: to bigbath's state. ``--many K``
also takes K equidistant times. Large rings, as 22 and 24, fit with ``--only bigbath``.
"""

import argparse
import os
import time
from collections.abc import Callable

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--sites", type=int, nargs="+", default=[18, 20])
parser.add_argument("--time", type=float, default=10.0)
parser.add_argument("--many", type=int, default=0)
parser.add_argument("--only", nargs="+", default=["bigbath", "quspin", "scipy", "quimb"])
parser.add_argument("--threads", type=int, default=2)
chosen = parser.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):  # before NumPy is imported
    os.environ[name] = str(chosen.threads)

import numpy as np  # noqa: E402
import scipy.sparse.linalg  # noqa: E402

import bigbath as bb  # noqa: E402
from bigbath.resources import peak_memory  # noqa: E402

Made = Callable[[np.ndarray, float], np.ndarray]


def ours(h: "bb.Hamiltonian") -> Made:
    propagator = bb.Propagator.of(h)
    list(propagator.evolve(bb.configuration(bb.everything(h.dim), "neel"), [0.01]))  # compiles, once for all runs
    return lambda start, t: next(iter(propagator.evolve(start, [t])))[1]


def quspin(h: "bb.Hamiltonian") -> Made:
    from quspin.tools.evolution import expm_multiply_parallel

    matrix = h.matrix.tocsr()
    return lambda start, t: expm_multiply_parallel(matrix, a=-1j * t).dot(start.astype(complex))


def scipys(h: "bb.Hamiltonian") -> Made:
    matrix = h.matrix.tocsr().astype(complex)
    return lambda start, t: scipy.sparse.linalg.expm_multiply(-1j * t * matrix, start.astype(complex), traceA=0.0)


def quimb(h: "bb.Hamiltonian") -> Made:
    import quimb as qu

    matrix = h.matrix.tocsr().astype(complex)
    # Its other ways are a real SLEPc, which takes no complex matrix, and Runge-Kutta, which is less exact
    return lambda start, t: np.asarray(qu.expm_multiply(-1j * t * matrix, start.astype(complex), backend="SCIPY"))


PROGRAMS = {"bigbath": ours, "quspin": quspin, "scipy": scipys, "quimb": quimb}


def main() -> None:
    print(
        "| N | program | set-up (s) | wall (s) | processor (s) | ratio, wall | ratio, processor | difference | peak memory (GB) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for sites in chosen.sites:
        h = bb.build(bb.draw(bb.Ring(N=sites)))
        start = bb.configuration(bb.everything(h.dim), "neel")
        reference: np.ndarray | None = None
        first = (0.0, 0.0)
        for name in chosen.only:
            begun = time.perf_counter()
            try:
                evolve = PROGRAMS[name](h)
            except ImportError:
                print(f"| {sites} | {name} | not installed | | | | | | |")
                continue
            prepared = time.perf_counter() - begun
            wall, cpu = time.perf_counter(), time.process_time()
            psi = np.ravel(evolve(start, chosen.time))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if reference is None:
                reference, first = psi, (wall, cpu)
            print(
                f"| {sites} | {name} | {prepared:.2f} | {wall:.3f} | {cpu:.3f} | {wall / first[0]:.1f} | {cpu / first[1]:.1f} "
                f"| {np.linalg.norm(psi - reference):.1e} | {peak_memory() / 1e9:.2f} |",
                flush=True,
            )
        if chosen.many:
            many(h, start, sites)


def many(h: "bb.Hamiltonian", start: np.ndarray, sites: int) -> None:
    """Equidistant times beside the last one alone."""
    propagator = bb.Propagator.of(h)
    times = np.linspace(chosen.time / chosen.many, chosen.time, chosen.many)
    found = []
    for wanted in (times[-1:], times):
        cpu = time.process_time()
        for _ in propagator.evolve(start, wanted):
            pass
        found.append((time.process_time() - cpu, propagator.products(wanted)))
    (alone, few), (all_, more) = found
    print(
        f"N = {sites}: {chosen.many} times {all_:.3f} s, {more} products; the last alone {alone:.3f} s, {few} products"
    )


if __name__ == "__main__":
    main()
