"""How times share recurrences: which ones are reached together, from which state, and what that costs and bounds.

A recurrence from psi(t_0) gives psi at all later times of its group. A real Hamiltonian and a real psi(0) cost one real
recurrence, every later start is complex and costs two. Equidistant times of a real psi(0) avoid that (``Reflected``): with
C(t) = cos(Ht) psi(0) and S(t) = sin(Ht) psi(0), both real, one recurrence from C(T) alone leads on,

    C(T + s) = 2 cos(Hs) C(T) - C(T - s),    S(T + s) = 2 sin(Hs) C(T) + S(T - s),

where the states at T - s are those of the group before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigbath.dynamics.bessel import terms
from bigbath.operators import Scale

#: What is left out of the series, in units of the norm.
TRUNCATED = 1e-15

#: Rounding of one product and of its term, in units of machine epsilon: four times the most that was measured.
ROUNDING = 4.0

#: Terms that every restart costs beyond a t; times share a recurrence until a t is several times that.
RESTART = 40

#: Times of one recurrence at most; reflections at most, since rounding grows with the square of their number.
SHARED, REFLECTIONS = 128, 32

#: Adding a term to the sum of one time, in units of a step of the recurrence.
ADDING = 1 / 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """``groups`` of times, each reached by recurrences from the last time before it.

    ``reflected``: by C and S at equidistant times, all groups of one size but the last. ``bounds`` (T,): on
    ||psi - psi_exact|| of a normalised state at each time, truncation and rounding. ``products``: of H with real vectors, or
    with complex ones of a complex H.
    """

    groups: tuple[np.ndarray, ...]
    reflected: bool
    bounds: np.ndarray
    products: int


def bound(scale: Scale, time: float, restarts: int = 0) -> float:
    """Bound on ||psi - psi_exact|| after ``time``, of which ``restarts`` recurrences were begun on the way."""
    a, c, t = scale.halfwidth, abs(scale.centre), abs(time)
    products = terms(a * t) + restarts * (terms(a * t / (restarts + 1)) - a * t / (restarts + 1))
    return (1 + restarts) * TRUNCATED + ROUNDING * np.finfo(float).eps * (2 * (1 + restarts) + products + c * t)


def plan(scale: Scale, times: np.ndarray, *, most: int, parts: tuple[int, int]) -> Plan:
    """The cheapest way to ``times`` (T,), ascending away from 0, with sums for at most ``most`` times at once.

    ``parts``: recurrences from the first state and from every later one. Reflection serves (1, 2).
    """
    restarted = _restarted(scale, times, most, parts)
    per = _best_size(scale, times, most) if parts == (1, 2) else None
    if per is None:
        return restarted
    reflected = _reflected(scale, times, per)
    alone = terms(scale.halfwidth * abs(times[-1]))
    return min(restarted, reflected, key=lambda p: (p.products > 2 * alone, _cost(scale, p, parts)))


def _restarted(scale: Scale, times: np.ndarray, most: int, parts: tuple[int, int]) -> Plan:
    groups = tuple(_groups(scale.halfwidth, times, most))
    products, start = 0, 0.0
    bounds = np.empty(times.size)
    for number, group in enumerate(groups):
        products += parts[min(number, 1)] * terms(scale.halfwidth * abs(group[-1] - start))
        start = group[-1]
    place = 0
    for number, group in enumerate(groups):
        bounds[place : place + group.size] = [bound(scale, t, number) for t in group]
        place += group.size
    return Plan(groups=groups, reflected=False, bounds=bounds, products=products)


def _groups(halfwidth: float, times: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Times that share a recurrence: until the terms are several times those of a restart, or memory ends."""
    gaps = halfwidth * np.abs(times)
    first, start = 0, 0.0
    while first < times.size:
        last = first + 1
        while (
            last < times.size
            and last - first < min(most, SHARED)
            and gaps[last - 1] - start < 4 * RESTART
            and gaps[last] - start < 8 * RESTART
        ):
            last += 1
        yield times[first:last]
        first, start = last, gaps[last - 1]


def spacing(times: np.ndarray) -> float | None:
    """delta of times (0,) delta, 2 delta, 3 delta, ... up to rounding, None for others and for fewer than four."""
    moving = times[1:] if times.size and times[0] == 0 else times
    if moving.size < 4 or moving[-1] == 0:
        return None
    step = float(moving[-1] / moving.size)
    grid = step * np.arange(1, moving.size + 1)
    return step if np.abs(moving - grid).max() <= 4 * np.finfo(float).eps * abs(moving[-1]) else None


def _best_size(scale: Scale, times: np.ndarray, most: int) -> int | None:
    """Times of one group with which reflection is cheapest, None where it cannot be used.

    Groups that need more than twice the products of the last time alone are taken only where memory allows no other.
    """
    step = spacing(times)
    if step is None:
        return None
    x, count = scale.halfwidth * abs(step), times.size - (times[0] == 0)
    sizes = range(-(-count // REFLECTIONS), min(most - 1, SHARED, count) + 1)
    costs = {n: (terms(n * x) + ADDING * sum(terms(i * x) for i in range(1, n + 1))) / n for n in sizes}
    few = [n for n in sizes if -(-count // n) * terms(n * x) <= 2 * terms(count * x)]
    return min(few or sizes, key=lambda n: costs[n]) if costs else None


def _reflected(scale: Scale, times: np.ndarray, per: int) -> Plan:
    zero, moving = (times[:1], times[1:]) if times[0] == 0 else (times[:0], times)
    groups = tuple(moving[k : k + per] for k in range(0, moving.size, per))
    once = bound(scale, float(groups[0][-1]))
    # Rounding of one recurrence grows as U_m(cos) <= m + 1, in C and by C in S; in S alone it does not grow
    factor = np.array([1 + k + np.sqrt(2) * k * (k + 1) for k in range(len(groups))])
    bounds = [np.full(group.size, once * factor[k]) for k, group in enumerate(groups)]
    phase = ROUNDING * np.finfo(float).eps * abs(scale.centre) * np.abs(times)
    starts = [0.0, *(float(group[-1]) for group in groups)]
    products = sum(terms(scale.halfwidth * abs(b - a)) for a, b in zip(starts, starts[1:], strict=False))
    if zero.size:
        groups = (zero, *groups)
        bounds = [np.array([TRUNCATED]), *bounds]
    return Plan(groups=groups, reflected=True, bounds=np.concatenate(bounds) + phase, products=products)


def _cost(scale: Scale, chosen: Plan, parts: tuple[int, int]) -> float:
    """In units of a step of the recurrence."""
    total, start = float(chosen.products), 0.0
    for number, group in enumerate(chosen.groups):
        sums = 1 if chosen.reflected else parts[min(number, 1)]
        total += sums * ADDING * sum(terms(scale.halfwidth * abs(t - start)) for t in group)
        start = group[-1]
    return total
