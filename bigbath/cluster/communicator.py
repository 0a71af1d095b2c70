"""The only module that imports mpi4py: the world of ranks that a launcher made, if there is one."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from bigbath.errors import BigbathError, MissingCapability
from bigbath.resources import launched_ranks
from bigbath.solvers import Comm

T = TypeVar("T")


def world() -> Comm:
    """COMM_WORLD under a launcher with several ranks, else None.

    MissingCapability when mpi4py is absent, or belongs to another MPI than the launcher, so that every rank would
    believe itself alone.
    """
    launched = launched_ranks()
    if launched == 1:
        return None
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise MissingCapability(f"{launched} ranks were launched, but mpi4py cannot be loaded ({error})") from error
    if MPI.COMM_WORLD.size != launched:
        library = MPI.Get_library_version().splitlines()[0]
        raise MissingCapability(
            f"the launcher started {launched} ranks, but mpi4py's {library} sees {MPI.COMM_WORLD.size}: launcher and MPI "
            "library belong to different MPIs. Use the mpirun of that library (`bigbath doctor` names both)."
        )
    return MPI.COMM_WORLD


def this_rank() -> Comm:
    """The communicator of this rank alone."""
    from mpi4py import MPI

    return MPI.COMM_SELF


def threads_allowed() -> bool:
    """Whether the MPI library lets several threads of a rank send messages."""
    from mpi4py import MPI

    return MPI.Query_thread() == MPI.THREAD_MULTIPLE


@contextmanager
def abort_together(comm: Comm) -> Iterator[None]:
    """End every rank when one of them raises, with its message or traceback, instead of hanging the others."""
    try:
        yield
    except BaseException as error:
        if comm is None:
            raise
        try:
            expected = isinstance(error, BigbathError | KeyboardInterrupt)
            text = f"bigbath: {error or 'interrupted'}" if expected else traceback.format_exc()
            print(f"[rank {comm.rank}] {text}", file=sys.stderr, flush=True)
        finally:  # also when nobody can read the message
            comm.Abort(getattr(error, "exit_code", 1))


@contextmanager
def together() -> Iterator[Comm]:
    """``world()``; all that a rank does belongs into this block, since the others would wait for one that fails."""
    comm = world()
    with abort_together(comm):
        yield comm


def on_root(comm: Comm, function: Callable[[], T]) -> T:
    """Call ``function`` on rank 0; every rank gets its value, or raises its error."""
    if comm is None:
        return function()
    outcome: tuple[T | None, BaseException | None] = (None, None)
    if comm.rank == 0:
        try:
            outcome = (function(), None)
        except BigbathError as error:
            outcome = (None, error)
    value, failure = comm.bcast(outcome)
    if failure is not None:
        raise failure
    return value
