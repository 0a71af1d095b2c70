"""The filter's forecast: entries of a magnetisation counted without its matrix, products beside those of solves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.models import XXZ, Imbrie, draw
from bigbath.operators import build
from bigbath.solvers import Density, Filter, Problem, solve
from bigbath.solvers.forecast import entries
from bigbath.spaces import sectors


@settings(max_examples=10, deadline=None)
@given(st.integers(6, 11), st.integers(0, 5), st.booleans(), st.sampled_from(["periodic", "open"]))
def test_entries_of_a_magnetisation_are_those_of_its_matrix(L, less, second, boundary):
    h = build(draw(XXZ(L=L, W=1.0, J2=0.4 if second else 0.0, boundary=boundary), seed=3))
    for sector in sectors(h, use=(), only={"magnetisation": L - 2 * min(less, L)}):
        matrix = h.restricted(sector)
        hops = matrix.nnz - np.count_nonzero(matrix.diagonal())
        assert abs(entries(h, sector) - hops - sector.dim) <= 2 * L  # each kind of hop is rounded


@pytest.mark.parametrize(("model", "sector"), [(XXZ(L=14, W=3.0), {"magnetisation": 0}), (Imbrie(L=11), None)])
def test_products_of_the_forecast_are_those_of_a_solve(model, sector):
    h, window = build(draw(model, seed=2)), Density(epsilon=0.5, k=60)
    outline = Problem.outline(h, sectors(h, use=(), only=sector), window)
    states = solve(h, window, engine=Filter(), sector=sector)
    assert 1 / 1.6 < Filter().forecast(outline).products / states.evidence.iterations < 1.6
