"""What the filter will take, before anything is built."""

import numpy as np

from bigbath.chebyshev import degree
from bigbath.operators import step_rate
from bigbath.operators.size import CACHED
from bigbath.solvers.dense import required_memory
from bigbath.solvers.forecast import Forecast, entries, expected_states, lapack_seconds, spread
from bigbath.solvers.planning import REACHES, SHARE, TINY
from bigbath.solvers.problem import Problem
from bigbath.solvers.sampling import BETA, BETA_TEST, END_TEST
from bigbath.solvers.subspace import algebra_seconds
from bigbath.spaces import Sector

#: States expected in the narrowest window that is filtered: a narrower one is widened, its filter would be longer.
FEWEST = 24

#: Vectors of the basis, at most, where only energies are wanted: a wider window is taken in slices.
BASIS = 512

#: Seconds that every sector takes, and every step beside its entries. Matrix entries a second on two cores: all configurations, a
#: magnetisation; which part of that is left where vectors do not stay in cache.
STARTUP, STEP, FLIPS_RATE, RANKED_RATE, UNCACHED = 0.04, 3e-6, 3.2e10, 2e10, 0.7

#: Vectors that are filtered; cores.
FILTERED, CORES = 2, 2


def filter_forecast(problem: Problem, memory: float | None) -> Forecast:
    """See ``Filter.forecast``; ``memory``: most GiB of the basis."""
    h = problem.h
    whole = sum(s.dim for s in problem.sectors)
    states = max(expected_states(h, problem.window, whole), FEWEST)
    room = np.inf if memory is None else memory * 2**30
    seconds, needed, products = 0.0, 0, 0
    for sector in problem.sectors:
        d, own = sector.dim, states * sector.dim / whole
        seconds += STARTUP
        if d <= TINY or 1.15 * own + 8 > SHARE * d or not h.is_sparse:
            seconds += lapack_seconds(d, is_complex=h.is_complex)
            needed = max(needed, required_memory(d, h.dtype.itemsize))
            continue
        slices = 1 if problem.vectors else int(np.ceil((1.3 * own + 8) / BASIS))
        plan = _plan(problem, sector, own / slices, room)
        seconds += slices * plan.seconds
        needed, products = max(needed, plan.bytes), products + slices * plan.products
    return Forecast(seconds=seconds, bytes=needed, products=products)


def _plan(problem: Problem, sector: Sector, states: float, room: float) -> Forecast:
    """The filter and samples for ``states`` levels in the middle of a normal spectrum, as ``cheapest_plan`` chooses them.

    pi rho products for the samples, rho the density in states per angle, and beta / edge for each filter.
    """
    d, itemsize = sector.dim, problem.h.dtype.itemsize
    rho = d * spread(d) / np.sqrt(2 * np.pi)
    delta = states / (2 * rho)
    edge, columns = (REACHES - 1) * delta, REACHES * states + 8
    products = np.pi * rho + np.array(
        [FILTERED * degree(e, BETA) + degree(2 * END_TEST * e, BETA_TEST) for e in edge.tolist()]
    )
    seconds = filter_seconds(problem, sector, products, columns)
    bytes_needed = itemsize * columns * d
    best = int(np.argmin(np.where(bytes_needed <= max(room, bytes_needed[0]), seconds, np.inf)))
    return Forecast(seconds=float(seconds[best]), bytes=int(bytes_needed[best]), products=int(products[best]))


def filter_seconds(problem: Problem, sector: Sector, products: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Seconds that so many products and the dense algebra of so many vectors take on two cores."""
    step = STEP + entries(problem.h, sector) * problem.copies / _rate(problem, sector)
    return products * step + algebra_seconds(columns, sector.dim, is_complex=problem.h.is_complex) / CORES


def _rate(problem: Problem, sector: Sector) -> float:
    rate, is_matrix_free = step_rate(problem.h, sector, entries(problem.h, sector))
    if sector.isometry is not None or not is_matrix_free:
        return CORES * rate
    rate = FLIPS_RATE if sector.is_everything else RANKED_RATE
    return rate if problem.h.dtype.itemsize * sector.dim <= CACHED else UNCACHED * rate
