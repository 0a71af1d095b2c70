"""Loschmidt amplitudes <psi|exp(-iHt)|psi>, and the mean of their squares, from Chebyshev moments alone: two moments a product.

A(t) = e^(-i c t) sum_n (2 - delta_n0) (-i)^n J_n(a t) mu_n with mu_n = <psi|T_n((H - c)/a)|psi> (Weisse et al., Rev. Mod. Phys.
78, 275, Eqs. 32, 33 for the moments; Tal-Ezer & Kosloff, J. Chem. Phys. 81, 3967 for the series). |A|^2 is the survival probability.
No states are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.chebyshev import DensityOfStates
from bigbath.chebyshev import moments as chebyshev_moments
from bigbath.compact import Compact
from bigbath.dynamics.bessel import bessel, terms
from bigbath.dynamics.plan import ROUNDING, TRUNCATED
from bigbath.dynamics.propagate import Propagator
from bigbath.errors import JobError
from bigbath.operators import Operator
from bigbath.progress import Report, silent

#: Entries of a table of Bessel functions that are made at once.
TABLE = 2**22
#: Blocks of moments that the error of a mean over all times comes from; the least number of moments, and of Heisenberg times.
BLOCKS, LEAST, HEISENBERG = 16, 1000, 1.5


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Loschmidt(Compact):
    """``amplitude`` (T,) complex128 at ``times`` (T,), and a bound on the ``error`` (T,) of each for a normalised state.

    ``products``: of H with a real vector, or with a complex one of a complex H.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> bb.loschmidt(propagator, np.eye(32)[0], [0.0, 1.0]).amplitude.shape
    (2,)
    """

    times: np.ndarray
    amplitude: np.ndarray
    error: np.ndarray
    products: int

    @property
    def survival(self) -> np.ndarray:
        """|A|^2 (T,)."""
        return np.abs(self.amplitude) ** 2


def loschmidt(
    propagator: Propagator, state: np.ndarray, times: Sequence[float] | np.ndarray, *, report: Report = silent
) -> Loschmidt:
    """Amplitudes <psi|e^(-iHt)|psi> of a ``state`` (d,) at ``times``, of any sign and in any order, all from one recurrence.

    Memory: two vectors. JobError for a state of another space.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> bb.loschmidt(propagator, np.eye(32)[0], [0.0, 1.0]).survival.round(6)[0]
    np.float64(1.0)
    """
    operator, scale, t = propagator.operator, propagator.scale, np.asarray(times, dtype=float)
    psi = _state(propagator, state)
    if t.ndim != 1 or not t.size or not np.all(np.isfinite(t)):
        raise JobError("times must be a list of finite numbers")
    order = terms(scale.halfwidth * float(np.abs(t).max()))
    order += order % 2
    mu, products = _moments(operator, psi, order, report)
    n = np.arange(order)
    factors = np.where(n > 0, 2.0, 1.0) * (-1j) ** (n % 4)
    amplitude, error = np.empty(t.size, dtype=complex), np.empty(t.size)
    step = max(1, TABLE // order)
    for first in range(0, t.size, step):
        some = slice(first, first + step)
        table = bessel(scale.halfwidth * t[some], order)
        amplitude[some] = np.exp(-1j * scale.centre * t[some]) * (table @ (factors * mu))
        # T_n is known to n roundings of the vector, a moment to twice those of its two halves
        error[some] = np.abs(table * np.abs(factors)) @ (2.0 + n) + np.abs(scale.centre * t[some])
    error = TRUNCATED + ROUNDING * np.finfo(float).eps * error
    return Loschmidt(times=t, amplitude=amplitude, error=error, products=products)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SurvivalMean(Compact):
    """``value`` of the infinite-time mean of the survival probability, its standard ``error``, and the ``products`` it took.

    ``heisenberg``: moments of one Heisenberg time, the density of states at its highest.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> round(bb.survival_mean(propagator, np.eye(32)[0], moments=100_000).renyi2, 2)
    2.38
    """

    value: float
    error: float
    products: int
    heisenberg: int

    @property
    def renyi2(self) -> float:
        """S_2 = -ln sum w^2 of the weights w of the state on the levels of H, nats."""
        return -float(np.log(self.value))

    @property
    def renyi2_error(self) -> float:
        """Its standard error."""
        return self.error / self.value


def require_moments(propagator: Propagator, moments: int) -> int:
    """JobError if ``moments`` are too few for ``survival_mean``; returns those of one Heisenberg time."""
    heisenberg = int(2 * np.pi * DensityOfStates.sample(propagator.operator, (0, 0)).densest(0, np.pi))
    if moments < (least := max(LEAST, int(HEISENBERG * heisenberg))):
        raise JobError(f"{moments:,} moments are too few for the mean over all times here: give {least:,} or more")
    return heisenberg


def survival_mean(propagator: Propagator, state: np.ndarray, *, moments: int, report: Report = silent) -> SurvivalMean:
    """Mean of |<psi|psi(t)>|^2 over all times, sum_n w_n^2 with the weights w_n of the levels of H (entropy paper, Eq. 52).

    Without eigenstates: 2 mu_k^2, mu_k = sum_n w_n cos(k theta_n), has the same mean over k. It is taken over the last three quarters of
    the ``moments``, with an error from BLOCKS parts of them. Before the Heisenberg time, 2 pi a rho of them with the half-width a of the
    spectrum and the density rho of its levels, levels that repel make it smaller: JobError for fewer than HEISENBERG such times (by 5 % at
    most then, by 3 % with two), and for a state of another space.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> bb.survival_mean(propagator, np.eye(32)[0], moments=100_000).products
    50000
    """
    psi, heisenberg = _state(propagator, state), require_moments(propagator, moments)
    mu, products = _moments(propagator.operator, psi, moments - moments % 2, report)
    means = np.array([2 * np.mean(block**2) for block in np.array_split(mu[mu.size // 4 :], BLOCKS)])
    norm = float(np.vdot(psi, psi).real) ** 2
    error = means.std(ddof=1) / np.sqrt(BLOCKS)
    value = float(means.mean()) / norm
    return SurvivalMean(value=value, error=float(error) / norm, products=products, heisenberg=heisenberg)


def _state(propagator: Propagator, state: np.ndarray) -> np.ndarray:
    """A state (d,) as an array."""
    psi, dim = np.asarray(state), propagator.operator.dim
    if psi.shape != (dim,):
        raise JobError(f"the state has the shape {psi.shape}, the sector's states have ({dim},)")
    return psi


def _moments(operator: Operator, psi: np.ndarray, order: int, report: Report) -> tuple[np.ndarray, int]:
    """<psi|T_n|psi> (order,) and the number of products: the sum over real and imaginary part where T_n is real and symmetric."""
    parts = [psi] if operator.dtype.kind == "c" or not np.iscomplexobj(psi) else [psi.real, psi.imag]
    parts = [part for part in parts if np.any(part)]
    mu = sum((chebyshev_moments(operator, part[:, None], order, report)[0] for part in parts), np.zeros(order))
    return mu, len(parts) * order // 2
