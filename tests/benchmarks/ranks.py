"""What ranks give: parallel efficiency of an ensemble, memory of a rank that shares a factorisation, rank 0's service time.

    python tests/benchmarks/ranks.py [--L 12] [--realizations 40] [--shared 13]

Efficiency is T(1 rank) / (2 T(2 ranks)), each rank bound to a core with one thread, runs in turn; memory is the peak of a
rank's process above what the same process needs for the same job at L = 6, compared with one rank.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import bigbath

from bigbath.cluster.schedule import Scheduler
from bigbath.store import open_run
from bigbath.tasks import Task

JOB = """
[model]
name = "imbrie"
L = {L}
[spectrum]
window = {{ kind = "density", epsilon = 0.5, k = {k} }}
engine = {{ kind = "shift-invert", certify = {certify} }}
[ensemble]
realizations = {realizations}
"""


def run(directory: Path, name: str, ranks: int, *options: object, certify: str = "true", **numbers: int) -> dict:
    """Provenance of the only or of the first task, and of the whole, of a job done afresh."""
    job = directory / f"{name}.toml"
    job.write_text(JOB.format(certify=certify, **numbers))
    output = directory / f"{name}_{ranks}_{time.monotonic_ns()}.h5"
    done = bigbath("run", job, "-o", output, *options, ranks=ranks, timeout=3600)
    assert done.returncode == 0, done.stderr
    return open_run(output).provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--L", type=int, default=12)
    parser.add_argument("--realizations", type=int, default=40)
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--shared", type=int, default=13)
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        ensemble = {"L": args.L, "k": args.k, "realizations": args.realizations}
        pairs = [
            [run(directory, "ensemble", ranks, **ensemble)["seconds"]["total"] for ranks in (1, 2)]
            for _ in range(args.repeat)
        ]
        one, two = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(
            f"{args.realizations} realizations, L = {args.L}, k = {args.k}: 1 rank {one:.1f} s, 2 ranks {two:.1f} s, efficiency {one / two / 2:.2f}"
        )
        memory = {}
        for ranks in (1, 2):
            peaks = [
                run(directory, "shared", ranks, "--ranks-per-task", ranks, certify="false", L=L, k=10, realizations=1)[
                    "peak_memory_bytes"
                ]
                for L in (6, args.shared)
            ]
            memory[ranks] = peaks[1] - peaks[0]
            print(f"factorisation at L = {args.shared} on {ranks} rank(s): {memory[ranks] / 2**20:.0f} MB a rank")
        print(f"memory of a rank of two: {memory[2] / memory[1]:.2f} of one rank's")
    count = 100_000
    scheduler = Scheduler([Task(realization=r) for r in range(count)], lambda task: 1.0)
    start = time.perf_counter()
    last = scheduler.next()
    while last is not None:
        scheduler.finish(last)
        last = scheduler.next(last)
    print(f"scheduler: {(time.perf_counter() - start) / count * 1e6:.1f} us a task without messages")


if __name__ == "__main__":
    main()
