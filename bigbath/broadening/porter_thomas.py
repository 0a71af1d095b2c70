"""Fluctuations of p_n inside a shell, after Porter and Thomas, and the entropies that they leave (beyond Eqs. 38 and 53).

In a chaotic system the amplitudes <psi_n|phi> of one shell are Gaussian: real ones for real H, complex ones for complex H.
Then p_n over its mean is chi^2-distributed with ``freedom`` = 1 or 2 degrees of freedom (times g for a level of g states).
The shell's volume must count only the eigenstates that symmetry lets the product state reach: the others have p_n = 0.
"""

import numpy as np
from scipy.special import gammaln, psi, rel_entr
from scipy.stats import chi2

from bigbath.errors import ImpossibleRequest


def freedom_of(*, real: bool) -> int:
    """Degrees of freedom of p_n: 1 for ``real`` eigenvectors, 2 for complex ones."""
    return 1 if real else 2


def moment(order: int, freedom: int) -> float:
    """<y^q> of y = p_n/<p_n>, q = ``order``: 3, 15, 105 for freedom 1; 2, 6, 24 for freedom 2 (q = 2, 3, 4)."""
    half = freedom / 2
    return float(np.exp(gammaln(half + order) - gammaln(half) - order * np.log(half)))


def cumulative(y: np.ndarray, freedom: int) -> np.ndarray:
    """Probability that p_n/<p_n> is below ``y``."""
    return chi2.cdf(freedom * np.asarray(y), freedom)


def shannon_deficit(freedom: int) -> float:
    """<y ln y>, by which fluctuations lower the von Neumann entropy: 2 - gamma - ln 2 (freedom 1), 1 - gamma (2)."""
    half = freedom / 2
    return float(psi(half + 1) - np.log(half))


def renyi2_deficit(freedom: int) -> float:
    """ln <y^2>, by which they lower the Renyi-2 entropy: ln 3 (freedom 1), ln 2 (2)."""
    return float(np.log(1 + 2 / freedom))


def shannon_of_shells(P: np.ndarray, own_count: np.ndarray, freedom: int, degeneracy: int = 1) -> np.ndarray:
    """Expected -sum p ln p (...) for P (..., S) spread over ``own_count`` (..., S) states of each shell with such fluctuations.

    Exact for any number d of states in levels of ``degeneracy`` g: psi(d f/2 + 1) - psi(g f/2 + 1) a shell, f = ``freedom``
    (Page); for many states it is the observational entropy minus ``shannon_deficit`` when g = 1. ImpossibleRequest where
    P > 0 without a state.
    """
    count = _reached(P, own_count)
    half = freedom / 2
    inside = psi(half * count + 1) - psi(half * degeneracy + 1)
    return np.sum(P * inside - rel_entr(P, 1.0), axis=-1)


def renyi2_of_shells(P: np.ndarray, own_count: np.ndarray, freedom: int, degeneracy: int = 1) -> np.ndarray:
    """-ln of the expected sum p^2 (...), as ``shannon_of_shells``; for many levels ``renyi2_deficit`` below the smooth one."""
    count = _reached(P, own_count)
    half = freedom / 2
    return -np.log(np.sum(P**2 * (half * degeneracy + 1) / (half * count + 1), axis=-1))


def reduced_moments(P: np.ndarray, powers: np.ndarray, own_count: np.ndarray, freedom: int) -> np.ndarray:
    """<p^q>/<p>^q (..., S, 3), q = 2, 3, 4, of the states in each shell over the value for Gaussian amplitudes; NaN when empty.

    1 is Porter-Thomas. A shell of d states whose mean is taken from themselves has smaller moments; its exact value
    (Dirichlet's) is divided out, so that 1 is expected for every d > 1.
    """
    half, d = freedom / 2, own_count.astype(float)[..., None]
    q = np.array([2.0, 3.0, 4.0])
    log_expected = (
        gammaln(half + q) - gammaln(half) + gammaln(half * d) - gammaln(half * d + q) + np.log(np.maximum(d, 1))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = powers / P[..., None] ** q / np.exp(log_expected)
    return np.where(d > 1, ratio, np.nan)


def _reached(P: np.ndarray, own_count: np.ndarray) -> np.ndarray:
    lost = float(np.where(own_count == 0, P, 0.0).max(initial=0.0))
    if lost > 1e-9:
        raise ImpossibleRequest(
            f"a probability of {lost:.1e} lies in shells without an eigenstate that the product state can reach"
        )
    return np.maximum(own_count, 1)
