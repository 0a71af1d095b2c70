"""The scheduler: every task once, longest first, shells to those who hold the matrix, nothing after a stop."""

import heapq
import itertools

from hypothesis import given
from hypothesis import strategies as st

from bigbath.cluster.schedule import Scheduler
from bigbath.tasks import Task


def tasks(points, realizations, shells):
    return [
        Task(point=p, realization=r, shell=s)
        for p, r, s in itertools.product(range(points), range(realizations), range(shells))
    ]


def drain(scheduler, groups, seconds):
    """Run to the end with ``groups`` workers; the order of starts as (time, group, task)."""
    started, clock = [], [(0.0, g, None) for g in range(groups)]
    while clock:
        now, group, last = heapq.heappop(clock)
        if last is not None:
            scheduler.finish(last)
        task = scheduler.next(last)
        if task is not None:
            started.append((now, group, task))
            heapq.heappush(clock, (now + seconds(task), group, task))
    return started


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_task_is_given_once(points, realizations, shells, groups, random):
    wanted = tasks(points, realizations, shells)
    costs = {p: random.uniform(0.1, 10) for p in range(points)}
    scheduler = Scheduler(wanted, lambda t: costs[t.point])
    started = drain(scheduler, groups, lambda t: costs[t.point] * random.uniform(0.5, 2))
    assert sorted(task for _, _, task in started) == sorted(wanted)
    assert (scheduler.done, scheduler.failed, scheduler.left, len(scheduler.running)) == (len(wanted), 0, 0, 0)
    assert abs(scheduler.fraction - 1) < 1e-9
    assert scheduler.next() is None


def test_the_longest_come_first():
    scheduler = Scheduler(tasks(5, 1, 1), lambda t: [3.0, 1.0, 9.0, 2.0, 5.0][t.point])
    assert [scheduler.next().point for _ in range(5)] == [2, 4, 0, 3, 1]


def test_a_group_keeps_its_matrix_and_others_begin_new_ones():
    scheduler = Scheduler(tasks(1, 3, 4), lambda t: 1.0)
    a, b = scheduler.next(), scheduler.next()
    assert a.realization != b.realization
    for _ in range(3):
        for last in (a, b):
            scheduler.finish(last)
        a, b = scheduler.next(a), scheduler.next(b)
    assert {t.realization for t in (a, b)} == {0, 1}
    c = scheduler.next(a)
    assert c.realization == 2
    assert scheduler.next(b).realization == 2  # no matrix is untouched any more: b helps with c's


def test_within_one_matrix_every_group_is_put_to_work():
    started = drain(Scheduler(tasks(1, 1, 12), lambda t: 1.0), 4, lambda t: 1.0)
    assert max(now for now, _, _ in started) == 2.0


def test_a_stop_gives_nothing_more():
    scheduler = Scheduler(tasks(1, 5, 1), lambda t: 1.0)
    first = scheduler.next()
    scheduler.stopped = True
    scheduler.finish(first, failed=True)
    assert scheduler.next(first) is None
    assert (scheduler.done, scheduler.failed, scheduler.left) == (0, 1, 4)
    assert str(scheduler) == "0 done, 1 failed, 0 running, 4 left"
