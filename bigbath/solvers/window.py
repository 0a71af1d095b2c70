"""Energy windows: which eigenstates are wanted, and the rule that decides membership for every engine alike.

Double precision knows a level to about machine epsilon times ||H||. Levels closer than TIE ||H|| count as one multiplet
and are never separated: a window grows to hold the multiplet whole. An interval holds the levels up to TIE ||H|| beyond
its ends. Membership therefore depends on the spectrum alone, not on the engine.
"""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bigbath.choice import KindShorthand, choice
from bigbath.errors import ImpossibleRequest

#: Rounding of energies, in units of ||H||: what LAPACK's energies of a few thousand states are wrong by is ten times less.
TIE = 256 * float(np.finfo(float).eps)

#: The narrowest interval, in units of ||H||.
NARROWEST = 4 * TIE

#: Residuals of states of a complete window: at most RESIDUAL ||H||, and in narrow windows at most RESIDUAL_INSIDE half-widths
#: of the window; but up to RESIDUAL_ROUNDING ||H|| is the rounding of solvers.
RESIDUAL, RESIDUAL_INSIDE, RESIDUAL_ROUNDING = 1e-10, 1e-6, 4096 * float(np.finfo(float).eps)

#: Room beside a window that holds every level, in multiples of the rounding of energies.
WHOLE = 2.0**20

#: How far outside the spectrum, in units of ||H||, an energy must lie to be refused: what the ends are known to.
ENDS = 1e-10


@choice
class Nearest:
    """The ``k`` states nearest the energy ``target`` (more, where a multiplet or a tie would be cut).

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Nearest(target=0.0, k=3))
    >>> len(states)
    3
    """

    kind: Literal["nearest"] = "nearest"
    target: float = 0.0
    k: Annotated[int, Field(ge=1)]


@choice
class Density:
    """The ``k`` states nearest the energy density ``epsilon`` = (E - E_min)/(E_max - E_min) in [0, 1].

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=4)))
    >>> len(bb.solve(h, bb.Density(epsilon=0.5, k=3)))
    3
    """

    kind: Literal["density"] = "density"
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.5
    k: Annotated[int, Field(ge=1)]


@choice
class Interval:
    """Every state with energy in [``lower``, ``upper``].

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Interval(lower=-1.0, upper=1.0))
    >>> bool(abs(states.energies).max() <= 1)
    True
    """

    kind: Literal["interval"] = "interval"
    lower: float
    upper: float

    @model_validator(mode="after")
    def _check(self) -> "Interval":
        if self.lower >= self.upper:
            raise ValueError(f"lower = {self.lower} must be less than upper = {self.upper}")
        return self


@choice
class Levels:
    """For each energy of ``energies`` the level nearest to it, with its multiplet.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Levels(energies=(-1.0, 2.0)))
    >>> len(states)
    2
    """

    kind: Literal["levels"] = "levels"
    energies: Annotated[tuple[float, ...], Field(min_length=1)]


@choice
class Whole:
    """The whole spectrum; engines for windows cut it into gap-free slices of about ``slice`` states.

    >>> import bigbath as bb
    >>> len(bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Whole()))
    32
    """

    kind: Literal["whole"] = "whole"
    slice: Annotated[int, Field(ge=1)] = 200


@choice
class NoStates:
    """No eigenstates at all, for measurements that need none."""

    kind: Literal["none"] = "none"


#: A window whose energy density, if it had one, has become an energy.
ResolvedWindow = Nearest | Interval | Levels | Whole
AnyWindow = ResolvedWindow | Density | NoStates
#: Any window, told apart by its ``kind``.
Window = Annotated[AnyWindow, Field(discriminator="kind"), KindShorthand]


def in_units(window: AnyWindow, unit: float) -> AnyWindow:
    """The window with its energies divided by ``unit``."""
    if unit == 1:
        return window
    if isinstance(window, Nearest):
        return replace(window, target=window.target / unit)
    if isinstance(window, Interval):
        return replace(window, lower=window.lower / unit, upper=window.upper / unit)
    if isinstance(window, Levels):
        return replace(window, energies=tuple(e / unit for e in window.energies))
    return window


def allowed_residual(norm: float, edges: tuple[tuple[float, float], ...]) -> float:
    """The largest residual of states that may be called complete, for ||H|| = ``norm`` and a window of these intervals."""
    halfwidth = min((hi - lo for lo, hi in edges), default=0.0) / 2
    return max(RESIDUAL_ROUNDING * norm, min(RESIDUAL * norm, RESIDUAL_INSIDE * halfwidth))


def resolve(window: AnyWindow, extremes: tuple[float, float], dim: int) -> ResolvedWindow:
    """The window with an energy density turned into an energy; refused when it cannot be met.

    ``extremes``: (E_min, E_max) of the whole Hamiltonian; ``dim``: states in the sectors that are asked for.
    Raises ImpossibleRequest for a window outside the spectrum, with more states than there are, or too narrow.
    """
    norm = max(map(abs, extremes))
    if isinstance(window, NoStates):
        raise ImpossibleRequest('window = "none" asks for no eigenstates: choose a window')
    if isinstance(window, Density):
        target = extremes[0] + window.epsilon * (extremes[1] - extremes[0])
        window = Nearest(target=float(target), k=window.k)
    lowest, highest = extremes[0] - ENDS * norm, extremes[1] + ENDS * norm
    outside: list[float] = []
    if isinstance(window, Nearest):
        outside = [window.target] if not lowest <= window.target <= highest else []
        if window.k > dim:
            raise ImpossibleRequest(f"window.k = {window.k:,} states are wanted, but there are only {dim:,}. Reduce k.")
    elif isinstance(window, Levels):
        outside = [e for e in window.energies if not lowest <= e <= highest]
    elif isinstance(window, Interval) and window.upper - window.lower < NARROWEST * norm:
        raise ImpossibleRequest(
            f"window: the interval is {window.upper - window.lower:.2g} wide, but energies up to {norm:.3g} are known to "
            f"{TIE * norm:.1g} in double precision. Make it at least {NARROWEST * norm:.2g} wide."
        )
    elif isinstance(window, Interval) and (window.upper < lowest or window.lower > highest):
        outside = [window.lower, window.upper]
    if outside:
        raise ImpossibleRequest(
            f"window: {', '.join(f'{e:g}' for e in outside)} lies outside the spectrum "
            f'[{extremes[0]:.6g}, {extremes[1]:.6g}]. Choose an energy inside it, or kind = "density" with epsilon in [0, 1].'
        )
    return window


def nearest_count(
    energies: np.ndarray, target: float, k: int, tie: float, reach: float = np.inf
) -> tuple[int, float] | None:
    """How many states the window of the ``k`` nearest holds, and its radius.

    ``energies`` (n,) holds every level within ``reach`` of ``target``. Returns the smallest m >= k such that the
    m-th and (m+1)-th distances differ by more than ``tie``, with the radius half-way between them, or None when
    ``reach`` is too short to tell. With ``reach`` infinite the energies are all there are.
    """
    distances = np.sort(np.abs(energies - target))
    for m in range(k, distances.size):
        if distances[m] - distances[m - 1] > tie:
            radius = (distances[m] + distances[m - 1]) / 2
            return (m, float(radius)) if radius < reach else None
    if np.isinf(reach):
        return distances.size, float(distances[-1] + max(distances[-1], WHOLE * tie))
    return None


def window_edges(
    window: ResolvedWindow, spectrum: np.ndarray, extremes: tuple[float, float], tie: float
) -> tuple[tuple[float, float], ...]:
    """Disjoint energy intervals that hold exactly the window's states, given every level ``spectrum`` (D,)."""
    if isinstance(window, Interval):
        return ((window.lower - tie, window.upper + tie),)
    if isinstance(window, Whole):
        return (around(extremes),)
    pairs = [(e, 1) for e in window.energies] if isinstance(window, Levels) else [(window.target, window.k)]
    intervals = []
    for target, k in pairs:
        answer = nearest_count(spectrum, target, k, tie)
        assert answer is not None  # the whole spectrum is known
        intervals.append((target - answer[1], target + answer[1]))
    return merge_intervals(intervals)


def around(extremes: tuple[float, float]) -> tuple[float, float]:
    """An interval that holds the whole spectrum, with room for rounding."""
    margin = 1e-3 * max(map(abs, extremes))
    return extremes[0] - margin, extremes[1] + margin


def merge_intervals(intervals: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Union of intervals, as disjoint intervals in ascending order."""
    merged: list[tuple[float, float]] = []
    for lo, hi in sorted(intervals):
        if merged and lo <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
        else:
            merged.append((lo, hi))
    return tuple(merged)
