"""Standard streams on a terminal that has gone, a pipe that was closed, or a disk that is full."""

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from bigbath.errors import FileError


class Stream:
    """A standard stream. When it cannot be written ``failed`` is called with the error, and at every later write."""

    def __init__(self, stream: TextIO, failed: Callable[[Exception], None]) -> None:
        self._stream, self._failed = stream, failed
        self._error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        if text != "":
            self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or drop what is left."""
        if self._error is None:
            self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self._error is None:
            try:
                act()
            except (OSError, ValueError) as error:  # ValueError: it was closed
                self._error = error
                _redirect(self._stream.fileno())  # what Python still holds of it goes there at the end
        if self._error is not None:
            self._failed(self._error)


def protect_streams() -> None:
    """A message that cannot be written is no reason to fail; output that cannot be written is a FileError.

    Closed streams become /dev/null: else the next file that is opened would get their number, and the messages.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _redirect(descriptor)
    sys.stdout = Stream(sys.stdout or os.fdopen(1, "w"), _output_failed)
    sys.stderr = Stream(sys.stderr or os.fdopen(2, "w"), lambda error: None)


def _redirect(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _output_failed(error: Exception) -> None:
    if isinstance(error, BrokenPipeError):  # as of `| head`, which has what it wanted
        raise error
    raise FileError(f"cannot write to standard output: {error}") from None
