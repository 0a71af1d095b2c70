"""Linear algebra over the two-element field; a vector is an integer, its entries are the bits."""

from collections.abc import Iterable


class Span:
    """The space spanned by the vectors that were added."""

    def __init__(self, vectors: Iterable[int] = ()) -> None:
        self._rows: dict[int, int] = {}  # number of bits -> vector with that highest bit
        for vector in vectors:
            self.add(vector)

    def remainder(self, vector: int) -> int:
        """What is left of a vector once multiples of the others are taken out; 0 inside the span."""
        while vector and (row := self._rows.get(vector.bit_length())):
            vector ^= row
        return vector

    def add(self, vector: int) -> bool:
        """Add a vector; whether it was outside."""
        rest = self.remainder(vector)
        if rest:
            self._rows[rest.bit_length()] = rest
        return bool(rest)

    def rows(self) -> list[int]:
        """A basis, the vector with the lowest highest bit first."""
        return [self._rows[length] for length in sorted(self._rows)]


def solutions(equations: Iterable[tuple[int, int]], width: int) -> tuple[int, list[int]] | None:
    """All v of ``width`` bits with parity(a & v) = b for every equation (a, b): one solution and a basis of the
    homogeneous ones. None when the equations contradict each other.
    """
    span = Span({(a << 1) | b for a, b in equations})
    rows = span.rows()
    if rows and rows[0] == 1:
        return None
    pivots = {1 << (row.bit_length() - 2): row for row in rows}

    def completed(v: int, right: bool) -> int:
        for pivot, row in pivots.items():  # from the lowest: each row holds its pivot and lower bits
            if ((row >> 1 & v).bit_count() + (row & 1 if right else 0)) % 2:
                v ^= pivot
        return v

    free = [1 << i for i in range(width) if 1 << i not in pivots]
    return completed(0, True), [completed(bit, False) for bit in free]
