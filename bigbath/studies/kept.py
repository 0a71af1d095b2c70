"""Arrays that long studies keep between runs, a file a piece."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_arrays(file: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file aside and rename it: it is whole or not there."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.npz")
    np.savez(draft, **arrays)
    draft.replace(file)
