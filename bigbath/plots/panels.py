"""The figures of the measurements, one function each; ``registry`` chooses among them."""

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from bigbath.plots import style
from bigbath.plots.means import AVERAGED, Mean, curves, labels_along, means, point_labels, shown
from bigbath.plots.naming import axis_title, name_of
from bigbath.plots.references import KINDS, gap_ratios
from bigbath.plots.registry import Panel, Selection, panel
from bigbath.plots.unresolved import mark_hollow, plot_lorentzian, plot_points, resolved
from bigbath.store import Result

#: Dimensions in legends.
SYMBOLS = {"epsilon": "ε", "kappa": "κ", "branch_from": "from", "element_from": "from", "other_branch": "to"}
#: Dimensions whose values are names, between which there is nothing.
NAMES = ("branch", "branch_from", "other_branch")
#: Points of a scatter plot; more are thinned out.
MOST_POINTS = 20_000
#: Curves in one panel.
MOST_CURVES = 6
#: Relative change of a curve that is rounding.
CONSTANT = 1e-9


def of_variable(name: str) -> Panel:
    """A panel of a measured number that has none of its own, from its dimensions."""
    return Panel(name=name, needs=(name,), draw=partial(_draw_variable, name))


def _draw_variable(name: str, result: Result, selection: Selection, axis: Axes) -> None:
    if "t" in _sample(result, name).dims:
        against_time(name, result, axis)
        return
    if swept_keys(result):
        against_sweep(name, result, axis)
        return
    variable = result.tasks[selection.task(result, name)][name]
    if "state" in variable.dims:
        against_energy(name, "state", "energy", result, axis)
    elif "bath_state" in variable.dims:
        against_energy(name, "bath_state", "bath_energy", result, axis, selection)
    else:
        against_label(name, result, axis)


def swept_keys(result: Result) -> list[str]:
    """Swept keys with several values."""
    points = point_labels(result)
    return [key for key in points[0] if len({str(p[key]) for p in points}) > 1]


def _sample(result: Result, name: str) -> xr.DataArray:
    return next(ds[name] for ds in result.tasks.values() if name in ds.variables)


def against_sweep(name: str, result: Result, axis: Axes) -> None:
    """Means with standard errors over the realizations against the swept key, a curve for each value of the others.

    The first key with numbers for values is the axis. Dashed: the theory's value, where there is one.
    """
    points, keys = point_labels(result), swept_keys(result)
    numeric = [k for k in keys if all(isinstance(p[k], int | float) for p in points)]
    x_key = numeric[0] if numeric else keys[0]
    pair = _with_theory(name, result)
    exact = "exact" if len(pair) > 1 else None
    for variable, dashes in pair:
        curves: dict[tuple, list[Mean]] = {}
        for mean in means(result, variable):
            others = tuple((k, shown(points[mean.point][k])) for k in keys if k != x_key)
            labels = tuple((k, shown(v)) for k, v in mean.label.items())
            curves.setdefault((*labels, *others), []).append(mean)
        for number, (label, row) in enumerate(_few_named(curves)):
            x: list[Any] = [points[m.point][x_key] if numeric else shown(points[m.point][x_key]) for m in row]
            order = np.argsort(x) if numeric else np.arange(len(x))
            value, error = (np.array([getattr(m, field) for m in row])[order] for field in ("mean", "error"))
            looks = style.look(number) if variable == name else {"color": style.colour(number)}
            text = (label or exact) if variable == name else "theory" if number == 0 else None
            axis.errorbar(np.array(x)[order], value, np.nan_to_num(error), label=text, ls=dashes, **looks)
            narrow = np.array([m.label in _unresolved_at(result, name, m.point) for m in row])[order]
            if narrow.any():
                mark_hollow(
                    axis, np.array(x)[order][narrow], value[narrow], mfc="white", zorder=3, **style.look(number)
                )
    if numeric and _spans_decades([point[x_key] for point in points]):
        axis.set_xscale("log")
    axis.set(xlabel=_key_title(x_key), ylabel=axis_title(name, _sample(result, name)))
    _references(name, axis)
    style.legend(axis)


def against_time(name: str, result: Result, axis: Axes) -> None:
    """Means over the realizations against time with standard errors as bands, a curve for each label and point of the sweep."""
    found = curves(result, name, "t", swept_keys(result))
    texts = labels_of([label for label, *_ in found])
    constant = all(_is_constant(value) for _, _, value, _ in found)
    for number, n in enumerate(style.spread(len(found), MOST_CURVES)):
        _, t, value, error = found[n]
        if constant:
            value, error = value / value[0] - 1, np.zeros(value.size)
        axis.plot(t, value, color=style.colour(number), lw=1, label=texts[n])
        error = np.nan_to_num(error)
        axis.fill_between(t, value - error, value + error, color=style.colour(number), alpha=0.25, lw=0)
    first = _sample(result, name)
    if t.size > 2 and t[0] > 0 and np.ptp(np.diff(t)) > 1e-6 * t[-1]:
        axis.set_xscale("log")
    steady = f"{name}_steady"
    if steady in _all_variables(result) and len(found) == 1 and not constant:
        axis.axhline(means(result, steady)[0].mean, color="0.45", ls="--", lw=0.8, label="steady state")
    title = f"{name_of(name, first)}, relative change" if constant else axis_title(name, first)
    axis.set(xlabel="time (1/coupling)", ylabel=title)
    style.legend(axis)


def _is_constant(values: np.ndarray) -> bool:
    """Whether a curve does not change but for rounding: its relative change is drawn, which needs no digits of the value."""
    return bool(values[0] != 0 and np.all(np.abs(values / values[0] - 1) < CONSTANT) and np.ptp(values) > 0)


def _unresolved_at(result: Result, name: str, point: int) -> list[dict[str, Any]]:
    """Labels at which most fits of a point of the sweep are not resolved by the energy shells."""
    sample = next((ds for task, ds in result.tasks.items() if task.point == point and name in ds.variables), None)
    flag = None if sample is None else resolved(sample, name)
    if flag is None:
        return []
    return [m.label for m in means(result, str(flag.name)) if m.point == point and m.mean < 0.5]


def labels_of(labels: Sequence[tuple]) -> list[str | None]:
    """What tells each curve from the others: "q = 2"; None for a curve that needs no name.

    ``labels``: ((key, value), ...) of each curve. What all curves share is left out.
    """
    shared = set.intersection(*map(set, labels)) if len(labels) > 1 else set()
    return [", ".join(_part(k, v) for k, v in label if (k, v) not in shared) or None for label in labels]


def _part(key: str, value: Any) -> str:
    name = _short(key).replace("_", " ")
    return f"{SYMBOLS.get(key, name)} = {called(value)}"


def called(value: Any) -> str:
    """A label in words: "GOE" for goe."""
    return KINDS.get(str(value), (str(value),))[0]


def _few(curves: dict) -> list[tuple[tuple, list[Mean]]]:
    """The curves, thinned out evenly, with their labels."""
    keys = list(curves)
    return [(keys[n], curves[keys[n]]) for n in style.spread(len(keys), MOST_CURVES)]


def _few_named(curves: dict[tuple, list[Mean]]) -> list[tuple[str | None, list[Mean]]]:
    """The same with what tells them apart."""
    names = dict(zip(curves, labels_of(list(curves)), strict=True))
    return [(names[label], row) for label, row in _few(curves)]


def _with_theory(name: str, result: Result) -> list[tuple[str, str]]:
    """A variable with its dashes, and the theory's value where there is one."""
    theory = f"{name}_theory"
    return [(name, "-"), *([(theory, "--")] if theory in _all_variables(result) else [])]


def _short(key: str) -> str:
    return key.rpartition(".")[2]


def _key_title(key: str) -> str:
    """A swept key in words: "model: W"."""
    section, _, name = key.rpartition(".")
    if section == "model":
        return f"parameter {name} of the model"
    return f"{name.replace('_', ' ')} ({section})" if section else name


def _spans_decades(values: list[float]) -> bool:
    """Whether positive values differ so much that a logarithmic axis shows them better."""
    return min(values) > 0 and max(values) / min(values) >= 50


def _references(name: str, axis: Axes) -> None:
    """What uncorrelated levels and random matrices would give."""
    if name == "gap_ratio":
        gap_ratios(axis)


def against_energy(
    name: str, along: str, energy: str, result: Result, axis: Axes, selection: Selection | None = None
) -> None:
    """A point for each state of every task, a colour for each label along the other dimensions.

    Hollow: parameters of fits that the energy shells do not resolve.
    """
    clouds: dict[tuple, list[tuple[np.ndarray, ...]]] = {}
    for dataset in result.tasks.values():
        if name not in dataset.variables:
            continue
        variable = dataset[name]
        flag = resolved(dataset, name)
        others = [d for d in variable.dims if d != along]
        for where in np.ndindex(*(variable.sizes[d] for d in others)):
            label = tuple((str(d), labels_along(variable, d)[n]) for d, n in zip(others, where, strict=True))
            if (
                selection
                and selection.branches
                and dict(label).get("branch", selection.branches[0]) not in selection.branches
            ):
                continue
            here = dict(zip(others, where, strict=True))
            good = np.ones(variable.sizes[along], dtype=bool) if flag is None else flag.isel(here).values == 1
            cloud = (dataset[energy].values, np.real(variable.isel(here).values), good)
            clouds.setdefault(label, []).append(cloud)
    keys = list(clouds)
    texts = labels_of([tuple((k, shown(v)) for k, v in key) for key in keys])
    for number, n in enumerate(style.spread(len(keys), MOST_CURVES)):
        key, text = keys[n], texts[n]
        x, y, good = (np.concatenate(parts) for parts in zip(*clouds[key], strict=True))
        step = max(1, x.size // MOST_POINTS)
        x, y, good = x[::step], y[::step], good[::step]
        size = 3.5 if x.size < 200 else 2.5 if x.size < 2000 else 1.5
        plot_points(axis, x, y, good, text, ms=size, rasterized=x.size > 2000, **style.look(number))
    axis.set(xlabel=axis_title(energy), ylabel=axis_title(name, _sample(result, name)))
    style.legend(axis, markerscale=2)


def against_label(name: str, result: Result, axis: Axes) -> None:
    """Means with errors of the entries of a table against its longest labelled dimension, or one beside the other.

    Dashed: the theory's value, where there is one.
    """
    variable = _sample(result, name)
    dims = [d for d in variable.dims if d not in AVERAGED]
    ladder = max(dims, key=lambda d: variable.sizes[d], default=None)
    pair = _with_theory(name, result)
    exact = "exact" if len(pair) > 1 else None
    for measured, dashes in pair:
        curves: dict[tuple, list[Mean]] = {}
        for mean in means(result, measured):
            curves.setdefault(tuple((k, shown(v)) for k, v in mean.label.items() if k != ladder), []).append(mean)
        for number, (label, row) in enumerate(_few_named(curves)):
            x = _positions(ladder, row)
            y, bar = [m.mean for m in row], np.nan_to_num([m.error for m in row])
            theory = measured != name
            alone = len(row) < 2 or isinstance(x[0], str) or ladder in NAMES
            looks = style.look(number) | (
                {"marker": "x", "mew": 1.0} if theory and alone else {"marker": ""} if theory else {}
            )
            text = (label or exact) if not theory else "theory" if number == 0 else None
            axis.errorbar(x, y, bar, label=text, ls="" if alone else dashes, **looks)
            if isinstance(x[0], float | int) and len(row) > 2 and _spans_decades(x):
                axis.set_xscale("log")
    axis.set(xlabel=axis_title(ladder) if ladder else "mean of all realizations", ylabel=axis_title(name, variable))
    if ladder is None:
        axis.set(xticks=[])
    _references(name, axis)
    style.legend(axis)


def _positions(ladder: Hashable | None, row: list[Mean]) -> list[Any]:
    places = [0] * len(row) if ladder is None else [m.label[str(ladder)] for m in row]
    return [called(x) if isinstance(x, str) else x for x in places]


@panel("gap_ratio", needs=("gap_ratio",))
def gap_ratio(result: Result, selection: Selection, axis: Axes) -> None:
    """Gap ratio of every sector, with errors over the realizations, between those of random matrices and of Poisson."""
    values: dict[str, list[float]] = {}
    for dataset in result.tasks.values():
        labels = dataset.sector_label.values if "sector_label" in dataset else labels_along(dataset.gap_ratio, "sector")
        for label, value in zip(labels, dataset.gap_ratio.values, strict=True):
            values.setdefault(str(label), []).append(float(value))
    for number, row in enumerate(values.values()):
        finite = np.array(row)[np.isfinite(row)]
        error = finite.std(ddof=1) / np.sqrt(finite.size) if finite.size > 1 else 0.0
        mean = finite.mean() if finite.size else np.nan
        axis.errorbar([number], [mean], [error], ls="", color=style.colour(0), marker="o")
    if max(map(len, values)) * len(values) < 40:
        axis.set_xticks(range(len(values)), list(values))
        sectors = "symmetry sector"
    else:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        sectors = "number of the symmetry sector"
    axis.set(xlabel=sectors, ylabel=axis_title("gap_ratio"), xlim=(-0.6, len(values) - 0.4), ylim=(0.3, 0.6))
    axis.set_ylim(min(0.3, axis.dataLim.y0 - 0.02), max(0.6, axis.dataLim.y1 + 0.02))
    _references("gap_ratio", axis)
    style.legend(axis)


@panel("entanglement", needs=("entanglement",))
def entanglement(result: Result, selection: Selection, axis: Axes) -> None:
    """Entanglement entropy of the system in every eigenstate against its energy, with the largest possible value."""
    against_energy("entanglement", "state", "energy", result, axis)
    dataset = result.tasks[selection.task(result, "entanglement")]
    axis.axhline(np.log(dataset.sizes["branch"]), color="0.45", ls="--", lw=0.8, label="largest possible")
    style.legend(axis, markerscale=2)


@panel("propagator", needs=("A",), shows=("A_theory", "D", "D_theory", "B", "nu", "Gamma_typical", "Gamma_quantile"))
def propagator(result: Result, selection: Selection, axis: Axes) -> None:
    """A(epsilon, kappa): direct with markers, theory dashed; errors over the realizations; dotted: the level spacing."""
    direct = _by_energy(means(result, "A"))
    theory = _by_energy(means(result, "A_theory")) if "A_theory" in _all_variables(result) else {}
    for number, (epsilon, row) in enumerate(_few(direct)):
        for curve, words, looks in (
            (row, "direct", {"ls": "-", **style.look(number)}),
            (theory.get(epsilon, []), "theory", {"ls": "--", "color": style.colour(number), "marker": ""}),
        ):
            if curve:
                x, y, bar = ([getattr(m, f) for m in curve] for f in ("label", "mean", "error"))
                label = f"ε = {shown(epsilon[0])}, {words}"
                axis.errorbar([v["kappa"] for v in x], y, np.nan_to_num(bar), label=label, **looks)
        spacing = [
            float(ds.level_spacing.sel(epsilon=epsilon[0])) for ds in result.tasks.values() if "level_spacing" in ds
        ]
        if spacing:
            name = None if number else "level spacing"
            axis.axvline(float(np.mean(spacing)), color=style.colour(number), ls=":", lw=0.8, label=name)
    axis.set(xscale="log", xlabel=axis_title("kappa"), ylabel=axis_title("A"))
    if _spans_decades([m.mean for row in direct.values() for m in row]):
        axis.set_yscale("log")
        axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    style.legend(axis)


def _by_energy(found: list[Mean]) -> dict[tuple, list[Mean]]:
    curves: dict[tuple, list[Mean]] = {}
    for mean in found:
        curves.setdefault((mean.label["epsilon"],), []).append(mean)
    return {epsilon: sorted(row, key=lambda m: m.label["kappa"]) for epsilon, row in curves.items()}


def _all_variables(result: Result) -> set[str]:
    return {str(name) for dataset in result.tasks.values() for name in dataset.variables}


@panel("distribution", needs=("P", "bath_energy"))
def distribution(result: Result, selection: Selection, axis: Axes) -> None:
    """Probability in each energy shell of the chosen initial states, all branches, with the fitted Lorentzians."""
    dataset = result.tasks[selection.task(result, "P")]
    filled = dataset.shell_count.values > 0
    x = dataset.shell_energy.values[filled]
    fine = np.linspace(x.min(), x.max(), 600)
    branches = selection.branches_of(dataset)
    for number, mu in enumerate(selection.states_of(dataset.bath_energy.values, 3 if len(branches) == 1 else 2)):
        for order, branch in enumerate(branches):
            one = dataset.isel(bath_state=mu, branch=branch)
            looks = style.look(number * len(branches) + order)
            label = rf"$\epsilon_\mu$ = {float(one.bath_energy):.2f}, i = {int(one.branch)}"
            axis.plot(x, one.P.values[filled], ls="", **looks, mfc="none", mew=0.8, label=label)
            if "chi" in one:
                plot_lorentzian(axis, one, fine, dataset.attrs["shell_width"], color=looks["color"])
    axis.set(xlabel=axis_title("shell_energy"), ylabel=axis_title("P"), ylim=(0, None))
    style.legend(axis, title=_which("P", result, selection))


def _which(name: str, result: Result, selection: Selection) -> str | None:
    """The one task of several that a panel shows, in words."""
    if len(result.tasks) < 2:
        return None
    task = selection.task(result, name)
    words = [f"{_short(k)} = {shown(v)}" for k, v in point_labels(result)[task.point].items()]
    return ", ".join([*words, f"realization {task.realization}"])


@panel("shots", needs=("shot_density",), shows=("shot_entropy", "shot_entropy_exact"))
def shots(result: Result, selection: Selection, axis: Axes) -> None:
    """P_sigma(E) of the initial state from a finite number of shots with its errors, and that of infinitely many."""
    dataset = result.tasks[selection.task(result, "shot_density")]
    x = dataset.shot_shell_energy.values
    looks = style.look(0) | {"ls": ""}
    axis.errorbar(x, dataset.shot_density.values, dataset.shot_density_error.values, label="shots", capsize=2, **looks)
    axis.plot(x, dataset.shot_density_exact.values, color=style.colour(1), lw=1, label="infinitely many")
    axis.set(xlabel=axis_title("shot_shell_energy"), ylabel=axis_title("shot_density"))
    style.legend(axis, title=_which("shot_density", result, selection))


@panel("widths", needs=("chi", "bath_energy"), shows=("centre",))
def widths(result: Result, selection: Selection, axis: Axes) -> None:
    """Fitted half-width of every initial state against the energy of its bath state."""
    against_energy("chi", "bath_state", "bath_energy", result, axis, selection)
    values = np.concatenate([ds.chi.values.ravel() for ds in result.tasks.values() if "chi" in ds])
    if np.isfinite(values).any():
        axis.set_ylim(0, 1.7 * float(np.nanquantile(values, 0.95)))


@panel("entropies", needs=("shannon", "bath_energy"), shows=("renyi2", "mean_energy", "second_moment"))
def entropies(result: Result, selection: Selection, axis: Axes) -> None:
    """Entropy of the steady state of every initial state against the energy of its bath state."""
    against_energy("shannon", "bath_state", "bath_energy", result, axis, selection)
    axis.set_ylim(0, None)


@panel("interaction", needs=("F2", "bath_shell_energy"), shows=("channel", "V_diagonal"))
def interaction(result: Result, selection: Selection, axis: Axes) -> None:
    """Squared elements of V between a chosen bath state and the bath's shells, for each pair of branches."""
    dataset = result.tasks[selection.task(result, "F2")]
    (mu,) = selection.states_of(dataset.bath_energy.values, 1)[:1]
    one, number = dataset.isel(bath_state=mu), 0
    for branch in selection.branches_of(dataset):
        for other in range(dataset.sizes["other_branch"]):
            y = one.F2.isel(branch=branch, other_branch=other)
            label = f"{branch + 1} to {other + 1}"
            axis.plot(dataset.bath_shell_energy, y, ls="-", **style.look(number), label=label)
            number += 1
    axis.set(xlabel=axis_title("bath_shell_energy"), ylabel=axis_title("F2"))
    style.legend(axis, title=_which("F2", result, selection))


@panel("levels", needs=("energy",))
def levels(result: Result, selection: Selection, axis: Axes) -> None:
    """How many levels there are against the energy, a curve for each point of the sweep, all its realizations."""
    points, keys = point_labels(result), swept_keys(result)
    curves: dict[int, list[np.ndarray]] = {}
    for task, dataset in result.tasks.items():
        curves.setdefault(task.point, []).append(dataset.energy.values)
    for number, point in enumerate(list(curves)[n] for n in style.spread(len(curves), MOST_CURVES)):
        energies = np.concatenate(curves[point])
        bins = int(np.clip(np.sqrt(energies.size), 5, 60))
        label = ", ".join(f"{_short(k)} = {shown(points[point][k])}" for k in keys) or None
        density, edges = np.histogram(energies, bins=bins)
        per = density / np.diff(edges) / len(curves[point])
        axis.stairs(per, edges, color=style.colour(number), label=label)
    axis.set(xlabel=axis_title("energy"), ylabel="density of levels (1/coupling)", ylim=(0, None))
    style.legend(axis)
