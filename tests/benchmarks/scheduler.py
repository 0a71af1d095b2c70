"""The scheduler at ten thousand ranks, simulated: utilisation against task times, their spread, and failures.

    python tests/benchmarks/scheduler.py [--ranks 10000] [--tasks-per-rank 20] [--service 5e-5]

Not a copy of the scheduler but the one that runs use, driven by simulated time. Rank 0 answers one request in
``--service`` seconds (measured: see docs/cluster.md) and looks for requests every 2 ms; task times are log-normal
around their parameter point's mean; a failed task ends somewhere on its way. ``real``: seconds of this simulation.
"""

import argparse
import heapq
import time

import numpy as np

from bigbath.cluster.schedule import Scheduler
from bigbath.cluster.workers import PAUSE
from bigbath.tasks import Task


def simulate(
    ranks: int,
    tasks_per_rank: int,
    points: int,
    shells: int,
    mean: float,
    spread: float,
    failing: float,
    service: float,
) -> tuple[float, float]:
    """Utilisation (time in tasks over ranks x duration) and duration in seconds.

    ``points`` of a sweep differ in cost by a factor 8; within one, times are log-normal with ``spread``.
    """
    stream = np.random.default_rng(1)
    each = ranks * tasks_per_rank // (points * shells)
    tasks = [Task(point=p, realization=r, shell=s) for p in range(points) for r in range(each) for s in range(shells)]
    cost = np.geomspace(1, 8, points)
    cost *= mean / cost.mean()
    scheduler = Scheduler(tasks, lambda task: cost[task.point])
    queue: list[tuple[float, int, Task | None, bool]] = [(0.0, rank, None, False) for rank in range(ranks)]
    free = busy = end = 0.0  # when rank 0 can answer next
    while queue:
        now, rank, last, failed = heapq.heappop(queue)
        if last is not None:
            end = now
            scheduler.finish(last, failed=failed)
        free = max(free, now + stream.uniform(0, PAUSE)) + service
        task = scheduler.next(last)
        if task is None:
            continue
        seconds = cost[task.point] * np.exp(stream.normal(-(spread**2) / 2, spread))
        failed = stream.random() < failing
        seconds *= stream.random() if failed else 1.0
        busy += seconds
        heapq.heappush(queue, (free + seconds, rank, task, failed))
    assert scheduler.done + scheduler.failed == len(tasks)
    return busy / (ranks * end), end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=10_000)
    parser.add_argument("--tasks-per-rank", type=int, default=20)
    parser.add_argument("--service", type=float, default=5e-5, help="seconds of rank 0 for one request")
    args = parser.parse_args()
    print(f"{args.ranks} ranks, {args.tasks_per_rank} tasks each on average, {args.service * 1e6:.0f} us a request")
    print(
        f"{'points':>6} {'shells':>6} {'mean s':>7} {'spread':>6} {'failing':>7} {'utilisation':>11} {'duration s':>10} {'real':>6}"
    )
    for points, shells, mean, spread, failing in (
        (1, 1, 60, 0.1, 0.0),
        (8, 1, 60, 0.1, 0.01),
        (8, 1, 60, 0.3, 0.01),
        (8, 1, 600, 0.3, 0.01),
        (8, 1, 10, 0.3, 0.01),
        (8, 10, 60, 0.3, 0.01),
        (8, 1, 60, 0.6, 0.01),
    ):
        start = time.perf_counter()
        utilisation, duration = simulate(
            args.ranks, args.tasks_per_rank, points, shells, mean, spread, failing, args.service
        )
        real = time.perf_counter() - start
        print(
            f"{points:6} {shells:6} {mean:7.0f} {spread:6.1f} {failing:7.2f} {utilisation:11.3f} {duration:10.0f} {real:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
