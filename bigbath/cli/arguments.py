"""Arguments that several commands take."""

import os
from pathlib import Path
from typing import Annotated

import typer


def followed(path: Path | None) -> Path | None:
    """Where a symbolic link leads, also when nothing is there yet; other paths as they are."""
    return Path(os.path.realpath(path)) if path is not None and path.is_symlink() else path


JobFile = Annotated[Path, typer.Argument(metavar="JOB.toml", help="The job file (docs/job-file.md).")]
ResultFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A result file, or that of a run still at work.", callback=followed)
]
RunFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The result file of a run, there already or not yet.", callback=followed)
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Result file [default: JOB.h5].", callback=followed)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
