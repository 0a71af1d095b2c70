"""What ranks give: parallel efficiency of an ensemble, memory of a rank that shares a factorisation, rank 0's service time.

    python tests/benchmarks/ranks.py [--L 12] [--realizations 40] [--k 50] [--engine auto]
        [--repeat 1] [--shared 13]

Efficiency is T(1 rank) / (2 T(2 ranks)), from the start of the command to its end. The control does the same tasks by two
processes that know nothing of each other, each on a core of its own with one thread and half of the tasks: what it loses,
the machine loses. "In tasks": share of the two cores' time between start and end. Memory is the peak of the process
that needs most, above what it needs for the same job at L = 6, compared with one rank.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import bigbath, bigbath_command, one_thread

from bigbath.cluster.schedule import Scheduler
from bigbath.store import open_run
from bigbath.tasks import Task

JOB = """
[model]
name = "imbrie"
L = {L}
[spectrum]
window = {{ kind = "density", epsilon = 0.5, k = {k} }}
engine = {{ {engine} }}
[ensemble]
realizations = {realizations}
"""


ENGINES = {"auto": 'kind = "auto"', "shift-invert": 'kind = "shift-invert"'}


def run(directory: Path, name: str, ranks: int, *options: object, **numbers: int) -> dict:
    """Provenance of the only task of a job done afresh; its peak memory is that of the rank which needs most."""
    job = directory / f"{name}.toml"
    job.write_text(JOB.format(engine='kind = "shift-invert", certify = false', **numbers))
    output = directory / f"{name}_{ranks}_{time.monotonic_ns()}.h5"
    done = bigbath("run", job, "-o", output, *options, ranks=ranks, timeout=3600)
    assert done.returncode == 0, done.stderr
    return json.loads(open_run(output).tasks[Task(realization=0)].attrs["provenance"])


@dataclass(frozen=True)
class Timing:
    """Seconds of an ensemble from start to end, and of all its tasks together: by the clock, and of the processor."""

    wall: float
    tasks: float
    processor: float


def timed(directory: Path, job: Path, launchers: list[list[str]], shares: bool = False) -> Timing:
    """Run a job afresh, by a process under each of ``launchers``, all at once."""
    output = directory / f"{time.monotonic_ns()}.h5"
    start = time.perf_counter()
    processes = [
        subprocess.Popen(
            [*launcher, *bigbath_command("run", job, "-o", output), *(["--share", f"{i}/{len(launchers)}"] if shares else [])],
            env=one_thread(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for i, launcher in enumerate(launchers)
    ]  # fmt: skip
    assert not any([process.wait() for process in processes])
    wall = time.perf_counter() - start
    seconds = [json.loads(ds.attrs["provenance"])["seconds"] for ds in open_run(output).tasks.values()]
    return Timing(wall, sum(s["total"] for s in seconds), sum(s["processor"] for s in seconds))


def efficiency(directory: Path, repeat: int, engine: str, **numbers: int) -> None:
    """One rank, two ranks and the control in turn; medians."""
    job = directory / "ensemble.toml"
    job.write_text(JOB.format(engine=ENGINES[engine], **numbers))
    cores = sorted(os.sched_getaffinity(0))[:2]
    bound = [["taskset", "-c", str(core)] for core in cores]
    mpirun = ["mpirun", "--allow-run-as-root", "--bind-to", "core", "-n", "2"]
    ways = {
        "1 rank": lambda: timed(directory, job, bound[:1]),
        "2 ranks": lambda: timed(directory, job, [mpirun]),
        "2 processes": lambda: timed(directory, job, bound, shares=True),
    }
    timings: dict[str, list[Timing]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, way in ways.items():
            timings[name].append(way())
    median = {name: Timing(*np.median([astuple(t) for t in each], axis=0)) for name, each in timings.items()}
    one = median["1 rank"].wall
    print(", ".join(f"{key} = {value}" for key, value in {"engine": engine, **numbers}.items()))
    for name, t in median.items():
        n = 1 if name == "1 rank" else 2
        print(
            f"{name:12} {t.wall:6.1f} s, efficiency {one / n / t.wall:.2f}, in tasks {t.tasks / n / t.wall:.2f}, "
            f"processor time of the tasks {t.processor:6.1f} s",
            flush=True,
        )


def shared_memory(directory: Path, L: int) -> None:
    """Peak memory of one rank, and of each of two that share a factorisation."""
    memory = {}
    for ranks in (1, 2):
        peaks = [
            run(directory, "shared", ranks, "--ranks-per-task", ranks, L=size, k=10, realizations=1)[
                "peak_memory_bytes"
            ]
            for size in (6, L)
        ]
        memory[ranks] = peaks[1] - peaks[0]
        print(f"factorisation at L = {L} on {ranks} rank(s): {memory[ranks] / 2**20:.0f} MB a rank", flush=True)
    print(f"memory of a rank of two: {memory[2] / memory[1]:.2f} of one rank's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--L", type=int, default=12)
    parser.add_argument("--realizations", type=int, default=40, help="0: only memory")
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--engine", choices=list(ENGINES), default="shift-invert")
    parser.add_argument("--shared", type=int, default=13, help="0: only the ensemble")
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        if args.realizations:
            efficiency(directory, args.repeat, args.engine, L=args.L, k=args.k, realizations=args.realizations)
        if args.shared:
            shared_memory(directory, args.shared)
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
