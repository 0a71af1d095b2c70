"""One look for every figure: Okabe and Ito's colours with markers, column width, legends off the data."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import h5py
import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bigbath.errors import FileError, JobError
from bigbath.plots.readable import UNRESOLVED, letters, make_readable

P = ParamSpec("P")

#: Colours that colour-blind readers tell apart (Okabe & Ito 2008), without the yellow that is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: One more than colours: 56 curves look different.
MARKERS = "os^DvPX<"
#: Inches: width of a journal's column, height of a panel.
COLUMN, HEIGHT = 3.4, 2.6
#: What some of the points of any curve are.
AT_THE_END = (UNRESOLVED, f"fit {UNRESOLVED}")
#: More labels than this are thinned out in a legend.
MOST_LABELS = 10

RC: Any = {
    "font.size": 9, "axes.labelsize": 9, "axes.titlesize": 9, "legend.fontsize": 7.5, "legend.title_fontsize": 7.5, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "lines.linewidth": 1.0, "lines.markersize": 3.5, "errorbar.capsize": 2, "legend.frameon": False,
    "xtick.direction": "in", "ytick.direction": "in", "axes.linewidth": 0.8, "axes.prop_cycle": cycler(color=COLOURS),
    "savefig.dpi": 200, "svg.hashsalt": "bigbath", "axes.formatter.use_mathtext": True,
}  # fmt: skip


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with this style, whatever the caller's settings are, and leave these alone, and his other axes."""

    @wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(RC):
            figure, own = function(*args, **kwargs), kwargs.get("ax")
            for axis in figure.axes if own is None else (own,):
                make_readable(axis)  # type: ignore[arg-type]
            return figure

    return draw


def colour(number: int) -> str:
    """Colour of the ``number``-th curve."""
    return COLOURS[number % len(COLOURS)]


def look(number: int) -> dict[str, Any]:
    """Colour and marker of the ``number``-th curve."""
    return {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}


def panels(
    rows: int = 1, columns: int = 1, *, width: float = COLUMN, height: float = HEIGHT
) -> tuple[Figure, np.ndarray]:
    """A figure with (rows, columns) axes of the given size in inches each; it belongs to no window and no notebook."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def one_panel(ax: Axes | None, *, width: float = COLUMN, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """The user's axes, or new ones, with their figure."""
    if ax is not None:
        figure = ax.figure
        while not isinstance(figure, Figure):
            figure = figure.figure
        return figure, ax
    figure, axes = panels(width=width, height=height)
    return figure, axes[0, 0]


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the positions 0 ... count - 1, evenly, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int)).tolist()


def legend(axis: Axes, *, markerscale: float = 1.0, title: str | None = None) -> None:
    """A legend above the axes under its ``title``; nothing for a single curve without a label."""
    handles, labels = axis.get_legend_handles_labels()
    if not labels:
        return
    last = sorted(range(len(labels)), key=lambda n: labels[n] in AT_THE_END)
    handles, labels = [handles[n] for n in last], [labels[n] for n in last]
    chosen = spread(len(labels), MOST_LABELS)
    longest = max(letters(labels[n]) for n in chosen)
    inches = axis.get_position().width * one_panel(axis)[0].get_figwidth()
    columns = max(1, min(4, int(19 * inches / (longest + 6))))
    axis.legend(
        [handles[n] for n in chosen], [typeset(labels[n]) for n in chosen], loc="lower center", bbox_to_anchor=(0.5, 1.0),
        ncols=min(columns, len(chosen)), markerscale=markerscale, columnspacing=1.0, handlelength=1.6, borderaxespad=0.3, title=title,
    )  # fmt: skip


def shared_legend(figure: Figure, axis: Axes) -> None:
    """One legend above all panels, of the curves of one of them."""
    handles, labels = axis.get_legend_handles_labels()
    columns = max(1, int(18 * figure.get_figwidth() / (max(map(letters, labels)) + 6)))
    figure.legend(handles, list(map(typeset, labels)), loc="outside upper center", ncols=min(columns, len(labels)))


def typeset(text: str) -> str:
    """Text with its powers and indices as TeX, "2^15" as 2 with a raised 15, "S_vN"; what is TeX already stays."""
    parts = re.split(r"(\$[^$]*\$)", text)
    powers = [re.sub(r"(\w+|\|\w+\|)\^(-?\w+)", r"$\1^{\2}$", part) for part in parts[::2]]
    parts[::2] = [re.sub(r"\b([A-Za-z])_(\w+)", r"$\1_\\mathrm{\2}$", part) for part in powers]
    return "".join(parts)


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the format is the path's ending (pdf, png, svg). A symbolic link is followed.

    JobError for another ending; FileError where nothing can be written, or a result file would be overwritten.
    """
    ending = path.suffix.removeprefix(".").lower()
    if ending not in figure.canvas.get_supported_filetypes():
        raise JobError(f"{path}: no figures with the ending {path.suffix!r} can be written; use .pdf, .png or .svg")
    content = io.BytesIO()
    with matplotlib.rc_context(RC):
        figure.savefig(content, format=ending)
    write_whole(path, content.getvalue())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; FileError where that cannot be, or where a result file lies."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_file() and h5py.is_hdf5(target):
            raise FileError(f"{path} is a result file, or another HDF5 file: choose another name with -o")
        if target.exists() and not target.is_file():  # a device or a pipe
            with open(target, "wb") as device:
                device.write(content)
            return
        with _draft(target) as draft, open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        raise FileError(f"cannot write {path}: {error}") from error


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside ``target`` that takes its place at the end."""
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        yield draft
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
