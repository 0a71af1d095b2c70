"""Terms of a recurrence added to the sums of several times."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from bigbath.chebyshev import Recurrence

#: Terms of either parity that are added at once, to so many numbers of each sum.
BATCH, CHUNK = 16, 4096


def accumulate(
    recurrence: Recurrence,
    sums: np.ndarray | Sequence[np.ndarray],
    weights: np.ndarray,
    one_more: Callable[[], None],
) -> None:
    """sums[k] += the sum over even n of weights[k, n] T_n x, sums[K + k] += that over odd n; ``weights`` (K, N).

    ``sums``: 2 K storages. ``one_more`` is called for every term.
    """
    with threadpool_limits(1, user_api="blas"):  # threads cost more than these products
        if isinstance(sums, np.ndarray):
            flat = sums.view()
            flat.shape = (len(sums), -1)  # the numbers of one storage are successive: never a copy
            _in_batches(recurrence, flat.view(float), weights, one_more)
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


def _in_batches(recurrence: Recurrence, sums: np.ndarray, weights: np.ndarray, one_more: Callable[[], None]) -> None:
    """Several terms to the real ``sums`` (2 K, size) of all times by matrix products in pieces that stay in the cache."""
    count, order = weights.shape
    batch = np.empty((2, BATCH, sums.shape[1]))
    for n, term in zip(range(order), recurrence.terms(), strict=False):
        one_more()
        held = n % (2 * BATCH)
        batch[held % 2, held // 2] = term.reshape(-1).view(float)
        if held < 2 * BATCH - 1 and n < order - 1:
            continue
        for parity in (0, 1):
            chosen = weights[:, n - held + parity : n + 1 : 2]
            rows = np.flatnonzero(chosen.any(axis=1))
            if rows.size:
                used = slice(rows[0], rows[-1] + 1)
                targets = sums[parity * count : (parity + 1) * count][used]
                _add_product(targets, chosen[used], batch[parity, : chosen.shape[1]])


def _add_product(targets: np.ndarray, weights: np.ndarray, terms: np.ndarray) -> None:
    """targets (K, size) += weights (K, M) @ terms (M, size)."""
    made = np.empty((len(targets), CHUNK))
    for first in range(0, targets.shape[1], CHUNK):
        piece = targets[:, first : first + CHUNK]
        piece += np.matmul(weights, terms[:, first : first + CHUNK], out=made[:, : piece.shape[1]])


def _axpy(weight: float, source: np.ndarray, target: np.ndarray) -> None:
    """target += weight * source, in place, for contiguous arrays of one shape."""
    add = blas.zaxpy if np.iscomplexobj(target) else blas.daxpy
    add(source.reshape(-1), target.reshape(-1), a=weight)
