"""Ensembles, several windows of one matrix, the scatter of solves, small tasks: the random-field Heisenberg ring at S^z = 0.

    python tests/benchmarks/ensemble.py job [--L 16] [--W 1] [--k 100] [--realizations 100] [--ranks 2] [--singles 10]
    python tests/benchmarks/ensemble.py densities [--L 16] [--W 1] [--k 100] [--realizations 1]
    python tests/benchmarks/ensemble.py medians [--L 16 18] [--W 5] [--k 100] [--realizations 10]
    python tests/benchmarks/ensemble.py tasks [--L 8 10 12] [--realizations 40]

``job``: wall time of one job from the start of ``mpirun`` to the end of the last process, over realizations x (solve on one
core) / ranks. Single solves are made by one process restricted to one core, half of them before the job and half after it,
after one that is not counted (it loads compiled code). Realizations differ in their products: the time of all of them on
one core is the time a product of the single solves times the products of the job.
``densities``: nine energy densities, 0.1 to 0.9, by one ``bb.Solver``, beside nine solves of their own, in turn.
``medians``: the solves of many realizations in one process, after one that is not counted: median and worst.
``tasks``: processor time a task of a job whose solves take milliseconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np

JOB = """
[model]
name = "xxz"
L = {L}
W = {W}
[spectrum]
window = {{ kind = "density", epsilon = 0.5, k = {k} }}
sector = {{ magnetisation = 0 }}
[ensemble]
realizations = {realizations}
seed = 1
[measure.gap_ratio]
"""

MEDIANS = (
    "| L | W | k | realizations | median / s | worst / s | median products | most | worst residual / norm | certified |\n"
    + "|---" * 10
    + "|"
)


def solved(L: int, W: float, k: int, realizations: Iterable[int]) -> list[dict]:
    """Seconds, products and certificate of the filter's solve of each realization, after one that is not counted."""
    import bigbath as bb

    found = []
    for number in (0, *realizations):
        h = bb.build(bb.draw(bb.XXZ(L=L, W=W), seed=1, realization=number))
        start, processor = time.perf_counter(), time.process_time()
        states = bb.solve(h, bb.Density(epsilon=0.5, k=k), engine=bb.Filter(), sector={"magnetisation": 0})
        seconds, e = (time.perf_counter() - start, time.process_time() - processor), states.evidence
        found.append({"seconds": seconds[0], "processor": seconds[1], "products": e.iterations,
                      "complete": e.complete, "residual": e.residual / e.norm})  # fmt: skip
    return found[1:]


def on_one_core(L: int, W: float, k: int, realizations: Iterable[int]) -> list[dict]:
    """The same in a new process that has one core and one thread."""
    script = f"import ensemble, json; print(json.dumps(ensemble.solved({L}, {W}, {k}, {list(realizations)})))"
    command = [sys.executable, "-c", script]
    core = str(min(os.sched_getaffinity(0)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        ["taskset", "-c", core, *command],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def job(L: int, W: float, k: int, realizations: int, ranks: int, singles: int) -> None:
    import bigbath as bb

    chosen = np.unique(np.linspace(0, realizations - 1, singles).astype(int)).tolist()
    alone = on_one_core(L, W, k, chosen[: len(chosen) // 2])
    with tempfile.TemporaryDirectory() as scratch:
        file, output = Path(scratch) / "job.toml", Path(scratch) / "job.h5"
        file.write_text(JOB.format(L=L, W=W, k=k, realizations=realizations))
        bigbath = [sys.executable, "-m", "bigbath.cli.main", "run", str(file), "-o", str(output)]
        launcher = ["mpirun", "--allow-run-as-root", "--bind-to", "core", "-n", str(ranks)]
        start = time.perf_counter()
        subprocess.run([*launcher, *bigbath], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        tasks = list(bb.open_result(output).tasks.values())
    alone += on_one_core(L, W, k, chosen[len(chosen) // 2 :])
    evidence = [json.loads(ds.attrs["evidence_spectrum"]) for ds in tasks]
    spent = [json.loads(ds.attrs["provenance"])["seconds"] for ds in tasks]
    products = sum(e["iterations"] for e in evidence)
    a_product = {
        key: sum(s[key] for s in alone) / sum(s["products"] for s in alone) for key in ("seconds", "processor")
    }
    in_tasks = {key: sum(s[key] for s in spent) for key in ("total", "processor")}
    print(f"L = {L}, W = {W:g}, k = {k}: {realizations} realizations over {ranks} ranks, {wall:.1f} s")
    print(f"certified: {sum(e['complete'] == 'yes' for e in evidence)}; products {products:.3g}")
    print(f"{len(alone)} single solves on one core: {np.mean([s['seconds'] for s in alone]):.2f} s each, "
          f"{1e6 * a_product['seconds']:.2f} us a product")  # fmt: skip
    print(
        f"wall / ({realizations} x solve on one core / {ranks}) = {wall * ranks / (a_product['seconds'] * products):.3f}"
    )
    print(
        f"processor time of the tasks / that of the same solves alone = {in_tasks['processor'] / (a_product['processor'] * products):.3f}"
    )
    print(f"share of the ranks' time inside tasks: {in_tasks['total'] / ranks / wall:.3f}; processor time of the tasks / their wall time: "
          f"{in_tasks['processor'] / in_tasks['total']:.3f}")  # fmt: skip


def densities(L: int, W: float, k: int, realizations: int) -> None:
    for realization in range(realizations):
        nine(L, W, k, realization)


def nine(L: int, W: float, k: int, realization: int) -> None:
    import bigbath as bb

    epsilons = np.linspace(0.1, 0.9, 9)
    h = bb.build(bb.draw(bb.XXZ(L=L, W=W), seed=1, realization=realization))
    shared = bb.Solver(h, sector={"magnetisation": 0})
    solvers = {"one Solver": lambda w: shared.solve(w, engine=bb.Filter()),
               "single solves": lambda w: bb.solve(h, w, engine=bb.Filter(), sector={"magnetisation": 0})}  # fmt: skip
    bb.solve(h, bb.Density(epsilon=0.5, k=k), engine=bb.Filter(), sector={"magnetisation": 0})  # loads compiled code
    table: dict[str, list[tuple[float, float, int]]] = {name: [] for name in solvers}
    for epsilon in epsilons:
        for name, solve in solvers.items():
            start, processor = time.perf_counter(), time.process_time()
            e = solve(bb.Density(epsilon=float(epsilon), k=k)).evidence
            assert e.complete == "yes", e.reason
            table[name].append((time.perf_counter() - start, time.process_time() - processor, e.iterations))
    total = {name: np.sum(each, axis=0) for name, each in table.items()}
    middle = table["single solves"][4]
    print(f"L = {L}, W = {W:g}, k = {k}, realization {realization}: nine energy densities, certified")
    for name, (wall, processor, products) in total.items():
        print(f"{name}: {wall:.2f} s, processor {processor:.2f} s, {products:.3g} products; in single solves at 0.5: "
              f"{wall / middle[0]:.2f}, processor {processor / middle[1]:.2f}, products {products / middle[2]:.2f}")  # fmt: skip


def medians(L: int, W: float, k: int, realizations: int) -> None:
    found = solved(L, W, k, range(realizations))
    print(f"| {L} | {W:g} | {k} | {realizations} | "
          + " | ".join(f"{np.median([f[key] for f in found]):.3g} | {max(f[key] for f in found):.3g}" for key in ("seconds", "products"))
          + f" | {max(f['residual'] for f in found):.0e} | {sum(f['complete'] == 'yes' for f in found)} |", flush=True)  # fmt: skip


def tasks(L: int, W: float, realizations: int) -> None:
    """In this process: processor time of the second run of a job, which is free of compilation."""
    import bigbath as bb

    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "job.toml"
        file.write_text(JOB.format(L=L, W=W, k=20, realizations=realizations))
        read = bb.load_job(file)
        for name in ("first", "second"):
            processor = time.process_time()
            bb.run(read, Path(scratch) / f"{name}.h5")
            spent = time.process_time() - processor
    print(f"L = {L}: {1e3 * spent / realizations:.1f} ms a task, {realizations / spent:.1f} tasks a second", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    usual = {"job": ([16], [1.0], 100), "densities": ([16], [1.0], 1), "medians": ([16, 18], [5.0], 10),
             "tasks": ([8, 10, 12], [1.0], 40)}  # fmt: skip
    for name, (sizes, disorder, realizations) in usual.items():
        one = what.add_parser(name)
        one.add_argument("--L", type=int, nargs="+", default=sizes)
        one.add_argument("--W", type=float, nargs="+", default=disorder)
        one.add_argument("--k", type=int, default=100)
        one.add_argument("--realizations", type=int, default=realizations)
        if name == "job":
            one.add_argument("--ranks", type=int, default=2)
            one.add_argument("--singles", type=int, default=10)
    args = parser.parse_args()
    if args.what == "medians":
        print(MEDIANS, flush=True)
    for L, W in product(args.L, args.W):
        if args.what == "job":
            job(L, W, args.k, args.realizations, args.ranks, args.singles)
        elif args.what == "densities":
            densities(L, W, args.k, args.realizations)
        elif args.what == "medians":
            medians(L, W, args.k, args.realizations)
        else:
            tasks(L, W, args.realizations)


if __name__ == "__main__":
    main()
