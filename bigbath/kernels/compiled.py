"""Numba's ``njit`` with a cache on disk that may be damaged or missing: a kernel is then compiled again."""

import hashlib
import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from inspect import isfunction
from pickle import dumps
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

_DIGEST = hashlib.sha256().digest_size


@lru_cache
def _note(text: str) -> None:
    """Say something once in this process."""
    logging.getLogger("bigbath").warning("bigbath: %s", text)


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable], Any]:
    """``numba.njit`` with a sealed cache beside the source or, where that cannot be written, in the user's directory.

    Where neither can be written the kernel is compiled anew in each process, as it is with ``cache = False``.
    """

    def decorate(function: Callable) -> Any:
        kernel = numba.njit(**options)(function)
        if not cache:
            return kernel
        try:
            kernel._cache = _SealedCache(function)
        except RuntimeError:  # Numba found no directory that it may write
            _note("no directory for compiled kernels can be written, so they are compiled now; set NUMBA_CACHE_DIR")
        return kernel

    return decorate


def _fingerprint(value: Any) -> bytes:
    """The code of a function, compiled or not, and the values that it refers to; the same in every process."""
    function = getattr(value, "py_func", getattr(value, "_defn", value))  # of compiled ones, and of intrinsics
    if not isfunction(function):
        return dumps(value)
    cells = [_fingerprint(cell.cell_contents) for cell in function.__closure__ or ()]
    return hashlib.sha256(function.__code__.co_code + b"".join(cells)).digest()


class _SealedCache(FunctionCache):
    """Numba's cache; whatever cannot be read or written is compiled, with a note."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        self._cache_file = _SealedFile(
            cache_path=self._cache_path,
            filename_base=f"{self._impl.filename_base}.sealed",
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def _index_key(self, sig: Any, codegen: Any) -> tuple:
        """Numba's own key holds a random number for each compiled function that a function refers to: it would never be found again."""
        return sig, codegen.magic_tuple(), _fingerprint(self._py_func)

    def _load_overload(self, signature: Any, target: Any) -> Any:
        try:
            return super()._load_overload(signature, target)
        except Exception as error:
            _note(f"the cache of compiled kernels cannot be used ({error}); they are compiled now")
            return None

    def _save_overload(self, signature: Any, data: Any) -> None:
        try:
            super()._save_overload(signature, data)
        except OSError as error:
            _note(f"compiled kernels cannot be kept ({error}); set NUMBA_CACHE_DIR")


class _SealedFile(IndexDataCacheFile):
    """Files that end with the SHA-256 of the rest. Damaged machine code would end the process when it is loaded."""

    def _load_index(self) -> dict:
        if not os.path.exists(self._index_path):
            return {}
        return super()._load_index() if self._is_whole(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        if not self._is_whole(self._data_path(name)):
            raise OSError("damaged")  # the caller takes the entry for a missing one
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())

    def _is_whole(self, path: str) -> bool:
        with open(path, "rb") as file:
            content = file.read()
        whole = hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]
        if not whole:
            _note(f"the cached kernel {path} is damaged; it is compiled again")
        return whole
