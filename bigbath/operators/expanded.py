"""Sectors of all configurations in which permutations of sites are +1 or -1: steps on vectors of all configurations.

H keeps a sector, and the kernel of flips takes so little a state that steps on all of them cost less than a matrix of the sector.
Only rounding leaves it. Outside, where the spectrum may reach beyond the scale, rounding grows in each step by a factor that the
couplings bound; it is projected away before it can be seen.
"""

import numpy as np

from bigbath.kernels.chebyshev import shape
from bigbath.kernels.symmetrise import symmetrise
from bigbath.operators.flip_operator import FlipOperator
from bigbath.operators.flips import Flips
from bigbath.operators.operator import product_by_steps
from bigbath.operators.scale import Scale
from bigbath.spaces import Element, Sector
from bigbath.spaces.element import moved

#: Steps between two projections, at most.
MOST = 64

#: Part of the time that the steps of flips themselves take.
STEPS = 0.8


class ExpandedOperator:
    """Matrix-free Chebyshev steps in a sector of all configurations, by steps on all of them, one real vector a call."""

    columns, comm, dtype = 1, None, np.dtype(np.float64)

    def __init__(self, strings: Flips, sector: Sector, scale: Scale, dtype: type = np.float64) -> None:
        self._parent, self._sector, self._scale = FlipOperator(strings, scale, None, dtype), sector, scale
        self.dim, self.rows, self.work = sector.dim, (0, sector.dim), self._parent.work // strings.dim * sector.dim
        self.rate = self.rate_of(sector)
        self._symmetries = [_tables(rotated(element, strings), strings.sites) for element in sector.elements]
        reach = sum(map(abs, strings.fields.values())) + sum(map(abs, strings.flips.values())) + abs(scale.centre)
        x = max(1.0, reach / scale.halfwidth)
        growth = np.arccosh(x) if x > 1 else 0.0  # logarithm of that of rounding, in a step
        allowed = -np.log(np.finfo(dtype).eps) / 2  # rounding then stays below its root, in units of the vector
        self._most = 2 * max(1, int(min(allowed / max(growth, 1e-2), MOST) / 2))

    @staticmethod
    def takes(strings: Flips | None, sector: Sector, dtype: type = np.float64) -> bool:
        """Whether the rotated sites are mirror images of each other, as the kernel can take all configurations."""
        if strings is None or not FlipOperator.takes(strings, 1, dtype):
            return False
        sites = _mask(strings)
        return all(moved(sites, element.permutation) == sites for element in sector.elements)

    @staticmethod
    def rate_of(sector: Sector) -> float:
        """Entries of the sector's matrix that a core takes a second."""
        return FlipOperator.rate * STEPS * sector.dim / sector.space.dim

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero vectors of all configurations."""
        return self._parent.zeros(count)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write real vectors (d, columns) into a storage."""
        self._parent.put(storage, self._sector.expand(np.asarray(block).reshape(self.dim, 1)))

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        return self._sector.reduce(self._parent.get(storage))

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """<a|b> (1,) of the vectors of two storages."""
        return self._parent.dot(a, b)

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        for first in range(0, count, self._most):
            number = min(self._most, count - first)
            self._project(high)
            if count > 2:  # in one step or two, what is left in T_n stays as it is
                self._project(low)
            self._parent.steps(low, high, total, weights[first : first + number], number)

    def _project(self, storage: np.ndarray) -> None:
        for tables in self._symmetries:
            symmetrise(storage, *tables)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (d, c), one after the other."""
        return product_by_steps(self, self._scale, vectors)


def _mask(strings: Flips) -> int:
    """Bits of the rotated sites."""
    return sum(1 << strings.sites - 1 - site for site in strings.rotated)


def rotated(element: Element, strings: Flips) -> Element:
    """A symmetry after the rotation, which makes sigma^x sigma^z of sigma^z sigma^x on the rotated sites."""
    sites = _mask(strings)
    flips = moved(element.x, np.argsort(element.permutation).tolist())  # before the permutation
    return Element(
        permutation=element.permutation,
        x=moved(flips & ~sites | element.z & sites, element.permutation),
        z=element.z & ~sites | flips & sites,
        factor=element.factor * (-1) ** (flips & element.z & sites).bit_count(),
    )


def _tables(element: Element, sites: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Arguments of ``symmetrise`` after the vector."""
    rows, width = shape(sites)
    states = [np.arange(rows) * width, np.arange(width)]
    images = [element.image(states[0]), element.image(states[1]) ^ element.x]
    return *images, *(np.bitwise_count(part & element.z) % 2 for part in states), element.factor
