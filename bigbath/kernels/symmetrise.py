"""Parts of vectors over all configurations that keep a symmetry, in the storage of ``kernels.chebyshev``."""

from bigbath.kernels.compiled import njit


@njit(nogil=True)
def symmetrise(vector, rows, columns, z_rows, z_columns, factor):  # type: ignore[no-untyped-def]
    """Make v[P n ^ x] = factor (-1)^|n & z| v[n] exact for an involution, by the mean of both, in place.

    ``vector``: padded (rows, stride). State n = (row, column) goes to the exclusive or of ``rows[row]`` and ``columns[column]``; the
    number of set bits of n & z is odd where ``z_rows[row]`` and ``z_columns[column]`` differ.
    """
    width = columns.size
    bits = 0
    while 1 << bits < width:
        bits += 1
    for row in range(rows.size):
        for column in range(width):
            image = rows[row] ^ columns[column]
            n = row << bits | column
            if image < n:
                continue
            sign = -factor if z_rows[row] != z_columns[column] else factor
            other_row, other_column = image >> bits, image & (width - 1)
            mean = (vector[row, column] + sign * vector[other_row, other_column]) / 2
            vector[row, column] = mean
            vector[other_row, other_column] = sign * mean
