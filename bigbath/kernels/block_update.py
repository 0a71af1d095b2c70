"""The work of a block factorisation: products of one block column subtracted from the later ones, in place."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit


@njit(nogil=True, parallel=True)
def multiply(u, inverse, w):  # type: ignore[no-untyped-def]
    """w[i] = u[i] @ inverse for every block: u, w (m, b, k), inverse (k, k), float64."""
    for i in prange(u.shape[0]):
        np.dot(u[i], inverse, w[i])


@njit(nogil=True, parallel=True)
def subtract(u, w, places, targets, column, first, start, pointer, rows, values, size):  # type: ignore[no-untyped-def]
    """Subtract w[i] u[p]^T from block (places[i], places[p]) for every p in ``targets`` and i >= p.

    ``u``, ``w`` (m, b, k): blocks of the column just eliminated and times its pivot's inverse; ``places`` (m,) and
    ``targets``, ascending. Column j of the factor begins with block ``first[j]``; its blocks, (b, width) each, are in
    ``values`` from ``start[j]`` on, for the block rows ``rows[pointer[j]:pointer[j + 1]]``; ``column`` names the column
    of each block. ``size`` blocks of rows are multiplied at a time.
    """
    m, b, k = u.shape
    chunks = (m + size - 1) // size
    for c in prange(chunks):
        # the last chunks have most to do: threads take equal shares when early and late ones alternate
        chunk = c // 2 if c % 2 == 0 else chunks - 1 - c // 2
        product = np.empty((size * b, b))
        for p in targets:
            end = min(m, (chunk + 1) * size)
            i = max(p, chunk * size)
            if i >= end:
                continue
            j = column[places[p]]
            left, width = b * (places[p] - first[j]), b * (first[j + 1] - first[j])
            at = pointer[j] + np.searchsorted(rows[pointer[j] : pointer[j + 1]], places[i])
            while i < end:
                while rows[at] != places[i]:
                    at += 1
                run = 1
                while i + run < end and rows[at + run] == places[i + run]:
                    run += 1
                part = product[: run * b]
                np.dot(w[i : i + run].reshape(run * b, k), u[p].T, part)
                begin = start[j] + (at - pointer[j]) * b * width
                block = values[begin : begin + run * b * width].reshape(run * b, width)
                for row in range(run * b):
                    entries, less = block[row, left : left + b], part[row]
                    for e in range(b):  # six times as fast as the same without loops
                        entries[e] -= less[e]
                i += run
                at += run
