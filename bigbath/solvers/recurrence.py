"""Chebyshev polynomials of a scaled Hamiltonian on vectors: operators, recurrences, moments, counts of states.

The spectrum is scaled into (-1, 1), x = (E - centre) / halfwidth = cos(theta); T_n(x) = cos(n theta).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bigbath.errors import BigbathError
from bigbath.hamiltonian import Flips, Hamiltonian, Sector, flips
from bigbath.hamiltonian.flips import diagonal_of, walsh_hadamard
from bigbath.kernels.chebyshev import csr_steps, diagonal_factors, distant, flip_steps, inside, padded, smallest_sites
from bigbath.solvers.eigenstates import Comm, total

#: The scaled spectrum ends this far inside (-1, 1), in units of its half-width.
MARGIN = 5e-4

#: Patterns of ``diagonal_factors`` up to which the diagonal is computed in each step instead of loaded.
COMPUTED = 4

#: States for which one generator draws.
RANDOM = 4096

_NONE = np.empty(0)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """x = (E - ``centre``) / ``halfwidth``."""

    centre: float
    halfwidth: float

    @classmethod
    def of(cls, extremes: tuple[float, float]) -> "Scale":
        """The scale that takes the ends of a spectrum to -1 and 1, less the margin."""
        lowest, highest = extremes
        return cls(centre=(lowest + highest) / 2, halfwidth=max((highest - lowest) / 2, 1e-300) * (1 + MARGIN))

    def angle(self, energy: float) -> float:
        """theta in [0, pi]; it falls as the energy grows."""
        return float(np.arccos(np.clip((energy - self.centre) / self.halfwidth, -1, 1)))


class Operator(Protocol):
    """A scaled Hamiltonian that makes Chebyshev steps on ``columns`` vectors at a time, other vectors on other threads.

    ``dim``: dimension D of the whole space. ``rows``: (first, last) state of this rank's part of each vector, and d
    their number. ``comm``: over which the rows are shared out, None where this process has all. ``work``: matrix
    entries times vectors of one step; ``rate``: about how many of them a core does a second.
    """

    dim: int
    rows: tuple[int, int]
    comm: Comm
    columns: int
    work: int
    rate: float

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors in the operator's own layout."""

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns), in the basis of the Hamiltonian's matrix, into a storage."""

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage, in the basis of the Hamiltonian's matrix."""

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` steps in place; see ``kernels.chebyshev.flip_steps``."""

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v, not scaled, for any number of vectors (d, c) in the basis of the Hamiltonian's matrix."""


class FlipOperator:
    """Matrix-free: a diagonal plus flips, one vector a call.

    With 2^r ranks the top r bits of the state index are the rank: lower flips and the diagonal are its own, for the
    others it exchanges vectors with the partner that the flip leads to, before each step. ``dtype``: float64, or
    float32 for half the time.
    """

    columns, rate = 1, 1e10

    def __init__(self, h: Flips, scale: Scale, comm: Comm = None, dtype: type = np.float64) -> None:
        ranks = 1 if comm is None else comm.size
        self._rank: int = 0 if comm is None else comm.rank
        self.dim, self.comm, self._h, self._scale, self._dtype = h.dim, comm, h, scale, np.dtype(dtype)
        self._sites = h.sites - ranks.bit_length() + 1
        own = 2**self._sites
        self.rows, self.work = (self._rank * own, (self._rank + 1) * own), h.entries // ranks
        unit, fields = 2 / scale.halfwidth, {0: -2 / scale.halfwidth * scale.centre}
        for z, value in h.fields.items():
            fields[z % own] = fields.get(z % own, 0.0) + unit * self._sign(z) * value
        self._high, self._low = diagonal_factors(self._sites, fields, self._dtype)
        patterns = len(self._low)
        if patterns > COMPUTED:
            patterns, self._low = 0, padded(self._sites, 1, self._dtype)
            inside(self._low[0])[:] = diagonal_of(fields, self._sites).reshape(inside(self._low[0]).shape)
        self._coefficients = np.array([unit * c * self._sign(z) for (_, z), c in h.flips.items()], self._dtype)
        strings = tuple((x, z % own) for x, z in h.flips)
        self._partners = [self._rank ^ bits for bits in distant(strings, self._sites)]
        self._others = padded(self._sites, len(self._partners), self._dtype)
        self._steps = flip_steps(self._sites, strings, patterns, self._dtype)
        self._verify()

    def _verify(self) -> None:
        """One step of the compiled kernel beside the sum over flips at 64 states: other flips' code would go unnoticed."""
        rng, others = np.random.default_rng(0), len(self._partners)
        storage = self.zeros(2 + others)
        inside(storage)[:] = rng.standard_normal(inside(storage).shape)
        vectors = np.array(inside(storage), float).reshape(2 + others, -1)
        states = rng.integers(*self.rows, size=64)
        own = states - self.rows[0]

        def signs(z: int) -> np.ndarray:
            return 1 - 2.0 * (np.bitwise_count(states & z) & 1)

        diagonal = sum(value * signs(z) for z, value in self._h.fields.items()) - self._scale.centre
        expected = diagonal * vectors[1][own] - vectors[0][own] * self._scale.halfwidth / 2
        ranks = [0, *(self._rank ^ partner for partner in self._partners)]
        for (x, z), value in self._h.flips.items():
            source = vectors[1 + ranks.index(x >> self._sites)]
            expected += value * signs(z) * source[own ^ x % vectors.shape[1]]
        self._steps(
            storage[0], storage[1], storage[2:], storage[0], self._high, self._low, self._coefficients,
            np.empty(0, self._dtype), 1,
        )  # fmt: skip
        made = inside(storage[0]).reshape(-1)[own] * self._scale.halfwidth / 2
        if not np.allclose(made, expected, rtol=0, atol=1e4 * np.finfo(self._dtype).eps * self._scale.halfwidth):
            raise BigbathError(
                "the compiled kernel does not reproduce this Hamiltonian. Delete Numba's cache of compiled code "
                "(__pycache__ in bigbath/kernels, or NUMBA_CACHE_DIR) and start again."
            )

    def _sign(self, z: int) -> int:
        """(-1)^(number of this rank's own bits in z)."""
        return (-1) ** (z >> self._sites & self._rank).bit_count()

    @staticmethod
    def takes(h: Flips | None, ranks: int = 1, dtype: type = np.float64) -> bool:
        """Whether the kernel can take this Hamiltonian on so many ranks."""
        bits = ranks.bit_length() - 1
        smallest = smallest_sites(np.dtype(dtype))
        return h is not None and ranks == 2**bits and h.sites - bits >= smallest and bool(h.flips)

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors."""
        return padded(self._sites, count, self._dtype)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns) into a storage."""
        inside(storage)[:] = self._rotated(np.array(block, dtype=float).reshape(-1, 1)).reshape(inside(storage).shape)

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        return self._rotated(np.array(inside(storage)).reshape(-1, 1))

    def _rotated(self, vector: np.ndarray) -> np.ndarray:
        """From the matrix's basis to the one in which x is diagonal on the rotated sites, or back; in place or not."""
        rotated = [self._h.sites - 1 - site for site in self._h.rotated]
        if not rotated:
            return vector
        walsh_hadamard(vector, [bit for bit in rotated if bit < self._sites])
        for bit in rotated:
            if bit >= self._sites:
                other = self._exchange(vector, np.empty_like(vector), self._rank ^ 1 << bit - self._sites)
                vector = other - vector if self._rank >> bit - self._sites & 1 else vector + other
        return vector * 2.0 ** (-len(rotated) / 2)

    def _exchange(self, mine: np.ndarray, theirs: np.ndarray, partner: int) -> np.ndarray:
        self.comm.Sendrecv(mine, partner, recvbuf=theirs, source=partner)
        return theirs

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        constants = (total, self._high, self._low, self._coefficients)
        weights = weights.astype(self._dtype, copy=False)
        if not self._partners:
            self._steps(low, high, self._others, *constants, weights, count)
            return
        for step in range(count):
            for partner, storage in zip(self._partners, self._others, strict=True):
                self._exchange(high, storage, partner)
            self._steps(
                low, high, self._others, *constants, weights[step : step + 2] if step % 2 == 0 else weights[:0], 1
            )
            low, high = high, low

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (d, c), one after the other: one step from v and -2 centre/halfwidth v is 2/halfwidth H v."""
        low, high = self.zeros(2)
        result = np.empty_like(vectors)
        for column in range(vectors.shape[1]):
            self.put(high, vectors[:, column])
            np.multiply(high, -2 * self._scale.centre / self._scale.halfwidth, out=low)
            self.steps(low, high, low, _NONE, 1)
            np.multiply(self.get(low)[:, 0], self._scale.halfwidth / 2, out=result[:, column])
        return result


class MatrixOperator:
    """A matrix, CSR for steps, applied to a block of ``columns`` vectors; ranks repeat its work."""

    comm, rate = None, 2e9

    def __init__(self, matrix: sp.csr_array | np.ndarray, scale: Scale, columns: int) -> None:
        self.dim, self.rows, self.columns = matrix.shape[0], (0, matrix.shape[0]), columns
        self._matrix, self._scale = matrix, scale
        self.work = columns * (matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz)

    @cached_property
    def _twice(self) -> sp.csr_array:
        """2 (H - centre) / halfwidth."""
        shifted = sp.csr_array(self._matrix) - self._scale.centre * sp.eye_array(self.dim, format="csr")
        return sp.csr_array(shifted * (2 / self._scale.halfwidth))

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors."""
        return np.zeros((count, self.dim, self.columns), dtype=self._matrix.dtype)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns) into a storage."""
        storage[:] = block

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        return storage

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        csr_steps(self._twice.indptr, self._twice.indices, self._twice.data, low, high, total, weights, count)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (D, c)."""
        return self._matrix @ np.ascontiguousarray(vectors)


def is_matrix_free(h: Hamiltonian, parts: tuple[Sector, ...]) -> bool:
    """Whether the kernel takes this Hamiltonian, of which the sectors ``parts`` are wanted: the whole space, that is."""
    return parts[0].isometry is None and bool(h.terms) and FlipOperator.takes(flips(h.terms, h.sites))


def operator_of(
    h: Hamiltonian, scale: Scale, columns: int = 1, comm: Comm = None, dtype: type = np.float64
) -> Operator:
    """Operator of a Hamiltonian on the whole space: matrix-free where the kernel takes it, on the ranks if it can.

    ``dtype`` of the kernel's vectors; a matrix keeps its own.
    """
    strings = flips(h.terms, h.sites) if h.terms else None
    for shared in (comm, None):
        if strings is not None and FlipOperator.takes(strings, 1 if shared is None else shared.size, dtype):
            return FlipOperator(strings, scale, shared, dtype)
    return MatrixOperator(h.matrix, scale, columns)


class Recurrence:
    """T_n x and T_{n+1} x in ``low`` and ``high``, for a block x (d, columns); ``total`` accumulates a polynomial."""

    def __init__(self, operator: Operator, block: np.ndarray) -> None:
        self.operator = operator
        self.low, self.high, self.total = operator.zeros(3)
        operator.put(self.low, block)
        self._first()

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
    """This rank's rows (d, columns) of standard normal vectors, the same vectors for every number of ranks."""
    first, last = operator.rows
    blocks = range(first // RANDOM, -(-last // RANDOM))
    drawn = [np.random.default_rng([*key, block]).standard_normal((RANDOM, operator.columns)) for block in blocks]
    return np.concatenate(drawn)[first - blocks.start * RANDOM :][: last - first]


def moments(operator: Operator, block: np.ndarray, order: int) -> np.ndarray:
    """mu_n = <v|T_n|v> (columns, order) of vectors v (d, columns) from ``order``/2 steps: T_2n = 2 T_n T_n - T_0."""
    recurrence = Recurrence(operator, block)
    mu = np.empty((operator.columns, order))

    def products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.vecdot(*(x.reshape(-1, operator.columns).T for x in (a, b))).real

    for n in range(order // 2):
        mu[:, 2 * n] = products(recurrence.low, recurrence.low)
        mu[:, 2 * n + 1] = products(recurrence.low, recurrence.high)
        recurrence.advance(1)
    mu = total(mu, operator.comm)
    mu[:, 2:] *= 2
    mu[:, 2::2] -= mu[:, :1]
    mu[:, 3::2] -= mu[:, 1:2]
    return mu


@dataclass(frozen=True, kw_only=True, eq=False)
class DensityOfStates:
    """Chebyshev moments mu_n = Tr T_n(H) / D from random vectors (R, M), with the Jackson kernel."""

    dim: int
    moments: np.ndarray

    @classmethod
    def sample(
        cls, operator: Operator, key: tuple[int, ...], *, vectors: int = 8, order: int = 256
    ) -> "DensityOfStates":
        """Moments up to ``order`` from ``order``/2 steps each."""
        rows = []
        for number in range(-(-vectors // operator.columns)):
            block = random_vectors(operator, (*key, number))
            with threadpool_limits(1, user_api="blas"):  # threads cost more than these products
                mu = moments(operator, block, order).sum(axis=0)
            rows.append(mu / mu[0])
        return cls(dim=operator.dim, moments=np.array(rows))

    def count(self, first: float, last: float) -> tuple[float, float]:
        """Expected number of states with theta in [first, last], and its standard error (resolution pi / M)."""
        order = self.moments.shape[1]
        n = np.arange(1, order)
        step = np.pi / (order + 1)
        jackson = ((order - n + 1) * np.cos(n * step) + np.sin(n * step) / np.tan(step)) / (order + 1)
        weights = np.r_[(last - first) / np.pi, jackson * 2 / (n * np.pi) * (np.sin(n * last) - np.sin(n * first))]
        values = self.dim * self.moments @ weights
        error = (
            float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float(np.sqrt(max(values[0], 0)))
        )
        return max(float(values.mean()), 0.0), error


def degree(edge: float, beta: float) -> int:
    """Number of coefficients, even, of a box with an edge of half-width ``edge``."""
    return 2 * int(np.ceil(beta / edge / 2))


def box(centre: float, halfwidth: float, edge: float, beta: float) -> np.ndarray:
    """Chebyshev coefficients (``degree(edge, beta)``,) of a box in theta with edges of half-width ``edge``.

    f(theta) is 1/2 at ``halfwidth`` from ``centre``, and 0 or 1 but for some e^-``beta`` beyond ``edge`` from there: the sharp
    box's coefficients times the Kaiser window, close to the best for a degree of beta / edge (Kuo & Kaiser, System Analysis
    by Digital Computer, Wiley 1966, ch. 7).
    """
    n = np.arange(degree(edge, beta))
    window = np.i0(beta * np.sqrt(1 - (n / n.size) ** 2)) / np.i0(beta)
    coefficients = 4 * halfwidth / np.pi * np.sinc(n * halfwidth / np.pi) * np.cos(n * centre) * window
    coefficients[0] /= 2
    return coefficients
