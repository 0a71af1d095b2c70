"""Rows of a sector shared out: every rank has some, no row is lost, and the numbers of states are equal but for one row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigbath.operators.halves import shares


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 60))
def test_shares(widths, ranks):
    ranks = min(ranks, len(widths))
    cuts = shares(np.cumsum([0, *widths]), ranks)
    assert cuts[0] == 0
    assert cuts[-1] == len(widths)
    assert np.all(np.diff(cuts) >= 1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 5))
def test_shares_are_equal(widths, ranks):
    """Where no rank needs to be given a row that it would not have."""
    before = np.cumsum([0, *widths])
    if before[-1] >= ranks * max(widths):
        states = np.diff(before[shares(before, ranks)])
        assert np.abs(states - before[-1] / ranks).max() <= max(widths)
