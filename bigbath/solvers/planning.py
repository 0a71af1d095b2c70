"""Which filter, and how many samples: the cheapest plan for a window of one sector."""

import numpy as np

from bigbath.chebyshev import DensityOfStates
from bigbath.errors import ImpossibleRequest
from bigbath.operators import Operator, Scale
from bigbath.ranks import size
from bigbath.resources import gigabytes
from bigbath.solvers.sampling import END_TEST, Plan

#: Sectors up to this dimension, or those of which the basis needs more than this part, go to LAPACK inside this engine.
TINY, SHARE = 512, 1 / 3

#: By how many standard deviations of independent levels there are fewer samples than expected before it is seen whether they
#: still bring something new: of 20 random-field rings (L = 16, W = 0.5 ... 8) none needed fewer than 0.8 below, 17 more than expected.
SCATTER = 0.5

#: Ends of the filtered band, in half-widths of the window, among which the cheapest is taken.
REACHES = 1 + np.geomspace(0.15, 3.2, 24)


def cheapest_plan(
    operator: Operator, density: DensityOfStates, core: tuple[float, float], scale: Scale, *, b: int, surplus: float,
    memory: float, most: float = np.inf,
) -> Plan | None:  # fmt: skip
    """The cheapest filter whose basis fits into ``memory`` bytes; None where LAPACK is cheaper.

    ``surplus``: samples over states in the filtered band. ``most``: vectors of the basis, more only if no filter has so few.
    """
    last, first = scale.angle(core[0]), scale.angle(core[1])
    centre, delta = (first + last) / 2, (last - first) / 2
    plans = []
    for reach in REACHES:
        states, _ = density.count(max(centre - reach * delta, 0), min(centre + reach * delta, np.pi))
        converged = (1 + END_TEST * (reach - 1)) * delta
        # samples tell levels apart if they last pi times as long as the largest density; fewer than at Nyquist's rate are
        # enough where it varies, as many as states
        crowded = 2 * reach * delta * density.densest(centre - converged, centre + converged)
        samples = int(np.ceil((surplus * states + 4) / (2 * b)))
        first = max(1, int(samples - SCATTER * np.sqrt(2 * b * samples) / (2 * b)))
        thinned = max(1.0, surplus * crowded / (2 * b * samples))
        plans.append(
            Plan(centre=centre, delta=delta, reach=float(reach), b=b, samples=samples, first=first, thinned=thinned)
        )
    if operator.dim <= TINY or plans[0].columns > SHARE * operator.dim:
        return None
    column = operator.dtype.itemsize * operator.dim / size(operator.comm)
    fitting = [plan for plan in plans if plan.capacity * column <= memory]
    if not fitting:
        needed = gigabytes(plans[0].capacity * column)
        raise ImpossibleRequest(
            f"the filter's basis of {plans[0].capacity:,} vectors needs {needed}. Narrow the window, or raise engine.memory."
        )
    few = [plan for plan in fitting if plan.columns <= most] or fitting[:1]
    return min(few, key=lambda plan: plan.seconds(operator))
