"""Who computes which task: one process, or groups of ranks that ask rank 0, which computes along with them."""

import threading
import time
import traceback
from collections.abc import Callable

from bigbath.cluster.communicator import abort_together, threads_allowed
from bigbath.cluster.schedule import Scheduler
from bigbath.cluster.stop import Stop
from bigbath.errors import FileError, JobError, MissingCapability
from bigbath.progress import TASKS, Report
from bigbath.solvers import Comm
from bigbath.tasks import Task

#: Errors that every task would meet, and that end the run instead of being noted against one task.
FATAL = (JobError, MissingCapability, FileError)
#: Seconds that a rank with an error waits for the others of its group to end their task, before it ends the job.
PATIENCE = 30.0
#: Seconds between looks for messages on rank 0, and between its reports.
PAUSE, REPORT = 2e-3, 1.0

_ASK, _ANSWER = 1, 2

#: Computes a task on a group's communicator and keeps the result.
Compute = Callable[[Task, Comm], None]
#: Notes why a task failed.
Fail = Callable[[Task, Exception], None]


def work(
    scheduler: Scheduler, compute: Compute, fail: Fail, comm: Comm, group_size: int, stop: Stop, report: Report
) -> int:
    """Do every task of ``scheduler``; returns, on all ranks, how many were not begun since a signal asked to stop.

    Ranks form groups of ``group_size``, each with its own communicator; rank 0 hands out the tasks from a thread beside
    its own work, or, where the MPI library forbids threads, does nothing else. An exception of a task is noted by
    ``fail`` and the rest goes on; FATAL ones are raised.
    """
    if comm is None or comm.size == 1:
        _loop(_Desk(scheduler, stop), compute, fail, None, stop)
        return scheduler.left
    messages = comm.Dup()
    aside = 0 if threads_allowed() else 1  # ranks that only hand out tasks
    groups = -(-(comm.size - aside) // group_size)
    number = (comm.rank - aside) // group_size if comm.rank >= aside else groups
    group = comm.Split(number, comm.rank)
    desk = _Desk(scheduler, stop) if comm.rank == 0 else None
    if desk is not None and aside:
        _serve(desk, messages, groups, groups, report)
    elif desk is not None:
        others = threading.Thread(target=_serve, args=(desk, messages, groups - 1, groups, report), daemon=True)
        others.start()
        _loop(desk, compute, fail, group, stop)
        others.join()
    else:
        _loop(_Counter(messages, stop) if group.rank == 0 else None, compute, fail, group, stop)
    left = messages.bcast(scheduler.left)
    messages.Free()
    return left


class _Desk:
    """The scheduler in this process, shared with the thread that serves the others."""

    def __init__(self, scheduler: Scheduler, stop: Stop) -> None:
        self.scheduler, self._stop, self._lock = scheduler, stop, threading.Lock()

    def ask(self, last: Task | None, failed: bool, stopped: bool = False) -> Task | None:
        """Report how the last task ended and get the next one."""
        with self._lock:
            self.scheduler.stopped |= stopped or self._stop.asked
            if last is not None:
                self.scheduler.finish(last, failed=failed)
            return self.scheduler.next(last)


class _Counter:
    """The same, asked by message from another rank."""

    def __init__(self, messages: Comm, stop: Stop) -> None:
        self._messages, self._stop = messages, stop

    def ask(self, last: Task | None, failed: bool) -> Task | None:
        self._messages.send((self._messages.rank, last, failed, self._stop.asked), dest=0, tag=_ASK)
        return self._messages.recv(source=0, tag=_ANSWER)


def _serve(desk: _Desk, messages: Comm, leaders: int, groups: int, report: Report) -> None:
    """Answer ``leaders`` other ranks until each has been told that there is nothing more."""
    spoken = 0.0
    with abort_together(messages):
        while leaders or desk.scheduler.running:
            while messages.iprobe(tag=_ASK):
                rank, last, failed, stopped = messages.recv(tag=_ASK)
                task = desk.ask(last, failed, stopped)
                messages.send(task, dest=rank, tag=_ANSWER)
                leaders -= task is None
            if time.monotonic() - spoken > REPORT:
                spoken = time.monotonic()
                report(
                    f"{TASKS}, {desk.scheduler}, {len(desk.scheduler.running)} of {groups} groups busy",
                    desk.scheduler.fraction,
                    1.0,
                )
            time.sleep(PAUSE)


def _loop(desk: _Desk | _Counter | None, compute: Compute, fail: Fail, group: Comm, stop: Stop) -> None:
    """Tasks of one group until there are no more; ``desk`` is the leader's way to ask, None on its other ranks."""
    alone = group is None or group.size == 1
    agreement = None if alone else group.Dup()
    last: Task | None = None
    failed = False
    while True:
        task = desk.ask(last, failed) if desk is not None else None
        if not alone:
            task = group.bcast(task)
        if task is None:
            break
        error: Exception | None = None
        try:
            compute(task, None if alone else group)
        except FATAL:
            raise
        except Exception as caught:
            if stop.error is not None:  # compiled code makes a SystemError of it
                raise stop.error from caught
            error = caught
        if agreement is not None:
            error = _agree(agreement, error)
        if error is not None and desk is not None:
            fail(task, error)
        last, failed = task, error is not None
    if agreement is not None:
        agreement.Free()


def _agree(agreement: Comm, error: Exception | None) -> Exception | None:
    """The first error of a group. A rank whose partners do not come, since they wait for it, raises its own."""
    arrived = agreement.Ibarrier()
    deadline = time.monotonic() + PATIENCE
    while error is not None and not arrived.Test():
        if time.monotonic() > deadline:
            raise error
        time.sleep(PAUSE)
    if error is None:
        arrived.Wait()
    text = None if error is None else "".join(traceback.format_exception(error))
    texts = [t for t in agreement.allgather(text) if t is not None]
    if not texts:
        return None
    return error or RuntimeError(f"on another rank of the group: {texts[0]}")
