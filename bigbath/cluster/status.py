"""What has become of a run."""

from pathlib import Path
from typing import Any

from bigbath.store import Shards, open_run
from bigbath.tasks import tasks_of


def status_of(output: str | Path) -> dict[str, Any]:
    """State of the run that writes ``output``, as JSON data: ``state`` ("whole", "merged in part", "unfinished"), number
    of ``tasks``, and by name those ``done``, ``missing``, ``failed`` (with the error), files ``corrupt``, ``foreign``,
    ``duplicate``, and ``incomplete_spectra`` whose energy shells do not make up a whole without repeats.

    FileError when there is no such run.
    """
    shards = Shards.found(Path(output))
    survey = shards.survey()
    wanted = tasks_of(survey.job)
    if survey.merged.issuperset(wanted):
        state = "whole"
    else:
        state = "unfinished" if shards.directory.exists() else "merged in part"
    gaps = open_run(output).gaps() if survey.done else {}
    return {
        "state": state,
        "tasks": len(wanted),
        "done": [t.name for t in sorted(survey.done)],
        "missing": [t.name for t in survey.missing],
        "failed": {t.name: record["error"] for t, record in sorted(survey.failed.items())},
        "corrupt": [str(p) for p in survey.corrupt],
        "foreign": [str(p) for p in survey.foreign],
        "duplicate": [str(p) for p in survey.duplicate],
        "incomplete_spectra": {t.name: why for t, why in gaps.items()},
    }
