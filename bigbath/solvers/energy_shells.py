"""Cutting a spectrum into energy shells that can be solved one by one and are known to be all of it."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from bigbath.operators import Hamiltonian
from bigbath.solvers.eigenstates import Evidence
from bigbath.solvers.problem import spectral_extremes
from bigbath.solvers.window import TIE, Interval, Whole, around
from bigbath.spaces import Sector


def energy_shells(
    h: Hamiltonian, window: Whole | Interval, shells: int, parts: tuple[Sector, ...] | None = None
) -> tuple[Interval, ...]:
    """``shells`` intervals that make up the window, each with about as many levels.

    ``parts``: the selected sectors, None for all. Edges are quantiles of the normal distribution with Tr H/D and
    Tr H^2/D of the whole matrix, or of its part in ``parts``, rounded so that every process
    finds the same ones. Solvers widen an interval by the width of a multiplet; these are narrower by as much, so that
    neighbours are counted at one and the same energy and no level falls between them or into both.
    """
    lowest, highest = spectral_extremes(h, sectors=parts)
    norm = max(abs(lowest), abs(highest))
    tie = TIE * norm
    lo, hi = around((lowest, highest)) if isinstance(window, Whole) else (window.lower, window.upper)
    matrices = [h.matrix] if parts is None else [h.restricted(sector) for sector in parts]
    dim = sum(m.shape[0] for m in matrices)
    mean = sum(m.trace().real for m in matrices) / dim
    sigma = np.sqrt(sum((abs(m) ** 2).sum() for m in matrices) / dim - mean**2)
    inner = mean + sigma * ndtri(np.linspace(ndtr((lo - mean) / sigma), ndtr((hi - mean) / sigma), shells + 1))[1:-1]
    unit = 1e-9 * 2.0 ** np.round(np.log2(norm))
    edges = unit * np.round(np.array([lo, *inner, hi]) / unit)
    return tuple(Interval(lower=float(a + tie), upper=float(b - tie)) for a, b in zip(edges, edges[1:], strict=False))


def partition(evidence: Sequence[Evidence], dim: int | None = None) -> str | None:
    """Why the shells with this evidence, in ascending order, are not a whole without repeats; None when they are.

    They are when each is complete, each begins where the one before ends, and (given ``dim``, for a whole spectrum)
    the levels counted make up the dimension: by Sylvester's law the counts between common edges telescope.
    """
    for number, e in enumerate(evidence):
        if e.complete != "yes":
            return f"shell {number} is not certified complete: {e.reason}"
    for number, (a, b) in enumerate(zip(evidence, evidence[1:], strict=False)):
        if abs(a.edges[-1][1] - b.edges[0][0]) > 1e-3 * TIE * a.norm:
            return f"shell {number} ends at {a.edges[-1][1]!r} but shell {number + 1} begins at {b.edges[0][0]!r}"
    counted = sum(e.counted or 0 for e in evidence)
    if dim is not None and counted != dim:
        return f"the shells hold {counted:,} levels, the space {dim:,}"
    return None
