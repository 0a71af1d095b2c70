"""Errors that a user can cause or mend, each with the exit code of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager


class BigbathError(Exception):
    """Base of all errors that bigbath raises on purpose; the message names the cause and the remedy."""

    exit_code = 1


class JobError(BigbathError, ValueError):
    """The job file, an option or an argument is wrong: unknown key, wrong type, impossible value."""

    exit_code = 2


class ImpossibleRequest(BigbathError):
    """The request is well-formed but cannot be met: outside the spectrum, beyond memory or 32-bit indices."""

    exit_code = 3


class MissingCapability(BigbathError):
    """Something must be installed or built otherwise: PETSc missing, complex scalars, no MUMPS."""

    exit_code = 4


class FileError(BigbathError):
    """A file cannot be written or read, is truncated, or belongs to another job."""

    exit_code = 5


class IncompleteWindow(BigbathError):
    """A solver could not certify what was asked: states missing from a window, residuals too large."""

    exit_code = 6


class SymmetryError(BigbathError):
    """A declared symmetry does not commute with the Hamiltonian, or its sectors do not fill the space."""

    exit_code = 6


class UnresolvedSpectrum(BigbathError):
    """Statistics of levels are asked for where something conserved is not told apart, so that they mean nothing."""

    exit_code = 6


class FailedTasks(BigbathError):
    """Some tasks of a run failed; the others are done and kept."""

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
