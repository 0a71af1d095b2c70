"""What a solve will take, before anything is built: enough to choose an engine.

Times are those of a process that has solved before, on two cores of 2020s hardware, measured in docs/engines.md ("Crossover"); they
hold to a factor of about two where engines cross. The density of states is taken as normal.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.special import ndtr

from bigbath.operators import Hamiltonian
from bigbath.operators.size import flip_masks
from bigbath.solvers.window import AnyWindow, Density, Interval, Levels, Nearest
from bigbath.spaces import FixedCharges, Sector

#: Half-width of a spectrum over its standard deviation, for D = 2: it grows as sqrt(log2 D), the number of spins.
SPREAD = 0.9


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """``seconds`` and ``bytes`` of a solve; ``products``: of H and a vector, 0 for engines that factorise."""

    seconds: float
    bytes: int
    products: int = 0


def entries(h: Hamiltonian, sector: Sector) -> int:
    """Matrix entries of H in a sector, at most; nothing is built."""
    if h.terms:
        return sum(int(sector.dim * share) for share in _connected(h, sector))
    stored = h.given.size if h.given is not None else 0
    return int(stored / h.dim * sector.dim)


def _connected(h: Hamiltonian, sector: Sector) -> list[float]:
    """For each set of sites that H flips, the diagonal among them: which part of the sector's states it leaves in their space.

    With a magnetisation as many of these sites must be up as down.
    """
    flips = [len(sites) for sites in {*flip_masks(h.terms), frozenset[complex]()}]
    space = sector.space
    if not isinstance(space, FixedCharges) or len(space.charges) != 1 or not space.charges[0].is_whole:
        return [1.0] * len(flips)
    up = (h.sites + space.values[0]) // 2
    return [
        0.0 if n % 2 else comb(n, n // 2) * comb(h.sites - n, up - n // 2) / comb(h.sites, up) if n <= 2 * up else 0.0
        for n in flips
    ]


def normal(h: Hamiltonian) -> tuple[float, float]:
    """Mean and standard deviation of all levels, from tr H and tr H^2."""
    if h.given is None:
        mean = complex(h.sums.get((0, 0), 0)).real
        return mean, float(np.sqrt(sum(abs(c) ** 2 for word, c in h.sums.items() if word != (0, 0))))
    mean = float(h.given.diagonal().real.mean())
    squares = float(np.sum(np.abs(h.given.data if h.is_sparse else h.given) ** 2)) / h.dim
    return mean, float(np.sqrt(max(squares - mean**2, 0.0)))


def spread(dim: int) -> float:
    """About the half-width of a spectrum of ``dim`` states over its standard deviation."""
    return SPREAD * float(np.sqrt(np.log2(max(dim, 2))))


def normal_ends(h: Hamiltonian) -> tuple[float, float]:
    """About the ends of the spectrum."""
    mean, sigma = normal(h)
    return mean - spread(h.dim) * sigma, mean + spread(h.dim) * sigma


def expected_states(h: Hamiltonian, window: AnyWindow, dim: int) -> float:
    """About how many of ``dim`` states a window holds."""
    if isinstance(window, Nearest | Density):
        return min(window.k, dim)
    if isinstance(window, Levels):
        return min(len(window.energies), dim)
    if isinstance(window, Interval):
        mean, sigma = normal(h)
        lower, upper = ((x - mean) / max(sigma, 1e-300) for x in (window.lower, window.upper))
        return dim * float(ndtr(upper) - ndtr(lower))
    return dim


def lapack_seconds(dim: int, *, is_complex: bool) -> float:
    """Every eigenpair of one sector: four times the operations for complex matrices."""
    return (1.6e-10 * dim**3 + 8e-8 * dim**2) * (4 if is_complex else 1)
