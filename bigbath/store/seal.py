"""The seal of a result file: its first 512 bytes (HDF5's user block) hold the SHA-256 of all that follows.

It is checked before the HDF5 library sees a file, which a damaged one can send into an endless loop.
"""

import fcntl
import hashlib
import os
from io import BufferedRandom, BufferedReader
from pathlib import Path

from bigbath.errors import FileError

USER_BLOCK = 512
SEAL = b"bigbath result, sha256 of what follows byte 512: "
#: How an HDF5 file begins, after its user block.
SIGNATURE = b"\x89HDF\r\n\x1a\n"

ADVICE = "Run the job again, with -o elsewhere, or after removing the file if no process is writing it."


def seal(path: Path) -> None:
    """Write the seal of a file that is complete, and let it reach the disk."""
    with open(path, "r+b") as file:
        text = _seal(file)
        file.seek(0)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def check_seal(path: Path) -> None:
    """Read all of a file and compare it with its seal.

    FileError when it is missing, cannot be read, is locked by a process that writes it, damaged, or without a seal.
    """
    try:
        with open(path, "rb") as file:
            if is_locked(file):
                raise FileError(locked(path))
            first = file.read(USER_BLOCK + len(SIGNATURE))
            whole = first[:USER_BLOCK] == _seal(file)
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if whole:
        return
    if first.startswith(SIGNATURE):
        raise FileError(f"{path} is an HDF5 file, but not a bigbath result")
    if first.startswith(SEAL) or first.endswith(SIGNATURE):
        raise FileError(f"{path} is truncated or damaged (its content does not match its SHA-256). {ADVICE}")
    raise FileError(f"{path} is truncated or not an HDF5 file. {ADVICE}")


def locked(path: Path) -> str:
    """What to say of a file that another process has open for writing."""
    return f"{path} is open for writing in another process; wait until that has closed it"


def is_locked(file: BufferedReader) -> bool:
    """Whether another process holds the lock by which the HDF5 library marks a file that it writes."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _seal(file: BufferedReader | BufferedRandom) -> bytes:
    """What the user block must be: the digest of all that follows it, and zeros."""
    file.seek(USER_BLOCK)
    return (SEAL + hashlib.file_digest(file, "sha256").hexdigest().encode()).ljust(USER_BLOCK, b"\0")
