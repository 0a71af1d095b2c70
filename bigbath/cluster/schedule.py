"""Which task next: longest first, the shells and windows of one matrix to those who have it, no more after a stop.

No communication and no clock of its own in here: ranks and the simulation of ten thousand of them use the same code.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable

from bigbath.tasks import Task

#: Two numbers of a matrix: tasks with the same ones share it.
_Matrix = tuple[int, int]


def own_matrix(task: Task) -> _Matrix:
    """A matrix for each point and realization."""
    return task.point, task.realization


class Scheduler:
    """Hands out tasks one at a time; each call is O(log of the number of matrices). ``matrix``: which tasks share one."""

    def __init__(
        self, tasks: Iterable[Task], cost: Callable[[Task], float], matrix: Callable[[Task], _Matrix] = own_matrix
    ) -> None:
        self._cost, self._matrix = cost, matrix
        self._waiting: dict[_Matrix, deque[Task]] = {}
        for task in sorted(tasks):
            self._waiting.setdefault(matrix(task), deque()).append(task)
        self._remaining = {matrix: sum(map(cost, each)) for matrix, each in self._waiting.items()}
        self._heap = [(False, -remaining, matrix) for matrix, remaining in self._remaining.items()]
        heapq.heapify(self._heap)
        self.left = sum(map(len, self._waiting.values()))
        self.running: set[Task] = set()
        self.done = self.failed = 0
        self._total_cost, self._done_cost = sum(self._remaining.values()), 0.0
        self.stopped = False

    def next(self, last: Task | None = None) -> Task | None:
        """The task to start, for one that has just done ``last``; None: there are no more."""
        if self.stopped or not self.left:
            return None
        matrix = self._matrix(last) if last is not None else None
        if matrix not in self._waiting:  # one that nobody has begun, else help with the one that has most left
            matrix = self._pop()
        assert matrix is not None
        task = self._waiting[matrix].popleft()
        self._remaining[matrix] -= self._cost(task)
        if not self._waiting[matrix]:
            del self._waiting[matrix]
        self.left -= 1
        self.running.add(task)
        return task

    def _pop(self) -> _Matrix:
        while True:
            begun, before, matrix = heapq.heappop(self._heap)
            if matrix not in self._waiting:
                continue
            if not begun or -before == self._remaining[matrix]:
                after = self._remaining[matrix] - self._cost(self._waiting[matrix][0])
                heapq.heappush(self._heap, (True, -after, matrix))
                return matrix
            heapq.heappush(self._heap, (True, -self._remaining[matrix], matrix))

    def finish(self, task: Task, *, failed: bool = False) -> None:
        """Note that a task has ended."""
        self.running.remove(task)
        self.done += not failed
        self.failed += failed
        self._done_cost += self._cost(task)

    @property
    def fraction(self) -> float:
        """Share of the work that has ended, by cost."""
        return self._done_cost / self._total_cost if self._total_cost else 1.0

    def __str__(self) -> str:
        return f"{self.done} done, {self.failed} failed, {len(self.running)} running, {self.left} left"
