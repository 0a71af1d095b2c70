"""Self-consistent equations for widths, shifts and whole distributions (entropy paper, Eqs. 27-30, 35-37, 41-46).

Eq. 43 must be read with the *other* branch, lambda(mu, i) = a_mu,j + Delta_mu,j - eta_i with j != i: only then does
Eq. 44 follow and do the reconstructed parameters agree with the fitted ones (Fig. 4).
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize

from bigbath.broadening.interaction import Strength
from bigbath.errors import ImpossibleRequest
from bigbath.kernels import lorentzian_sums


@dataclass(frozen=True, kw_only=True, eq=False)
class Convergence:
    """How an iteration ended.

    ``changes``: (iterations,) the largest change of each step over all states; ``settled``: (M, D_S) whether the last change
    of each state is within ``tolerance``. At the ends of the spectrum, where few bath states are in reach, the smooth
    equations need not settle.
    """

    changes: np.ndarray
    settled: np.ndarray
    tolerance: float

    @property
    def converged(self) -> bool:
        """Whether every state has settled."""
        return bool(self.settled.all())

    @property
    def fraction(self) -> float:
        """Fraction of the states that have settled."""
        return float(self.settled.mean())

    @property
    def iterations(self) -> int:
        """Number of steps made."""
        return self.changes.size


def other_branch(centre: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """lambda(mu, i) = (a + Delta)_mu,j - eta_i with j != i (M, 2), Eq. 43. ``centre``: (M, 2); ``eta``: (2,)."""
    if centre.shape[1] != 2:
        raise ImpossibleRequest(f"Eq. 43 is written for a system of two levels, not {centre.shape[1]}")
    return centre[:, ::-1] - eta


def reconstruct(v: Strength, centre: np.ndarray, chi: np.ndarray, energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """chi and Delta - V_{mu i} (M, D_S) from Eqs. 36 and 37 at ``energy`` lambda(mu, i) (M, D_S).

    ``centre`` = a + Delta and ``chi``, both (M, D_S), are the Lorentzians on the right-hand sides.
    """
    out = np.zeros((*centre.shape, 2))
    for rows, columns, w in v.blocks:
        place = np.full(centre.shape[0], -1, dtype=np.int64)
        place[columns] = np.arange(columns.size)
        part = np.zeros((rows.size, centre.shape[1], 2))
        lorentzian_sums(w, v.weights, energy[rows], centre[columns], chi[columns], place[rows], part)
        out[rows] += part
    return out[..., 0], out[..., 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """Solution of Eqs. 36, 37: ``centre`` = a + Delta and ``chi`` (M, D_S), and how it was reached."""

    centre: np.ndarray
    chi: np.ndarray
    convergence: Convergence


def natural_width(v: Strength) -> float:
    """The scale of the interaction: root mean square over the states of (sum_nu,j |V_mu,i,nu,j|^2)^(1/2); 1 where V vanishes."""
    strength = float(np.sqrt(np.mean(v.sums(np.ones(v.diagonal.shape)))))
    return strength if strength > 0 else 1.0


def solve_parameters(
    v: Strength,
    bare: np.ndarray,
    *,
    eta: np.ndarray | None = None,
    start_chi: float | None = None,
    damping: float = 0.5,
    tolerance: float | None = None,
    iterations: int = 100,
) -> Parameters:
    """chi and Delta from |V|^2 alone: Eqs. 36, 37 iterated from chi = ``start_chi``, Delta = V_{mu i}.

    ``bare``: (M, D_S) a_mu,i = eps_mu + E_i. ``eta``: (2,) the offset of Eq. 43; None takes "the appropriate lambda" at
    the peak of each distribution, a_mu,i + Delta_mu,i, so that nothing is fitted. ``damping``: fraction of the old
    parameters kept in each step. Stops when no parameter changes by more than ``tolerance``
    (units of energy), or after ``iterations``. By default ``start_chi`` is ``natural_width``, ``tolerance`` a thousandth of it.
    """
    width = natural_width(v)
    start_chi = width if start_chi is None else start_chi
    tolerance = 1e-3 * width if tolerance is None else tolerance
    centre, chi = bare + v.diagonal, np.full(bare.shape, start_chi)
    changes: list[float] = []
    settled = np.zeros(bare.shape, dtype=bool)
    while len(changes) < iterations and not settled.all():
        energy = centre if eta is None else other_branch(centre, eta)
        new_chi, shift = reconstruct(v, centre, chi, energy)
        step_centre = (1 - damping) * (bare + v.diagonal + shift - centre)
        step_chi = (1 - damping) * (np.maximum(new_chi, 1e-9 * width) - chi)
        centre, chi = centre + step_centre, chi + step_chi
        change = np.maximum(np.abs(step_centre), np.abs(step_chi))
        settled = change <= tolerance
        changes.append(float(change.max()))
    return Parameters(
        centre=centre, chi=chi, convergence=Convergence(changes=np.array(changes), settled=settled, tolerance=tolerance)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectra:
    """Solution of Eqs. 27, 28, 30 on cells of energy: ``density`` (M, D_S, n) = e^S p at ``energy`` (n,), cells ``step`` wide.

    ``norm``: (M, D_S) its integral, 1 up to what has left the grid or sits in a peak narrower than a cell.
    ``chi``, ``shift``: (M, D_S, n) the functions Im G = pi sum |V|^2 e^S p and V + Re G of energy, from which ``density`` is
    the Lorentzian chi / pi / ((lambda - a - shift)^2 + chi^2): widths and shifts without a fit.
    """

    energy: np.ndarray
    step: float
    density: np.ndarray
    norm: np.ndarray
    chi: np.ndarray
    shift: np.ndarray
    convergence: Convergence

    def binned(self, edges: np.ndarray) -> np.ndarray:
        """Probability in each interval of ``edges`` (S+1,): (M, D_S, S)."""
        walls = np.append(self.energy - self.step / 2, self.energy[-1] + self.step / 2)
        total = np.concatenate(
            [np.zeros((*self.density.shape[:-1], 1)), np.cumsum(self.density, axis=-1) * self.step], axis=-1
        )
        at = np.clip((edges - walls[0]) / self.step, 0, self.energy.size)
        left = np.minimum(at.astype(int), self.energy.size - 1)
        cumulative = total[..., left] + (at - left) * (total[..., left + 1] - total[..., left])
        return np.diff(cumulative, axis=-1)


def hilbert_matrix(n: int) -> np.ndarray:
    """Principal value of the integral of dx rho(x)/(x_n - x), rho linear on each of n equal cells (n, n), Eq. 30.

    The slope in a cell is the central difference of its neighbours; second order in the width of a cell.
    """
    offset = np.subtract.outer(np.arange(n), np.arange(n)).astype(float)
    constant = np.log(np.abs((offset + 0.5) / (offset - 0.5)))
    slope = (np.eye(n, k=1) - np.eye(n, k=-1)) / 2
    return constant + (offset * constant - 1) @ slope


def solve_spectra(
    v: Strength,
    bare: np.ndarray,
    support: tuple[float, float],
    *,
    cells: int = 400,
    start_chi: float | None = None,
    damping: float = 0.5,
    tolerance: float = 1e-5,
    iterations: int = 200,
) -> Spectra:
    """The closed equations for p_n itself, Eqs. 27, 28, 30, from a trial Lorentzian of width ``start_chi``, by default ``natural_width``.

    p is taken smooth over a cell, (b - a)/``cells`` wide, of ``support`` = (a, b), which should reach beyond the spectrum:
    density = e^S p, so that the density of states drops out. Stops when the density of no state changes by more than
    ``tolerance`` in the 1-norm. Memory 24 M D_S ``cells`` bytes; a step costs two products |V|^2 x (M, cells).
    """
    step = (support[1] - support[0]) / cells
    energy = support[0] + step * (np.arange(cells) + 0.5)
    hilbert = hilbert_matrix(cells).T
    offset = energy - (bare + v.diagonal)[..., None]  # Delta_n of Eq. 27
    start_chi = natural_width(v) if start_chi is None else start_chi
    density = start_chi / np.pi / (offset**2 + start_chi**2)
    changes: list[float] = []
    settled = np.zeros(bare.shape, dtype=bool)
    while len(changes) < max(iterations, 1) and not settled.all():
        spectral = v.sums(density)  # Im G / pi, Eq. 28
        real = (spectral.reshape(-1, cells) @ hilbert).reshape(spectral.shape)  # Eq. 30
        imaginary = np.pi * spectral
        new = imaginary / np.pi / np.maximum((offset - real) ** 2 + imaginary**2, 1e-300)  # Eq. 27
        new = np.minimum(new, 1 / step)  # a peak narrower than a cell holds at most its weight 1
        change = (1 - damping) * (new - density)
        density = density + change
        size = np.abs(change).sum(axis=-1) * step
        settled = size <= tolerance
        changes.append(float(size.max()))
    convergence = Convergence(changes=np.array(changes), settled=settled, tolerance=tolerance)
    return Spectra(
        energy=energy, step=step, density=density, norm=density.sum(axis=-1) * step, chi=imaginary,
        shift=real + v.diagonal[..., None], convergence=convergence,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CoarseGrained:
    """Solution of Eqs. 45, 46: width ``chi`` and shift ``delta`` = Delta_2 = -Delta_1."""

    chi: float
    delta: float


def coarse_grained(channel: float, bandwidth: float, eta: float) -> CoarseGrained:
    """Eqs. 45, 46 for V_{12} = ``channel``, Delta_I = ``bandwidth`` and ``eta``, by bracketed root finding.

    ImpossibleRequest where they have no solution with chi > 0: eta beyond Delta_I/2 with a weak channel.
    """
    half = bandwidth / 2

    def excess(chi: float) -> float:
        return channel / bandwidth * (np.arctan((half - eta) / chi) + np.arctan((half + eta) / chi)) - chi

    upper = np.pi * channel / bandwidth  # both arctan at most pi/2
    trial = np.geomspace(1e-9 * upper, upper, 400)
    values = np.array([excess(float(t)) for t in trial])
    down = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not down.size:
        raise ImpossibleRequest(
            f"Eqs. 45 and 46 have no solution for V_12 = {channel:g}, Delta_I = {bandwidth:g}, eta = {eta:g}"
        )
    chi = float(scipy.optimize.brentq(excess, trial[down[-1]], trial[down[-1] + 1], xtol=1e-14 * upper))
    ratio = (chi**2 + (half + eta) ** 2) / (chi**2 + (half - eta) ** 2)
    return CoarseGrained(chi=chi, delta=channel / (2 * bandwidth) * float(np.log(ratio)))
