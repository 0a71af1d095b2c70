"""Terms of a recurrence added to the sums of several times."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from bigbath.chebyshev import Recurrence
from bigbath.operators import Operator

#: Terms of either parity that are added at once at most; for few times twice their number, so that all stays in the cache.
BATCH = 32


def storages(operator: Operator, count: int) -> np.ndarray:
    """``count`` zero storages, one directly after the other, as matrix products want them."""
    one = operator.zeros(1)[0]
    return np.zeros((count, *one.shape), one.dtype)


def room(sums: np.ndarray) -> np.ndarray:
    """Where terms of both parities wait until they are added to ``storages``."""
    return np.empty((2, min(BATCH, len(sums)), sums[0].size * sums.itemsize // 8))


def accumulate(
    recurrence: Recurrence,
    sums: np.ndarray | Sequence[np.ndarray],
    weights: np.ndarray,
    one_more: Callable[[], None],
    batch: np.ndarray | None = None,
) -> None:
    """sums[k] += the sum over even n of weights[k, n] T_n x, sums[K + k] += that over odd n; ``weights`` (K, N).

    ``sums``: 2 K ``storages``, with ``room`` for a batch of terms, or single ones. ``one_more`` is called for every term.
    """
    with threadpool_limits(1, user_api="blas"):  # threads cost more than these products
        if isinstance(sums, np.ndarray):
            flat = sums.reshape(len(sums), -1).view(float)
            _in_batches(recurrence, flat, weights, one_more, room(sums) if batch is None else batch)
        else:
            _singly(recurrence, sums, weights, one_more)


def _singly(
    recurrence: Recurrence,
    sums: np.ndarray | Sequence[np.ndarray],
    weights: np.ndarray,
    one_more: Callable[[], None],
) -> None:
    """Every term to the sums of all times, one after the other."""
    count = weights.shape[0]
    for n, term in zip(range(weights.shape[1]), recurrence.terms(), strict=False):
        one_more()
        for row in np.flatnonzero(weights[:, n]):
            _axpy(weights[row, n], term, sums[row + count * (n % 2)])


def _in_batches(
    recurrence: Recurrence, sums: np.ndarray, weights: np.ndarray, one_more: Callable[[], None], batch: np.ndarray
) -> None:
    """Several terms to the real ``sums`` (2 K, size) of all times by matrix products."""
    (count, order), size = weights.shape, batch.shape[1]
    for n, term in zip(range(order), recurrence.terms(), strict=False):
        one_more()
        held = n % (2 * size)
        batch[held % 2, held // 2] = term.reshape(-1).view(float)
        if held < 2 * size - 1 and n < order - 1:
            continue
        for parity in (0, 1):
            chosen = weights[:, n - held + parity : n + 1 : 2]
            rows = np.flatnonzero(chosen.any(axis=1))
            if rows.size:
                used = slice(rows[0], rows[-1] + 1)
                targets = sums[parity * count : (parity + 1) * count][used]
                _add_product(targets, chosen[used], batch[parity, : chosen.shape[1]])


def _add_product(targets: np.ndarray, weights: np.ndarray, terms: np.ndarray) -> None:
    """targets (K, size) += weights (K, M) @ terms (M, size), in place: rows of the first and the last one are successive."""
    blas.dgemm(1.0, terms.T, np.ascontiguousarray(weights).T, 1.0, targets.T, overwrite_c=True)


def _axpy(weight: float, source: np.ndarray, target: np.ndarray) -> None:
    """target += weight * source, in place, for contiguous arrays of one shape."""
    add = blas.zaxpy if np.iscomplexobj(target) else blas.daxpy
    add(source.reshape(-1), target.reshape(-1), a=weight)
