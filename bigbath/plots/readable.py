"""Ticks and titles of axes that can be read: none that touch, whole numbers for numbers of spins, plain numbers on short log axes."""

import re

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    AutoLocator,
    Formatter,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

#: What hollow points and dotted curves of fits mean.
UNRESOLVED = "not resolved by the shells"
#: Width of a character in units of the font's size.
CHARACTER = 0.58
#: A title may be longer than its axis by this factor, into the room beside it.
OVER = 1.2
#: Decades of a logarithmic axis from which on powers of ten are enough.
MANY_DECADES = 2.0
#: Magnitudes that are written without a power of ten.
PLAIN = 1e-3, 1e4
#: Relative differences that are rounding.
ROUNDING = 1e-9
#: At most this many different whole numbers make an axis of whole numbers.
FEW = 12


def make_readable(axis: Axes) -> None:
    """Choose ticks of both axes, unless a figure has chosen its own, and break titles that are longer than their axis."""
    _show_rounding_as_flat(axis)
    for one in (axis.xaxis, axis.yaxis):
        if one.get_scale() == "log":
            _logarithmic(one)
        elif type(one.get_major_locator()) is AutoLocator:
            _each_tick_whole(one)
            _linear(axis, one)
    axis.set_xlabel(_broken(axis.get_xlabel(), OVER * length_of(axis.xaxis), axis.xaxis.label.get_fontsize()))
    height = OVER * (length_of(axis.yaxis) - _height_of_legend(axis))
    axis.set_ylabel(_broken(axis.get_ylabel(), height, axis.yaxis.label.get_fontsize()))


def length_of(one: Axis) -> float:
    """About the length of an axis, in points: the layout is not known yet."""
    figure, place = one.axes.get_figure(root=True), one.axes.get_position()
    assert figure is not None
    width, height = figure.get_size_inches()
    return 72 * float(width * place.width if one is one.axes.xaxis else height * place.height)


def _logarithmic(one: Axis) -> None:
    """Powers of ten alone over many decades; 1, 2, 5 or all numbers, written plainly, over few."""
    if type(one.get_major_formatter()) is not LogFormatterSciNotation:
        return
    one.set_minor_formatter(NullFormatter())
    low, high = sorted(map(float, one.get_view_interval()))
    if not 0 < low < high or np.log10(high / low) > MANY_DECADES:
        return
    for subs in ((1.0, 2.0, 5.0), (1.0, 2.0, 3.0, 5.0, 7.0)):
        ticks = np.asarray(LogLocator(subs=subs).tick_values(low, high))
        if np.sum((ticks >= low) & (ticks <= high)) >= 3:
            one.set_major_locator(LogLocator(subs=subs))
            one.set_major_formatter(FuncFormatter(_plain) if PLAIN[0] <= low and high <= PLAIN[1] else _Scientific())
            return
    one.set_major_locator(MaxNLocator(nbins=4))
    one.set_minor_locator(NullLocator())
    one.set_major_formatter(ScalarFormatter())


def _plain(value: float, _: int | None = None) -> str:
    return f"{value:g}"


class _Scientific(Formatter):
    """ "2 × 10^-4" for every tick."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        if not value:
            return "0"
        digits, _, power = f"{value:.3e}".partition("e")
        digits = f"{float(digits):g}"
        return rf"$10^{{{int(power)}}}$" if digits == "1" else rf"${digits}\times10^{{{int(power)}}}$"


def _linear(axis: Axes, one: Axis) -> None:
    """Whole numbers where all that is drawn lies at a few of them; fewer ticks where their labels would touch."""
    if one is not axis.xaxis:
        return
    whole = _at_whole_numbers(axis)
    if whole:
        one.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    low, high = sorted(map(float, one.get_view_interval()))
    for most in (9, 7, 6, 5, 4, 3):
        texts = one.get_major_formatter().format_ticks(_inside(one, low, high))
        written = sum(letters(text) + 2 for text in texts)
        if written * CHARACTER * float(matplotlib.rcParams["xtick.labelsize"]) <= length_of(one):
            return
        one.set_major_locator(MaxNLocator(nbins=most - 1, steps=[1, 2, 2.5, 5, 10], integer=whole))


def _inside(one: Axis, low: float, high: float) -> list[float]:
    """The ticks of an axis that are seen."""
    return [float(t) for t in one.get_major_locator().tick_values(low, high) if low <= t <= high]


def _each_tick_whole(one: Axis) -> None:
    """Powers of ten beside every tick, none above the axis, where a legend may be."""
    formatter = one.get_major_formatter()
    if type(formatter) is ScalarFormatter:
        formatter.set_useOffset(False)
        ticks = _inside(one, *sorted(map(float, one.get_view_interval())))
        formatter.format_ticks(ticks)
        if formatter.get_offset():
            one.set_major_formatter(_Scientific())
        if len(set(one.get_major_formatter().format_ticks(ticks))) < len(
            ticks
        ):  # they differ by a small part of themselves
            one.set_major_formatter(ScalarFormatter())


def _show_rounding_as_flat(axis: Axes) -> None:
    """Numbers that differ by rounding alone are a flat line, not its noise."""
    drawn = [line.get_ydata(orig=False) for line in axis.lines if line.get_transform() == axis.transData]
    y = np.concatenate([np.ravel(np.asarray(values, dtype=float)) for values in drawn]) if drawn else np.empty(0)
    y = y[np.isfinite(y)]
    if y.size > 1 and axis.get_autoscaley_on() and 0 < np.ptp(y) < ROUNDING * np.abs(y).max():
        axis.set_ylim(*sorted((0.95 * y.mean(), 1.05 * y.mean())))


def _at_whole_numbers(axis: Axes) -> bool:
    """Whether the curves' points lie at few places, all of them whole numbers."""
    places: set[float] = set()
    for line in axis.lines:
        if line.get_transform() == axis.transData:
            x = np.asarray(line.get_xdata(orig=False), dtype=float)
            places |= set(x[np.isfinite(x)].tolist())
            if len(places) > FEW:
                return False
    return len(places) > 1 and all(x == round(x) for x in places)


def _height_of_legend(axis: Axes) -> float:
    """Points that a legend above the axes takes."""
    legend = axis.get_legend()
    if legend is None:
        return 0.0
    rows = -(-len(legend.get_texts()) // legend._ncols)  # type: ignore[attr-defined]
    return 1.6 * rows * float(legend.get_texts()[0].get_fontsize())


def _broken(title: str, length: float, size: float | str) -> str:
    """A title in as many lines as it needs to be no longer than its axis, at most three; TeX is not broken."""
    wide = letters(title) * CHARACTER * float(size)
    lines = min(3, int(np.ceil(wide / max(length, 1.0))))
    if "\n" in title or lines < 2:
        return title
    breaks = [match.start() for match in re.finditer(" ", title) if title[: match.start()].count("$") % 2 == 0]
    for number in range(1, lines):
        if breaks:
            at = min(breaks, key=lambda place: abs(letters(title[:place]) - letters(title) * number / lines))
            title = f"{title[:at]}\n{title[at + 1 :]}"
    return "\n".join(line.strip() for line in title.split("\n"))


def letters(text: str) -> int:
    """About how many characters wide a text with TeX is."""
    bare = re.sub(r"\\(?:math[a-z]+|tilde|left|right|,)", "", text)
    return len(re.sub(r"[$^_{}]", "", re.sub(r"\\[a-zA-Z]+", "x", bare)))
