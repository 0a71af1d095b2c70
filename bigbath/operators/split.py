"""Where a sector of fixed magnetisation is best split into two halves, see ``operators.halves``."""

from dataclasses import dataclass
from math import comb

from bigbath.operators.bonds import PATTERN, Bond, Bonds
from bigbath.operators.halves import padded_size

#: Columns of a row, at most, where there is a choice: 16 such rows, turned, should stay in the second cache.
COLUMNS = 2000

#: Cycles for a register of states: whatever the hops, for each left site, for a row and a run that begin there, for each bond
#: across that finds runs where rows are packed, and for a left site whose bonds across find none.
BASE, LEFT, ROW, RUN, PACKED, TURNED = 20, 0.5, 20, 8, 1, 8


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sites of the right half, bits of the pattern at most, and whether rows are packed."""

    right: int
    pattern: int
    packed: bool

    def columns(self, sites: int, ones: int) -> int:
        """Columns of the longest row."""
        return max(comb(self.right, ones - k) for k in self._spins_down(sites, ones))

    def rows(self, sites: int, ones: int) -> int:
        """Rows of all blocks."""
        return sum(comb(sites - self.right, k) for k in self._spins_down(sites, ones))

    def _spins_down(self, sites: int, ones: int) -> range:
        return range(max(0, ones - self.right), min(sites - self.right, ones) + 1)

    def cycles(self, sites: int, ones: int, bonds: Bonds, lanes: int) -> float:
        """For a step, about."""
        rows = lanes / self.columns(sites, ones)  # that begin in a register
        runs = 2**self.pattern * rows
        each = BASE + LEFT * (sites - self.right) + ROW * rows + TURNED * len(bonds.far_sites)
        each += PACKED * len(bonds.near) * (1 + runs) if self.packed else RUN * runs
        return each * padded_size(sites, ones, self.right, self.pattern, lanes, self.packed)


def fastest(
    sites: int, ones: int, bonds: list[Bond], lanes: int, ranks: int = 1, right: int | None = None
) -> tuple[Split, tuple[int, float]]:
    """The split that should be fastest of those whose rows are not too long, and its columns (``COLUMNS`` at least) and cycles.

    Each of the ``ranks`` has a row. ``right``: a given number of sites.
    """
    choices = {}
    for width in range(1, sites) if right is None else (right,):
        for pattern in range(min(PATTERN, width) + 1):
            found = Bonds(bonds, width, pattern)
            for packed in (False, True)[: 1 + (pattern > 0)]:
                split = Split(right=width, pattern=pattern, packed=packed)
                if len(found.pattern) == pattern and split.rows(sites, ones) >= ranks:
                    columns = max(split.columns(sites, ones), COLUMNS)
                    choices[split] = columns, split.cycles(sites, ones, found, lanes)
    return min(choices.items(), key=lambda choice: choice[1])
