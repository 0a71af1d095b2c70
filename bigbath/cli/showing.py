"""What ``bigbath show`` says of a result, as lines of text and as JSON data."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from bigbath.job import reference, resolved
from bigbath.measure import caveats
from bigbath.plots.means import Mean, certified, means, point_labels, shown, with_error
from bigbath.plots.naming import unit_of
from bigbath.store import Result
from bigbath.tasks import tasks_of

PARTS = ("spectrum", "bath")
#: More rows of a table than this are left to --json; of a table of curves, which figures show better.
MOST_ROWS, FEW_ROWS = 40, 12


def as_data(result: Result) -> dict[str, Any]:
    """Everything but the arrays, as JSON data: numbers that are not finite are null."""
    wanted = tasks_of(result.job)
    content: dict[str, Any] = {
        "job": resolved(result.job),
        "job_hash": result.job_hash,
        "provenance": result.provenance,
        "points": point_labels(result),
        "missing": [task.name for task in wanted if task not in result.tasks],
        "certified": {part: found for part in PARTS if (found := certified(result, part))},
        "means": [_finite(asdict(mean) | {"unit": unit_of(mean.variable)}) for mean in means(result)],
        "tasks": {task.name: asdict(task) | _task(result, task, ds) for task, ds in sorted(result.tasks.items())},
    }
    if not (result.job.sweep or result.job.spectrum.shells):
        content["realizations"] = {task.realization: _task(result, task, ds) for task, ds in result.tasks.items()}
    return content


def _task(result: Result, task: Any, ds: xr.Dataset) -> dict[str, Any]:
    return {
        "sizes": {str(d): n for d, n in ds.sizes.items()},
        "variables": sorted(map(str, ds.variables)),
        "evidence": {part: result.evidence(task, part) for part in PARTS if f"evidence_{part}" in ds.attrs},
        "seconds": json.loads(ds.attrs.get("seconds", "{}")),
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}


def as_text(result: Result, width: int) -> list[str]:
    """Lines of at most ``width`` characters where words allow it."""
    tasks, wanted, points = result.tasks, tasks_of(result.job), point_labels(result)
    made_of = [f"{len(points)} points" if len(points) > 1 else "", f"{result.job.ensemble.realizations} realization(s)"]
    if result.job.spectrum.shells:
        made_of.append(f"{result.job.spectrum.shells} energy shells")
    lines = [
        f"{result.path}: {result.job.title or result.job.model.name}, job {result.job_hash}",
        f"{len(tasks)} of {len(wanted)} tasks: " + " x ".join(filter(None, made_of)),
    ]
    if when := result.provenance.get("finished"):
        lines.append(f"finished {when}, {result.provenance['seconds']['total']:.1f} s")
    else:
        lines.append("not finished: these are the tasks that are done so far")
    lines += reference(result.job, result.job_hash)
    for part in PARTS:
        lines += _evidence(result, part)
    lines += _caveats(result)
    if len(tasks) == 1:
        lines += fits(next(iter(tasks.values())))
    return lines + _means(result, width)


def _evidence(result: Result, part: str) -> list[str]:
    found = certified(result, part)
    if found is None:
        return []
    lines = [
        f"{part}: {found['yes']} of {found['tasks']} windows certified, complete: "
        f"{'yes' if found['yes'] == found['tasks'] else 'NOT ALL'}; {found['states']:,} states",
        f"   largest residual {found['residual']:.1e}, orthogonality {found['orthogonality']:.1e}, engine "
        + ", ".join(found["engines"]),
    ]
    if found["tasks"] == 1:
        (task,) = result.tasks
        lines.append(f"   {result.evidence(task, part)['reason']}")
    refused = found["not_certified"]
    lines += [f"   not certified: {task}: {reason}" for task, reason in list(refused.items())[:5]]
    if len(refused) > 5:
        lines.append(f"   ... and {len(refused) - 5} more that are not certified (--json lists all)")
    return lines


def _caveats(result: Result) -> list[str]:
    """What must be said beside the numbers, each once with the number of tasks that it holds for."""
    found = Counter(line for dataset in result.tasks.values() for line in caveats(dataset))
    several = len(result.tasks) > 1
    return [f"   {line}" + (f" ({count} tasks)" if several else "") for line, count in list(found.items())[:12]]


def fits(ds: xr.Dataset) -> list[str]:
    """Lorentzian fits of the first initial states; widths that the shells do not resolve are marked."""
    if "centre" not in ds or "bath_state" not in ds.centre.dims:
        return []
    lines = []
    for mu in range(min(4, ds.sizes["bath_state"])):
        one = ds.isel(bath_state=mu)
        lines.append(f"   bath state {float(one.bath_energy):.6f}:")
        lines += [f"      {_fit(one.isel(branch=i))}" for i in range(ds.sizes["branch"])]
    return lines


def _fit(one: xr.Dataset) -> str:
    """The fit of one initial state: at the shells' energies, then integrated over the shells."""
    text = f"branch {int(one.branch)}: centre {one.centre:.3f} ± {one.centre_error:.3f}, chi {one.chi:.3f} ± {one.chi_error:.3f}"
    if "chi_integrated" in one:
        text += f" ({one.chi_integrated:.3f} integrated over shells)"
    return text + (", NOT RESOLVED by the shells" if "fit_resolved" in one and not one.fit_resolved else "")


def _means(result: Result, width: int) -> list[str]:
    """Means over states and realizations with their errors: a row for each point of the sweep and each label, a column for each variable."""
    groups: dict[tuple[str, ...], dict[str, dict[tuple, Mean]]] = {}
    found = means(result)
    for mean in found:
        group = groups.setdefault(tuple(mean.label), {})
        group.setdefault(mean.variable, {})[(mean.point, *map(shown, mean.label.values()))] = mean
    realizations = len({task.realization for task in result.tasks})
    error = f" ± standard error over {realizations} realizations" if realizations > 1 else ""
    if realizations == 1 and any(np.isfinite(mean.error) for mean in found):
        error = " ± statistical errors of their own"
    lines = ["", f"means over states{error}:"] if groups else []
    points = point_labels(result)
    for labels, variables in sorted(groups.items(), key=lambda item: len(item[0])):
        places = dict.fromkeys(place for row in variables.values() for place in row)
        rows = [[*map(shown, points[point].values()), *label] for point, *label in places]
        cells = {
            _with_unit(next(iter(row.values()))): [
                with_error(row[p].mean, row[p].error) if p in row else "-" for p in places
            ]
            for row in variables.values()
        }
        lines += [
            "",
            *tables([*result.swept.values(), *labels], rows, cells, width, MOST_ROWS if len(labels) < 2 else FEW_ROWS),
        ]
    return lines


def _with_unit(mean: Mean) -> str:
    unit = unit_of(mean.variable)
    return f"{mean.symbol} [{unit}]" if unit else mean.symbol


def tables(
    keys: Sequence[str], rows: Sequence[Sequence[str]], columns: dict[str, list[str]], width: int, most: int = MOST_ROWS
) -> list[str]:
    """At most ``most`` rows under the names of their ``keys`` and ``columns``, in as many tables as the width needs."""
    chosen = range(min(len(rows), most))
    lines: list[str] = []
    first = sum(max(map(len, column)) + 2 for column in zip(keys, *rows, strict=True))
    group: list[str] = []
    used = first
    for name, cells in [*columns.items(), (None, [])]:
        wide = 0 if name is None else max(map(len, (name, *cells))) + 2
        if group and (name is None or used + wide > width):
            body = [[*rows[n], *(columns[g][n] for g in group)] for n in chosen]
            lines += [*([""] if lines else []), *aligned([[*keys, *group], *body])]
            group, used = [], first
        if name is not None:
            group.append(name)
            used += wide
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most} more rows (--json lists all)")
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
