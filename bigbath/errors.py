"""Errors that a user can cause or mend, each with the exit code of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager


class BigbathError(Exception):
    """Base of all errors that bigbath raises on purpose; the message names the cause and the remedy.

    >>> import bigbath as bb
    >>> try:
    ...     bb.load_job("absent.toml")
    ... except bb.BigbathError as error:
    ...     print(error.exit_code)
    5
    """

    exit_code = 1


class JobError(BigbathError, ValueError):
    """The job file, an option or an argument is wrong: unknown key, wrong type, impossible value.

    >>> import bigbath as bb
    >>> try:
    ...     bb.Imbrie(L=8, w=1.0)
    ... except bb.JobError as error:
    ...     print("did you mean" in str(error))
    True
    """

    exit_code = 2


class ImpossibleRequest(BigbathError):
    """The request is well-formed but cannot be met: outside the spectrum, beyond memory or 32-bit indices.

    >>> import bigbath as bb
    >>> try:
    ...     bb.solve(bb.build(bb.draw(bb.Ring(N=5))), bb.Nearest(target=1000.0, k=5))
    ... except bb.ImpossibleRequest as error:
    ...     print("outside the spectrum" in str(error))
    True
    """

    exit_code = 3


class MissingCapability(BigbathError):
    """Something must be installed or built otherwise: PETSc missing, complex scalars, no MUMPS.

    >>> import bigbath as bb
    >>> bb.MissingCapability.exit_code
    4
    """

    exit_code = 4


class FileError(BigbathError):
    """A file cannot be written or read, is truncated, or belongs to another job.

    >>> import bigbath as bb
    >>> try:
    ...     bb.open_result("absent.h5")
    ... except bb.FileError as error:
    ...     print('no file' in str(error))
    True
    """

    exit_code = 5


class IncompleteWindow(BigbathError):
    """A solver could not certify what was asked: states missing from a window, residuals too large.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=5)))
    >>> states = bb.solve(h, bb.Nearest(k=5), engine=bb.ShiftInvert(certify=False))
    >>> try:
    ...     bb.participation(states)
    ... except bb.IncompleteWindow as error:
    ...     print("accept_unverified" in str(error))
    True
    """

    exit_code = 6


class SymmetryError(BigbathError):
    """A declared symmetry does not commute with the Hamiltonian, or its sectors do not fill the space.

    >>> import bigbath as bb
    >>> swap = bb.DeclaredSymmetry(name="swap", permutation=(1, 0, 2))
    >>> h = bb.build(bb.draw(bb.Custom(L=3, system=[["z", [[1.0, 0]]]], symmetries=[swap])))
    >>> try:
    ...     bb.solve(h, bb.Whole())
    ... except bb.SymmetryError as error:
    ...     print("does not commute" in str(error))
    True
    """

    exit_code = 6


class UnresolvedSpectrum(BigbathError):
    """Statistics of levels are asked for where something conserved is not told apart, so that they mean nothing.

    >>> import bigbath as bb
    >>> try:
    ...     bb.gap_ratio(bb.solve(bb.build(bb.draw(bb.XXZ(L=6, W=0.0))), bb.Whole()))
    ... except bb.UnresolvedSpectrum as error:
    ...     print('total spin' in str(error))
    True
    """

    exit_code = 6


class FailedTasks(BigbathError):
    """Some tasks of a run failed; the others are done and kept.

    >>> import bigbath as bb
    >>> bb.FailedTasks.exit_code
    7
    """

    exit_code = 7


class Stopped(KeyboardInterrupt):
    """A signal has ended a run before it was whole; not an error of a task, so ``except Exception`` lets it pass."""

    exit_code = 75


@contextmanager
def in_section(section: str) -> Iterator[None]:
    """Let errors name the section of the job that they are about."""
    try:
        yield
    except BigbathError as error:
        error.args = (f"[{section}] {error}",)
        raise
