"""Files in which long work keeps what it has reached, so that a run that was killed goes on from there."""

import os
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: How the names of such files end.
ENDING = ".checkpoint.npz"
#: Seconds between two writings at least, and in units of what one takes: at most 2 % of the time goes there.
LEAST, SHARE = 1.0, 50.0

Arrays = Mapping[str, np.ndarray]


@dataclass(kw_only=True, eq=False)
class Checkpoint:
    """Arrays by name in the file ``path``. None: nothing is kept. Of several ranks with the same work one ``writes``."""

    path: Path | None = None
    writes: bool = True
    _due: float = field(default_factory=lambda: time.monotonic() + LEAST)

    def named(self, name: str) -> "Checkpoint":
        """One beside this, for another part of the work."""
        if self.path is None:
            return self
        path = self.path.with_name(self.path.name.removesuffix(ENDING) + f".{name}{ENDING}")
        return Checkpoint(path=path, writes=self.writes)

    def load(self) -> dict[str, np.ndarray]:
        """What was kept, {} when there is nothing, or nothing that can be read."""
        with suppress(OSError, ValueError, EOFError, zipfile.BadZipFile):
            if self.path is not None:
                with np.load(self.path) as arrays:
                    return dict(arrays)
        return {}

    def offer(self, arrays: Callable[[], Arrays]) -> None:
        """Keep ``arrays()`` if the last writing is long enough ago. A full disk does not fail the work."""
        if self.path is None or not self.writes or time.monotonic() < self._due:
            return
        begun = time.monotonic()
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.npz")
        try:
            np.savez(draft, **arrays())  # type: ignore[arg-type]
            draft.replace(self.path)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        took = time.monotonic() - begun
        self._due = time.monotonic() + max(LEAST, SHARE * took)
