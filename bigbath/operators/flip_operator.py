"""Matrix-free Chebyshev steps in the space of all configurations: a diagonal plus flips."""

import numpy as np

from bigbath.errors import BigbathError
from bigbath.kernels.chebyshev import diagonal_factors, distant, flip_steps, inside, padded, smallest_sites
from bigbath.operators.flips import Flips, diagonal_of, walsh_hadamard
from bigbath.operators.operator import dot_of_storages, product_by_steps
from bigbath.operators.scale import Scale
from bigbath.ranks import Comm

#: Patterns of ``diagonal_factors`` up to which the diagonal is computed in each step instead of loaded.
COMPUTED = 4


class FlipOperator:
    """Matrix-free: a diagonal plus flips, one vector a call.

    With 2^r ranks the top r bits of the state index are the rank: lower flips and the diagonal are its own, for the
    others it exchanges vectors with the partner that the flip leads to, before each step. ``dtype``: float64, or
    float32 for half the time.
    """

    columns, rate, dtype = 1, 1e10, np.dtype(np.float64)

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
        """Write real vectors (d, columns) into a storage."""
        vector = np.asarray(block).astype(float, casting="same_kind")
        inside(storage)[:] = self._rotated(vector.reshape(-1, 1)).reshape(inside(storage).shape)

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

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Re <a|b> (1,) of the vectors of two storages."""
        return dot_of_storages(a, b)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (d, c), one after the other."""
        return product_by_steps(self, self._scale, vectors)
