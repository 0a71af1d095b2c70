"""Means with errors of every measured number at each point of a sweep, whatever was measured."""

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bigbath.solvers import Evidence
from bigbath.store import Result
from bigbath.tasks import Task, coordinates

#: Dimensions that a mean is taken over: states of one realization, of all its energy shells. Several sectors of very different
#: size are not averaged: each has a number of its own.
AVERAGED = ("state", "sector", "bath_state")
#: Dimensions of curves, which make no single number.
CURVES = ("shell", "bath_shell", "bath_shell_t", "shot_shell", "iteration", "kept_state")
#: Endings of what was found out about a number: whether it means something, and how far it is off.
FLAGS = ("_resolved", "_settled", "_converged", "_error", "_residual", "_change", "degeneracy")
#: A number of them is what was found out about the calculation, not about the system.
NOT_MEASURED = ("norm", "residual", "fit_rms", "fit_converged", "level_spacing", "multiplicity", "shot_outcomes")
#: Numbers with a statistical error of their own, in a variable of the same name and _error: of one realization it is given.
OWN_ERROR = (
    "string_autocorrelation", "observational_entropy", "autocorrelation_evolved", "p_time_evolved", "shot_density",
    "shot_probability", "shot_entropy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Mean of ``variable`` at ``label`` (as {"q": 2.0}) over the states and the ``count`` realizations of sweep point number
    ``point``, with its standard ``error`` over these; of a single one its own where it has one, else NaN. In the variable's own units. ``modulus``: the
    variable is complex, and the mean is of its absolute values.
    """

    point: int
    variable: str
    label: dict[str, Any]
    mean: float
    error: float
    count: int
    modulus: bool = False

    @property
    def symbol(self) -> str:
        """The variable, or its modulus: "|loschmidt|"."""
        return f"|{self.variable}|" if self.modulus else self.variable

    @property
    def name(self) -> str:
        """ "participation, q = 2"."""
        return ", ".join([self.symbol, *(f"{key} = {shown(value)}" for key, value in self.label.items())])


def measured(dataset: xr.Dataset) -> list[str]:
    """Variables of a task's dataset that are numbers, or tables of numbers."""
    return [
        str(name)
        for name, variable in dataset.data_vars.items()
        if variable.dtype.kind in "fciu"
        and variable.size
        and not set(variable.dims) & set(CURVES)
        and name not in NOT_MEASURED
        and not str(name).startswith(("kept_", "sector"))
        and not str(name).endswith(("_error", "_sector_index", "_count"))
        and not _is_axis(str(name), variable)
    ]


def is_flag(name: str) -> bool:
    """Whether a variable says how good other numbers are."""
    return name.removesuffix("_integrated").endswith(FLAGS)


def _is_axis(name: str, variable: xr.DataArray) -> bool:
    """Whether a variable only says where others are."""
    return variable.attrs.get("role") == "axis" or name.endswith(("shell_energy", "shell_lower_edge"))


def means(result: Result, only: str | None = None) -> list[Mean]:
    """The mean of each measured number at each point of the sweep, by variable, label and point."""
    cells: dict[tuple[str, tuple, int], dict[int, list[tuple[float, int]]]] = {}
    own: dict[tuple[str, tuple, int], float] = {}
    of_complex: set[str] = set()
    for task, dataset in _sectors_apart(result):
        for name in measured(dataset):
            if only in (None, name):
                of_complex |= {name} if dataset[name].dtype.kind == "c" else set()
                for label, value, weight in _numbers(_converged(dataset, name)):
                    cell = cells.setdefault((name, label, task.point), {})
                    cell.setdefault(task.realization, []).append((value, weight))
                if name in OWN_ERROR and f"{name}_error" in dataset:
                    errors = _numbers(dataset[f"{name}_error"])
                    own |= {(name, label, task.point): error for label, error, _ in errors}
    found = []
    for (name, label, point), realizations in cells.items():
        values = np.array([_weighted(shells) for shells in realizations.values()])
        values = values[np.isfinite(values)]
        single = own.get((name, label, point), np.nan)
        error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else single
        mean = values.mean() if values.size else np.nan
        found.append(
            Mean(
                point=point, variable=name, label=dict(label), mean=float(mean), error=float(error), count=values.size,
                modulus=name in of_complex,
            )
        )  # fmt: skip
    order = {name: n for n, name in enumerate(dict.fromkeys(m.variable for m in found))}
    return sorted(found, key=lambda m: (order[m.variable], m.point))


def curves(
    result: Result, name: str, along: str, keys: Sequence[str]
) -> list[tuple[tuple[tuple[str, str], ...], np.ndarray, np.ndarray, np.ndarray]]:
    """Means of a variable against one of its dimensions: (label, x, mean, error) for each of its other labels and each point.

    ``keys``: the swept keys that are part of the label, as (("branch", "1"), ("model.W", "2")).
    """
    points = point_labels(result)
    rows: dict[tuple[tuple[str, str], ...], list[tuple[float, float, float]]] = {}
    for mean in means(result, name):
        label = tuple((k, shown(v)) for k, v in mean.label.items() if k != along)
        label += tuple((k, shown(points[mean.point][k])) for k in keys)
        rows.setdefault(label, []).append((mean.label[along], mean.mean, mean.error))
    return [(label, *np.array(row, dtype=float).T) for label, row in rows.items()]


def _sectors_apart(result: Result) -> list[tuple[Task, xr.Dataset]]:
    """The tasks' datasets, with the names of sectors as labels where there are several."""
    tasks = sorted(result.tasks.items())
    names = {str(label) for _, ds in tasks if "sector_label" in ds for label in ds.sector_label.values}
    if len(names) < 2:
        return [(task, ds.drop_vars("sector", errors="ignore")) for task, ds in tasks]
    return [(task, ds.assign_coords(sector=ds.sector_label.values)) for task, ds in tasks]


def _converged(dataset: xr.Dataset, name: str) -> xr.DataArray:
    """A variable without the parameters of fits that did not converge."""
    if name in ("chi", "centre") and "fit_converged" in dataset:
        return dataset[name].where(dataset.fit_converged == 1)
    return dataset[name]


def _weighted(shells: list[tuple[float, int]]) -> float:
    """Mean over the energy shells of one realization, which hold different numbers of states."""
    values, weights = (np.array(column, dtype=float) for column in zip(*shells, strict=True))
    good = np.isfinite(values) & (weights > 0)
    return float(np.average(values[good], weights=weights[good])) if good.any() else np.nan


def _numbers(variable: xr.DataArray) -> list[tuple[tuple, float, int]]:
    """(label, mean over the states, how many) of each entry along the other dimensions."""
    over = [d for d in variable.dims if d in AVERAGED and not (d == "sector" and d in variable.coords)]
    kept = [d for d in variable.dims if d not in over]
    values = np.moveaxis(np.abs(variable.values) if variable.dtype.kind == "c" else variable.values.astype(float),
                         [variable.dims.index(d) for d in kept], range(len(kept)))  # fmt: skip
    labels = [labels_along(variable, d) for d in kept]
    rows = values.reshape(*map(len, labels), -1)
    found = []
    for where in itertools.product(*(range(len(label)) for label in labels)):
        finite = rows[where][np.isfinite(rows[where])]
        label = tuple((str(d), labels[k][n]) for k, (d, n) in enumerate(zip(kept, where, strict=True)))
        weight = finite.size if over else 1
        found.append((label, float(finite.mean()) if finite.size else np.nan, weight))
    return found


def labels_along(variable: xr.DataArray, dimension: Hashable) -> list[Any]:
    """Labels of a dimension, its numbers when it has none."""
    if dimension in variable.coords:
        return [v.item() if hasattr(v, "item") else v for v in variable[dimension].values]
    return list(range(variable.sizes[dimension]))


def point_labels(result: Result) -> list[dict[str, Any]]:
    """The swept parameters of each point."""
    return coordinates(result.job)


def certified(result: Result, part: str = "spectrum") -> dict[str, Any] | None:
    """What the evidence of all tasks says of a part ("spectrum", "bath"); None when no task has it.

    ``yes`` of ``tasks`` are certified; ``states`` found in all; largest ``residual`` (over ||H||) and ``orthogonality``;
    ``engines``; ``not_certified``: name of the task -> reason.
    """
    found = {task: result.evidence(task, part) for task, ds in result.tasks.items() if f"evidence_{part}" in ds.attrs}
    if not found:
        return None
    return {
        "tasks": len(found),
        "yes": sum(e["complete"] == "yes" for e in found.values()),
        "states": sum(e["found"] for e in found.values()),
        "residual": max(e["residual"] for e in found.values()),
        "orthogonality": max(e["orthogonality"] for e in found.values()),
        "engines": sorted({Evidence(**e).engine_in_words for e in found.values()}),
        "not_certified": {
            task.name: f"{e['complete']}: {e['reason']}" for task, e in sorted(found.items()) if e["complete"] != "yes"
        },
    }


def shown(value: Any) -> str:
    """A label in few characters."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def with_error(mean: float, error: float) -> str:
    """ "0.512 ± 0.013": as many digits as the error allows; five without one."""
    if not np.isfinite(mean):
        return "-"
    if not np.isfinite(error):
        return f"{mean:.5g}"
    if error <= 1e-12 * abs(mean):  # rounding
        return f"{mean:.5g} ± 0"
    digits = 1 - int(np.floor(np.log10(abs(error))))
    if -4 < np.log10(abs(error)) < 5:
        return f"{mean:.{max(0, digits)}f} ± {error:.{max(0, digits)}f}"
    return f"{mean:.5g} ± {error:.2g}"
