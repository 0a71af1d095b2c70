"""Bonds of a Hamiltonian that conserves magnetisation, by where they are in the two halves of a sector."""

from dataclasses import dataclass

import numpy as np

#: Bits of a pattern, at most.
PATTERN = 6


@dataclass(frozen=True, kw_only=True)
class Bond:
    """An up spin moves from bit ``q`` to bit ``p`` with amplitude t, and back with its conjugate."""

    p: int
    q: int
    amplitude: complex

    def of(self, p_down: np.ndarray | int) -> np.ndarray:
        """Amplitude into states whose bit p is ``p_down``."""
        return np.where(p_down, np.conj(self.amplitude), self.amplitude)


class Bonds:
    """Bonds in the ``left`` half, in the ``right`` one, and across: ``near`` ones end at a bit of the pattern, ``far`` ones not.

    ``width``: bits of the right half. The pattern takes up to ``pattern`` of them, those with most bonds across.
    """

    def __init__(self, bonds: list[Bond], width: int, pattern: int = PATTERN) -> None:
        self.width = width
        self.left = [bond for bond in bonds if min(bond.p, bond.q) >= width]
        self.right = [bond for bond in bonds if max(bond.p, bond.q) < width]
        across = [bond for bond in bonds if min(bond.p, bond.q) < width <= max(bond.p, bond.q)]
        uses = np.bincount([min(bond.p, bond.q) for bond in across], minlength=1)
        often = np.argsort(-uses, kind="stable")[:pattern]
        self.pattern = tuple(int(bit) for bit in often if uses[bit])
        self.near = [bond for bond in across if min(bond.p, bond.q) in self.pattern]
        self.far = [bond for bond in across if min(bond.p, bond.q) not in self.pattern]
        self.far_sites = sorted({max(bond.p, bond.q) for bond in self.far})

    def weight(self, rests: np.ndarray) -> np.ndarray:
        """Number by which the rests of a run are ordered: their hops inside, then their spins down next to the pattern."""
        number = np.zeros(rests.size, np.int64)
        for bond in self.right:
            inside = [bit for bit in (bond.p, bond.q) if bit not in self.pattern]
            if len(inside) == 2:
                number += len(self.right) * (rests >> bond.p & 1 ^ rests >> bond.q & 1)
            elif inside:
                number += rests >> inside[0] & 1
        return number

    def sorted_rows(self, rows: np.ndarray) -> np.ndarray:
        """Configurations of the left half: successive ones have the same spins at the ``far_sites``, and so the same far hops."""
        number = sum((rows >> site - self.width & 1) << i for i, site in enumerate(self.far_sites))
        return rows[np.lexsort((rows, number + 0 * rows))]

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """Configurations of the left half, ascending, to which hops lead from those in ``rows``; some may not be in the sector."""
        found = [np.empty(0, np.int64)]
        for bond in self.left:
            p, q = bond.p - self.width, bond.q - self.width
            found.append(rows[(rows >> p ^ rows >> q) & 1 == 1] ^ (1 << p | 1 << q))
        for site in {max(bond.p, bond.q) - self.width for bond in self.near + self.far}:
            found.append(rows ^ 1 << site)
        return np.unique(np.concatenate(found))
