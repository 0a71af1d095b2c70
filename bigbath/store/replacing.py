"""Files that appear whole or not at all, and locks that end with the process that holds them.

Locks are advice: where a file system knows none, or on another machine, they hold nobody up. What they make rare
is checked again just before a file is renamed.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

#: Seconds to wait for a lock that others hold for moments only.
PATIENCE = 10.0


def draft_of(path: Path) -> Path:
    """Where this process writes what is to become ``path``."""
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.part")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON aside, let it reach the disk, and rename it."""
    draft = draft_of(path)
    try:
        with open(draft, "w") as file:
            file.write(json.dumps(content))
            file.flush()
            os.fsync(file.fileno())
        rename(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def rename(draft: Path, path: Path) -> None:
    """Put ``draft`` in the place of ``path``, and let that reach the disk."""
    os.replace(draft, path)
    with directory(path.parent) as descriptor, suppress(OSError):  # some file systems cannot sync a directory
        os.fsync(descriptor)


@contextmanager
def directory(path: Path) -> Iterator[int]:
    """An open directory, for syncing and locking it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(path: Path) -> Iterator[None]:
    """For moments: no other process of this machine is in such a block for the same directory."""
    with ExitStack() as stack:
        with suppress(OSError):  # a directory that may not be read
            descriptor = stack.enter_context(directory(path))
            deadline = time.monotonic() + PATIENCE
            while not lock(descriptor, exclusive=True) and time.monotonic() < deadline:
                time.sleep(1e-3)
        yield


def lock(descriptor: int, *, exclusive: bool) -> bool:
    """Take a lock on an open directory, together with others or exclusively; False if others prevent it.

    It ends when the directory is closed.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
