"""What has become of a run."""

from pathlib import Path
from typing import Any

from bigbath.errors import FileError
from bigbath.store import Shards, job_of, open_result, open_run
from bigbath.tasks import tasks_of


def status_of(output: str | Path) -> dict[str, Any]:
    """State of the run that writes ``output``, as JSON data: ``state`` ("whole", "unfinished"), number of ``tasks``, and
    by name those ``done``, ``missing``, ``failed`` (with the error), files ``corrupt``, ``foreign``, ``duplicate``, and
    ``incomplete_spectra`` whose energy shells do not make up a whole without repeats.

    FileError when there is no such run.
    """
    output = Path(output)
    try:
        job = job_of(output)
    except OSError:
        if not output.exists():
            raise FileError(f"there is no run of {output}: neither the file nor its shards") from None
        result = open_result(output)
        wanted = tasks_of(result.job)
        return {
            "state": "whole" if set(wanted) <= set(result.tasks) else "merged in part",
            "tasks": len(wanted),
            "done": [t.name for t in sorted(result.tasks)],
            "missing": [t.name for t in wanted if t not in result.tasks],
            "failed": {}, "corrupt": [], "foreign": [], "duplicate": [],
            "incomplete_spectra": {t.name: why for t, why in result.gaps().items()},
        }  # fmt: skip
    survey = Shards(output, job).survey()
    gaps = open_run(output).gaps() if survey.done and not output.exists() else {}
    return {
        "state": "unfinished",
        "tasks": len(tasks_of(job)),
        "done": [t.name for t in sorted(survey.done)],
        "missing": [t.name for t in survey.missing],
        "failed": {t.name: record["error"] for t, record in sorted(survey.failed.items())},
        "corrupt": [str(p) for p in survey.corrupt],
        "foreign": [str(p) for p in survey.foreign],
        "duplicate": [str(p) for p in survey.duplicate],
        "incomplete_spectra": {t.name: why for t, why in gaps.items()},
    }
