"""Fits of the profiles of Sec. VI with positive widths, and how well they describe a distribution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.optimize

from bigbath.broadening import profiles

_INF = np.inf


@dataclass(frozen=True, kw_only=True)
class Family:
    """A profile whose width is positive on the whole line, in parameters that are free within ``lower`` and ``upper``.

    ``profile``: of x and the paper's parameters; ``paper``: the paper's parameters from the free ones; ``inside``: free
    parameters that reproduce a simpler family's best ones, by name; ``start``: from (delta, chi). ``powers``: of the unit
    of energy in the paper's parameters.
    """

    profile: Callable[..., np.ndarray]
    paper: Callable[[np.ndarray], np.ndarray]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    start: Callable[[float, float], tuple[float, ...]]
    inside: Mapping[str, Callable[[np.ndarray], tuple[float, ...]]]
    on_the_line: Callable[..., np.ndarray]
    powers: tuple[int, ...]


def _same(free: np.ndarray) -> np.ndarray:
    return free


def _linear_term(free: np.ndarray) -> np.ndarray:
    """upsilon = 2 s (chi theta)^(1/2) with -1 <= s <= 1: the discriminant of the width is never positive."""
    delta, chi, s, theta, *rest = free
    return np.array([delta, chi, 2 * s * np.sqrt(chi * theta), theta, *rest])


def _normalised(profile: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda x, d, c, u, t: profile(x, d, c, u, t) / profiles.quadratic_norm(d, c, u, t)


#: Name -> family. The simpler ones come first.
PROFILES: dict[str, Family] = {
    "lorentzian": Family(
        profile=profiles.lorentzian, paper=_same, lower=(-_INF, 0), upper=(_INF, _INF), start=lambda d, c: (d, c),
        inside={}, on_the_line=profiles.lorentzian, powers=(1, 1),
    ),
    "voigt": Family(
        profile=profiles.voigt, paper=_same, lower=(-_INF, 0, 0), upper=(_INF, _INF, _INF),
        start=lambda d, c: (d, 0.7 * c, 0.5 * c), inside={"lorentzian": lambda q: (*q, 0.0)}, on_the_line=profiles.voigt,
        powers=(1, 1, 1),
    ),
    "quadratic width": Family(
        profile=profiles.quadratic_width, paper=lambda q: np.array([q[0], q[1], 0.0, q[2]]),
        lower=(-_INF, 0, 0), upper=(_INF, _INF, _INF), start=lambda d, c: (d, c, 1e-3),
        inside={"lorentzian": lambda q: (*q, 0.0)}, on_the_line=_normalised(profiles.quadratic_width), powers=(1, 1, 0, -1),
    ),
    "full quadratic width": Family(
        profile=profiles.quadratic_width, paper=_linear_term, lower=(-_INF, 0, -1, 0), upper=(_INF, _INF, 1, _INF),
        start=lambda d, c: (d, c, 0.0, 1e-2), inside={"quadratic width": lambda q: (q[0], q[1], 0.0, q[2])},
        on_the_line=_normalised(profiles.quadratic_width), powers=(1, 1, 0, -1),
    ),
    "composite": Family(
        profile=profiles.composite, paper=_linear_term,
        lower=(-_INF, 0, -1, 0, -0.9, 0), upper=(_INF, _INF, 1, _INF, 0.9, _INF),
        start=lambda d, c: (d, 0.7 * c, 0.0, 1e-3, 0.0, 0.5 * c),
        inside={
            "full quadratic width": lambda q: (*q, 0.0, 0.0),
            "voigt": lambda q: (q[0], q[1], 0.0, 0.0, 0.0, q[2]),
        },
        on_the_line=profiles.composite_on_the_line, powers=(1, 1, 0, -1, 0, 1),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ProfileFit:
    """Least-squares fit of one profile to one binned distribution.

    ``parameters``: the paper's, in the order of the profile's arguments; ``rms``: root mean square residual over the
    shells; ``aic``: n ln(RSS/n) + 2 k + 2 k (k + 1)/(n - k - 1) (small-sample Akaike, k counts the noise too);
    ``cross_validated``: rms error on shells left out of the fit, ``folds`` interleaved groups; lower is better for all three.
    """

    name: str
    parameters: np.ndarray
    rms: float
    aic: float
    cross_validated: float


def fit_profile(
    name: str,
    x: np.ndarray,
    P: np.ndarray,
    width: float,
    *,
    start: tuple[float, float],
    norm: Literal["line", "spectrum"] = "spectrum",
    folds: int = 8,
) -> ProfileFit:
    """Fit the profile ``name`` of ``PROFILES`` to P (S,) in shells at x = mean energy - a (S,), ``width`` wide.

    Widths are positive on the whole line. ``start``: (delta, chi), say of the Lorentzian fit; the best fits of the simpler
    profiles are starts too, so that a richer profile never fits worse. The minimum near them is taken: the profiles with
    a full quadratic width have lower ones, with a spike at the peak that is narrower than a shell. ``norm``: "spectrum" divides by the profile's sum
    over the shells times the width, for every profile alike; "line" by the integral over the line, Eqs. 62, 64, 66.
    """
    unit = 2 * width  # starts, bounds and tolerances are numbers: the same in every unit of energy
    x, width, start = x / unit, width / unit, (start[0] / unit, start[1] / unit)
    everything = np.ones(x.size, dtype=bool)
    free = _best(name, x, P, width, start, norm)
    residual = _model(name, x, width, norm)(free) - P
    n, k = x.size, free.size + 1
    rss = float(residual @ residual)
    held_out = 0.0
    for fold in range(folds):
        left_out = np.arange(n) % folds == fold
        again, _ = _solve(name, x, P, width, norm, everything & ~left_out, free)
        held_out += float(np.sum((_model(name, x, width, norm)(again) - P)[left_out] ** 2))
    aic = n * np.log(rss / n) + 2 * k + 2 * k * (k + 1) / max(n - k - 1, 1)
    family = PROFILES[name]
    parameters = family.paper(free) * unit ** np.array(family.powers, dtype=float)
    return ProfileFit(
        name=name, parameters=parameters, rms=float(np.sqrt(rss / n)), aic=float(aic),
        cross_validated=float(np.sqrt(held_out / n)),
    )  # fmt: skip


def _best(name: str, x: np.ndarray, P: np.ndarray, width: float, start: tuple[float, float], norm: str) -> np.ndarray:
    """Free parameters of the best fit from all starts."""
    family = PROFILES[name]
    starts = [np.array(family.start(*start))]
    starts += [np.array(into(_best(simple, x, P, width, start, norm))) for simple, into in family.inside.items()]
    everything = np.ones(x.size, dtype=bool)
    found = [_solve(name, x, P, width, norm, everything, first) for first in starts]
    return min(found, key=lambda pair: pair[1])[0]


def _model(name: str, x: np.ndarray, width: float, norm: str) -> Callable[[np.ndarray], np.ndarray]:
    family = PROFILES[name]

    def model(free: np.ndarray) -> np.ndarray:
        if norm == "line":
            return width * family.on_the_line(x, *family.paper(free))
        values = family.profile(x, *family.paper(free))
        return values / max(float(np.sum(values)), 1e-300)

    return model


def _solve(
    name: str, x: np.ndarray, P: np.ndarray, width: float, norm: str, chosen: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, float]:
    """Free parameters and sum of squares of a fit to the ``chosen`` shells from ``first``."""
    family, model = PROFILES[name], _model(name, x, width, norm)
    smallest = np.array(family.lower) + np.where(np.isfinite(family.lower), 1e-9, 0.0)
    largest = np.array(family.upper) - np.where(np.isfinite(family.upper), 1e-9, 0.0)
    inside = np.clip(first, smallest, largest)
    bounds = (family.lower, family.upper)
    result = scipy.optimize.least_squares(
        lambda q: (model(q) - P)[chosen], inside, bounds=bounds, x_scale="jac", max_nfev=300
    )
    return result.x, 2 * float(result.cost)
