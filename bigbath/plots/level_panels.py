"""The figures of statistics of levels: form factor, spacings and number variance beside random matrices and Poisson."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bigbath.measure import disorder_average
from bigbath.plots import style
from bigbath.plots.means import curves, point_labels, shown
from bigbath.plots.naming import axis_title
from bigbath.plots.panels import MOST_CURVES, labels_of, swept_keys
from bigbath.plots.references import expected_form_factors, expected_number_variances, expected_spacings
from bigbath.plots.registry import Selection, panel
from bigbath.store import Result

#: Decades of tau of the running mean of a form factor: one realization fluctuates by 100 % at each tau.
DECADES = 0.1
#: What is drawn of K: at tau = 0 all of it is the number of levels, the connected part 0.
LOWEST, HIGHEST = 0.02, 50.0
#: Variables beside those of the form factor itself that an average needs.
BESIDE = ("mean_spacing", "random_matrices", "sector_label")


@panel(
    "form_factor",
    needs=("form_factor", "form_factor_real", "form_factor_imag", "form_factor_norm", "mean_spacing"),
    every_point=True,
)
def form_factor(result: Result, selection: Selection, axis: Axes) -> None:
    """K(tau) averaged over the realizations, a colour for each sector and point of the sweep, with errors as bands.

    Thick: connected part, with a triangle at the Thouless time; thin: all of it, the only part of one realization.
    """
    averages, kinds = _averages(result)
    tau = next(ds.tau.values for ds in result.tasks.values() if "form_factor" in ds)
    for number, n in enumerate(style.spread(len(averages), MOST_CURVES)):
        label, K = averages[n]
        colour, single = style.colour(number), int(K.realizations) < 2
        axis.plot(tau, K.K, color=colour, lw=0.5, alpha=0.8, label=None if not single else label or "one realization")
        if single:
            continue
        value, error = K.K_connected.values, np.nan_to_num(K.K_connected_error.values)
        axis.plot(tau, value, color=colour, lw=1.2, label=label or "connected")
        axis.fill_between(tau, np.maximum(value - error, LOWEST / 10), value + error, color=colour, alpha=0.25, lw=0)
        if np.isfinite(thouless := float(K.thouless_tau)):
            axis.plot(thouless, np.interp(thouless, tau, value), ls="", marker="v", color=colour, ms=6, mec="white")
    if any(int(K.realizations) > 1 for _, K in averages):
        axis.plot([], [], color="0.4", lw=0.5, label="all of K")
        axis.plot([], [], color="0.4", ls="", marker="v", ms=6, mec="white", label="Thouless time")
    expected_form_factors(axis, tau, (*kinds, "poisson"))
    axis.set(
        xscale="log", yscale="log", ylim=(LOWEST, HIGHEST), xlabel=axis_title("tau"), ylabel=axis_title("form_factor")
    )
    style.legend(axis)


def _averages(result: Result) -> tuple[list[tuple[str, xr.Dataset]], list[str]]:
    """Labelled disorder averages of the sectors and points that have enough levels; random matrices to compare with."""
    points, keys = point_labels(result), swept_keys(result)
    labels = np.unique([str(name) for ds in result.tasks.values() for name in ds.sector_label.values])
    found, kinds = [], set()
    for number, point in enumerate(points):
        mine = [ds for task, ds in sorted(result.tasks.items()) if task.point == number]
        for sector in range(max((ds.sizes["sector"] for ds in mine), default=0)):
            parts = [_bare(ds.isel(sector=sector)) for ds in mine if sector < ds.sizes["sector"]]
            kind = str(parts[0].random_matrices.item())
            average = disorder_average(
                xr.concat(parts, "realization"), "gue" if kind == "gue" else "goe", decades=DECADES
            )
            if int(average.realizations):
                kinds.add(kind)
                words = [f"{key.rpartition('.')[2]} = {shown(point[key])}" for key in keys]
                words += [str(parts[0].sector_label.item())] if labels.size > 1 else []
                found.append((", ".join(words), average))
    return found, sorted(kinds)


def _bare(dataset: xr.Dataset) -> xr.Dataset:
    """What a disorder average needs of a task, without coordinates that differ between tasks."""
    names = [name for name in dataset.data_vars if str(name).startswith("form_factor") or name in BESIDE]
    return dataset[names].reset_coords(drop=True).drop_attrs()


@panel("spacings", needs=("spacing_density", "spacing_distance"), every_point=True)
def spacings(result: Result, selection: Selection, axis: Axes) -> None:
    """Density of unfolded spacings with errors over the realizations, beside Wigner's surmises and Poisson."""
    upper = _curves("spacing_density", "spacing", result, axis)
    expected_spacings(axis, upper)
    axis.set(ylim=(0, None))
    style.legend(axis)


@panel("number_variance", needs=("number_variance",), every_point=True)
def number_variance(result: Result, selection: Selection, axis: Axes) -> None:
    """Number variance with errors over the realizations, beside that of random matrices and of independent levels."""
    _curves("number_variance", "length", result, axis)
    lengths = np.concatenate([ds.length.values for ds in result.tasks.values() if "length" in ds.coords])
    expected_number_variances(axis, lengths)
    axis.set(xlim=(0, None), ylim=(0, None))
    style.legend(axis)


def _curves(name: str, along: str, result: Result, axis: Axes) -> float:
    """Means with errors against a dimension, a look for each label and point of the sweep; the largest x."""
    found, largest = curves(result, name, along, swept_keys(result)), 0.0
    texts = labels_of([label for label, *_ in found]) if len(found) > 1 else [None]
    for number, n in enumerate(style.spread(len(found), MOST_CURVES)):
        _, x, value, error = found[n]
        axis.errorbar(x, value, np.nan_to_num(error), ls="", label=texts[n] or "measured", **style.look(number))
        largest = max(largest, float(x.max()))
    sample = next(ds[name] for ds in result.tasks.values() if name in ds.variables)
    axis.set(xlabel=axis_title(along), ylabel=axis_title(name, sample))
    return largest
