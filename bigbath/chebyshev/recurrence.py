"""The three-term recurrence of Chebyshev polynomials of a scaled Hamiltonian, T_n(x) = cos(n theta), on vectors."""

from collections.abc import Iterator

import numpy as np

from bigbath.operators import Operator

#: States for which one generator draws.
RANDOM = 4096

_NONE = np.empty(0)


class Recurrence:
    """T_n x and T_{n+1} x in ``low`` and ``high``, for a block x (d, columns); ``total`` accumulates a polynomial.

    ``sums``: number of storages beside the two, which begin at zero; ``total`` is the first of them. ``moments`` need none.
    """

    def __init__(self, operator: Operator, block: np.ndarray, *, sums: int = 1) -> None:
        self.operator = operator
        storages = operator.zeros(2 + sums)
        self.low, self.high, self.sums = storages[0], storages[1], storages[2:]
        operator.put(self.low, block)
        self._first()

    @property
    def total(self) -> np.ndarray:
        """The accumulated polynomial; without sums a storage that no step writes to for want of weights."""
        return self.sums[0] if len(self.sums) else self.low

    def _first(self) -> None:
        """low = T_0 x is given; high = T_1 x is half of 2 H x - 0."""
        self.high[:] = 0
        self.operator.steps(self.high, self.low, self.total, _NONE, 1)
        self.high *= 0.5

    def advance(self, count: int, weights: np.ndarray = _NONE) -> None:
        """n -> n + count; with ``weights`` (count, even) total += sum_j weights[j] T_{n+j} x."""
        self.operator.steps(self.low, self.high, self.total, weights, count)
        if count % 2:
            self.low, self.high = self.high, self.low

    def terms(self) -> Iterator[np.ndarray]:
        """T_n x, T_{n+1} x, ... without end, in storages that later terms overwrite; two steps at once cost less than twice one."""
        while True:
            yield self.low
            yield self.high
            self.advance(2)

    def restart(self) -> None:
        """Start again from the accumulated polynomial, scaled to order 1."""
        largest, comm = float(np.abs(self.total).max()), self.operator.comm
        np.multiply(self.total, 1 / (largest if comm is None else max(comm.allgather(largest))), out=self.low)
        self.total[:] = 0
        self._first()


def random_vectors(operator: Operator, key: tuple[int, ...]) -> np.ndarray:
    """This rank's rows (d, columns) of standard normal vectors, the same vectors for every number of ranks.

    Complex ones have independent real and imaginary parts of variance 1/2.
    """
    first, last = operator.rows
    blocks = range(first // RANDOM, -(-last // RANDOM))
    drawn = [_normal(np.random.default_rng([*key, block]), operator) for block in blocks]
    return np.concatenate(drawn)[first - blocks.start * RANDOM :][: last - first]


def _normal(stream: np.random.Generator, operator: Operator) -> np.ndarray:
    real = stream.standard_normal((RANDOM, operator.columns))
    if operator.dtype.kind != "c":
        return real
    return (real + 1j * stream.standard_normal(real.shape)) / np.sqrt(2)
