"""What the filter will take, before anything is built."""

import numpy as np

from bigbath.operators import is_matrix_free
from bigbath.solvers.dense import required_memory
from bigbath.solvers.forecast import Forecast, entries, expected_states, lapack_seconds, spread
from bigbath.solvers.planning import TINY
from bigbath.solvers.problem import Problem
from bigbath.solvers.sampling import DENSE, FLOPS

#: States expected in the narrowest window that is filtered: a narrower one is widened, its filter would be longer.
FEWEST = 24

#: Vectors of the basis, at most, where only energies are wanted: a wider window is taken in slices.
BASIS = 512

#: Seconds that every sector takes; matrix entries a second, matrix-free and with a matrix.
STARTUP, FREE_RATE, CSR_RATE = 0.23, 1e10, 1.7e8


def filter_forecast(problem: Problem, memory: float | None) -> Forecast:
    """See ``Filter.forecast``; ``memory``: most GiB of the basis."""
    h = problem.h
    whole = sum(s.dim for s in problem.sectors)
    states = max(expected_states(h, problem.window, whole), FEWEST)
    seconds, needed, products = 0.0, 0, 0
    for sector in problem.sectors:
        d, own = sector.dim, states * sector.dim / whole
        seconds += STARTUP
        if d <= TINY or 1.15 * own + 8 > d / 4 or not h.is_sparse:
            seconds += lapack_seconds(d, is_complex=h.is_complex)
            needed = max(needed, required_memory(d, h.dtype.itemsize))
            continue
        rate = (FREE_RATE if is_matrix_free(h, sector) else CSR_RATE) / problem.copies
        columns, steps = 1.3 * own + 8, int(1.75 * spread(d) * d)
        slices = 1 if problem.vectors else int(np.ceil(columns / BASIS))
        columns, steps = columns / slices, steps * slices
        seconds += steps * entries(h, sector) / rate + slices * DENSE * columns**2 * d / FLOPS
        needed, products = max(needed, int(h.dtype.itemsize * columns * d)), products + steps
    if memory is not None:
        needed = min(needed, int(memory * 2**30))
    return Forecast(seconds=seconds, bytes=needed, products=products)
