"""Fits below the energy shells' width are marked in every figure: hollow points, dotted curves, named once in the legend."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bigbath.plots.readable import UNRESOLVED

#: A hollow point is at least this large (points), so that it looks hollow.
LEAST = 2.0


def resolved(dataset: xr.Dataset, name: str) -> xr.DataArray | None:
    """1 where a parameter of a fit is resolved by the energy shells; None for what is no such parameter."""
    fitted, integrated = ("chi", "centre"), name.endswith("_integrated")
    flag = "fit_resolved_integrated" if integrated else "fit_resolved"
    if name.removesuffix("_integrated") not in fitted or flag not in dataset:
        return None
    return dataset[flag].transpose(*dataset[name].dims)


def plot_points(
    axis: Axes, x: np.ndarray, y: np.ndarray, good: np.ndarray | xr.DataArray | None, label: str | None, **look: Any
) -> None:
    """Points (k,), filled where ``good`` (k,) is not 0 and hollow elsewhere; None: all filled."""
    keep = np.ones(np.shape(x), dtype=bool) if good is None else np.asarray(good) != 0
    axis.plot(np.asarray(x)[keep], np.asarray(y)[keep], ls="", mew=0, label=label, **look)
    if not keep.all():
        mark_hollow(axis, np.asarray(x)[~keep], np.asarray(y)[~keep], mfc="none", **look)


def mark_hollow(axis: Axes, x: np.ndarray, y: np.ndarray, *, mfc: str, ms: float | None = None, **look: Any) -> None:
    """Hollow points (k,); ``mfc``: "none", or "white" to cover filled ones."""
    if ms is not None:
        look["ms"] = max(ms, LEAST)
    edge = 0.6 if ms is None or ms >= LEAST else 0.3
    axis.plot(x, y, ls="", mfc=mfc, mew=edge, label=_once(axis, UNRESOLVED), **look)


def plot_lorentzian(axis: Axes, one: xr.Dataset, energy: np.ndarray, width: float, *, color: str) -> None:
    """The fitted Lorentzian of one initial state at ``energy`` (k,), per shell of ``width``; dotted where it is not resolved.

    Nothing where the fit has no width.
    """
    centre, chi = float(one.centre), float(one.chi)
    if not chi > 0:
        return
    density = chi / np.pi / ((energy - centre) ** 2 + chi**2)
    good = resolved(one, "chi")
    narrow = good is not None and not int(good)
    label = _once(axis, f"fit {UNRESOLVED}") if narrow else None
    axis.plot(energy, width * density, color=color, ls=":" if narrow else "-", label=label)


def _once(axis: Axes, text: str) -> str | None:
    """``text``, or None where the legend has it already."""
    return None if text in axis.get_legend_handles_labels()[1] else text
