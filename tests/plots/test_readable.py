"""Ticks, titles and legends that can be read, of any axis: drawn by matplotlib and measured."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.panels import called, labels_of
from bigbath.plots.readable import letters


@style.styled
def drawn(x, y, *, labels=("",), xlabel="x", ylabel="y", **scales) -> Figure:
    figure, axes = style.panels()
    for number, label in enumerate(labels):
        axes[0, 0].errorbar(x, y, label=label or None, **style.look(number))
    axes[0, 0].set(xlabel=xlabel, ylabel=ylabel, **scales)
    style.legend(axes[0, 0])
    return figure


def boxes(figure, one):
    """Extents of the tick labels that are inside an axis."""
    figure.draw_without_rendering()
    low, high = sorted(one.get_view_interval())
    found = [t for t in one.get_ticklabels() if t.get_text() and low <= t.get_position()[one is one.axes.yaxis] <= high]
    return [t.get_window_extent() for t in found]


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda v: abs(v) > 1e-6)


@settings(max_examples=12, deadline=None)
@given(NUMBERS, st.floats(1e-3, 1e6), st.sampled_from(["linear", "log"]))
def test_ticks_do_not_touch_and_are_several(start, span, scale):
    x = (
        np.linspace(start, start + span, 50)
        if scale == "linear"
        else np.geomspace(abs(start), abs(start) * (1 + span), 50)
    )
    figure = drawn(x, np.linspace(0, 1, 50), xscale=scale)
    (axis,) = figure.axes
    places = sorted(boxes(figure, axis.xaxis), key=lambda box: box.x0)
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(places))
    assert len(places) >= 2 or scale == "log"
    texts = [t.get_text() for t in axis.get_xticklabels() if t.get_text()]
    assert len(set(texts)) == len(texts)
    if span > 0.01 * abs(start):
        assert not axis.xaxis.get_offset_text().get_text()


@settings(max_examples=8, deadline=None)
@given(st.floats(1e-8, 1e6), st.floats(1.05, 1e8))
def test_a_logarithmic_axis_names_two_numbers(low, factor):
    figure = drawn(np.arange(20.0), np.geomspace(low, low * factor, 20), yscale="log")
    places = sorted(boxes(figure, figure.axes[0].yaxis), key=lambda box: box.y0)
    assert len(places) >= 2
    assert all(a.y1 <= b.y0 + 1 for a, b in itertools.pairwise(places))


def test_sizes_are_whole_numbers():
    figure = drawn([9, 11], [0.1, 0.2])
    figure.draw_without_rendering()
    texts = {t.get_text().removeprefix(r"$\mathdefault{").removesuffix("}$") for t in figure.axes[0].get_xticklabels()}
    assert {"9", "10", "11"} <= texts <= {"8", "9", "10", "11", "12", ""}


WORDS = st.lists(
    st.sampled_from(["probability", "of", "an", "energy", r"$\chi_\mathrm{vN}$", "(coupling²)"]), min_size=1, max_size=9
)


@settings(max_examples=8, deadline=None)
@given(WORDS, st.integers(1, 6))
def test_a_title_is_not_longer_than_its_axis(words, curves):
    title = " ".join(words)
    figure = drawn(
        [0.0, 1.0], [0.0, 1.0], ylabel=title, labels=[f"number {n} of the curves there" for n in range(curves)]
    )
    (axis,) = figure.axes
    figure.draw_without_rendering()
    assert axis.get_ylabel().replace("\n", " ") == title
    if len(words) < 7:
        assert axis.yaxis.label.get_window_extent().height <= figure.bbox.height
    assert axis.get_legend().get_window_extent().y0 >= axis.get_window_extent().y1 - 2  # above the data
    assert axis.get_legend().get_window_extent().x1 <= figure.bbox.x1 + 2


def test_rounding_is_drawn_flat():
    figure = drawn(np.arange(5.0), 0.3 + 1e-16 * np.arange(5))
    low, high = figure.axes[0].get_ylim()
    assert low < 0.29 and high > 0.31


def test_axes_that_are_the_users_keep_his_ticks():
    from matplotlib.ticker import AutoLocator

    figure = Figure()
    first, second = figure.subplots(1, 2)
    first.plot([9, 11], [1, 2])

    @style.styled
    def one(*, ax):
        ax.plot([9, 11], [1, 2])
        return figure

    one(ax=second)
    assert type(first.xaxis.get_major_locator()) is AutoLocator
    assert type(second.xaxis.get_major_locator()) is not AutoLocator


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        ([(("model.W", "1"),), (("model.W", "4"),)], ["W = 1", "W = 4"]),
        ([(("other_state", "0"), ("operator", "bond")), (("other_state", "5"), ("operator", "bond"))], ["other state = 0", "other state = 5"]),
        ([(("ensemble", "goe"),)], ["ensemble = GOE"]), ([()], [None]),
        ([(("element_from", "1,1"), ("kappa", "0.5")), (("element_from", "1,2"), ("kappa", "0.5"))], ["from = 1,1", "from = 1,2"]),
    ],
)  # fmt: skip
def test_what_tells_curves_apart(labels, texts):
    assert labels_of(labels) == texts


def test_names_and_lengths_of_texts():
    assert [called(name) for name in ("goe", "poisson", "cut")] == ["GOE", "Poisson", "cut"]
    assert letters(r"$\langle\sigma^x\rangle$") == 4 and letters("width (coupling)") == 16
    assert style.typeset("S_vN from |V|^2 alone") == r"$S_\mathrm{vN}$ from $|V|^{2}$ alone"
    looks = [tuple(style.look(n).values()) for n in range(56)]
    assert len(set(looks)) == 56
