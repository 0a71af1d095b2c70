"""``evolve``: one call from a Hamiltonian and a state to states at later times."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bigbath.dynamics.propagate import Propagator
from bigbath.dynamics.states import configuration
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.spaces import Sector, everything, sectors


def evolve(
    h: Hamiltonian,
    state: np.ndarray | str,
    times: Sequence[float] | np.ndarray,
    *,
    sector: Sector | Mapping[str, int] | None = None,
    memory: float | None = None,
    report: Report = silent,
) -> Iterator[tuple[float, np.ndarray]]:
    """Each time t of ``times``, ascending away from 0, with psi(t) = exp(-iHt) psi(0) (d,) complex128, read-only.

    ``sector``: a sector, or labels that select one, as {"magnetisation": 0} (None: all configurations). ``state``: psi(0) (d,)
    over its d states, real or complex, or a configuration in words, "neel" or "udud...". Times in 1/coupling, hbar = 1.
    ``memory``: bytes for sums of several times. Bounds on the error of psi(t): ``Propagator.of(h, sector).error(t)``.
    JobError for labels of several sectors, for a state of another space and for times out of order. Chebyshev series of
    Tal-Ezer & Kosloff, J. Chem. Phys. 81, 3967 (1984).

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.XXZ(L=8, W=1.0)))
    >>> (part,) = bb.sectors(h, only={"magnetisation": 0})
    >>> start = bb.configuration(part, "neel")
    >>> [f"{abs(start @ psi) ** 2:.3f}" for _, psi in bb.evolve(h, start, [0.0, 1.0], sector={"magnetisation": 0})]
    ['1.000', '0.182']
    """
    chosen = one_sector(h, sector)
    if isinstance(state, str):
        state = configuration(chosen, state)
    if np.shape(state) != (chosen.dim,):
        raise JobError(f"state has the shape {np.shape(state)}, the sector {chosen} has {chosen.dim:,} states")
    return Propagator.of(h, chosen).evolve(state, times, memory=memory, report=report)


def one_sector(h: Hamiltonian, sector: Sector | Mapping[str, int] | None) -> Sector:
    """The sector that is given or that labels select, everything for None. JobError for labels of several sectors."""
    if sector is None:
        return everything(h.dim)
    if isinstance(sector, Sector):
        return sector
    found = sectors(h, only=dict(sector))
    if len(found) > 1:
        raise JobError(f"sector = {dict(sector)} selects {len(found)} sectors; give the labels of one: {found[0]}")
    return found[0]
