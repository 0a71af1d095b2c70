"""Symmetries as signed permutations of the basis states of a space."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bigbath.errors import SymmetryError
from bigbath.models.composite import Symmetry
from bigbath.spaces.space import Space


@dataclass(frozen=True, eq=False)
class Action:
    """U |n> = sign[n] |image[n]> on the basis states of a space; ``order``: smallest m with U^m = 1."""

    symmetry: Symmetry
    image: np.ndarray
    sign: np.ndarray
    order: int

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """U v."""
        result = np.empty_like(vector)
        result[self.image] = self.sign * vector
        return result

    def inverse(self, vector: np.ndarray) -> np.ndarray:
        """U^-1 v."""
        return self.sign * vector[self.image]

    @property
    def is_translation(self) -> bool:
        """Whether it has momenta 0 ... order - 1, in units of 2 pi/order; else it is an involution, with values +1, -1."""
        return self.order > 2

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Labels: +1, -1 of an involution, the momenta of a translation."""
        return tuple(range(self.order)) if self.is_translation else (1, -1)

    def opposite(self, value: int) -> int:
        """The label of the complex conjugate states: -k of a momentum k."""
        return -value % self.order if self.is_translation else value

    def powers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """U^0, U^1 ... U^(order - 1) as pairs (image, sign)."""
        found = [(np.arange(self.image.size), np.ones(self.image.size))]
        for _ in range(self.order - 1):
            image, sign = found[-1]
            found.append((self.image[image], sign * self.sign[image]))
        return found


def order_of(symmetry: Symmetry, sites: int) -> int:
    """Smallest m with U^m = 1, from the action on sites; SymmetryError for what cannot be used."""
    if sorted(symmetry.permutation) != list(range(sites)):
        raise SymmetryError(f"symmetry {symmetry.name!r} does not permute the {sites} sites")
    order = _order(symmetry, sites)
    if order == 1:
        raise SymmetryError(f"symmetry {symmetry.name!r} is the identity")
    if order > 2 and (symmetry.flip or symmetry.sign):
        raise SymmetryError(f"symmetry {symmetry.name!r}: with flips or signs it must square to the identity")
    return order


def _order(symmetry: Symmetry, sites: int) -> int:
    """The same for any symmetry: U^m maps each site to itself, without a flip or a sign, and with the phase 1.

    On spins U^m = phase prod_j X_j^f_j Z_j^s_j (permutation)^m; X Z = - Z X gives the phase.
    """
    where, flips, signs, phase = list(range(sites)), [0] * sites, [0] * sites, 1
    for order in range(1, 2 * sites + 1):
        for j in range(sites):  # the spin that began on site j is now on where[j]
            if where[j] in symmetry.sign:
                phase *= -1 if flips[j] else 1
                signs[j] ^= 1
            flips[j] ^= where[j] in symmetry.flip
            where[j] = symmetry.permutation[where[j]]
        if where == list(range(sites)) and not any(flips) and not any(signs) and phase == 1:
            return order
    raise SymmetryError(f"symmetry {symmetry.name!r}: no power of it up to {2 * sites} is the identity")


def action(symmetry: Symmetry, space: Space, sites: int) -> Action | None:
    """The symmetry on a space; None where it leads out of it, as a spin flip does at a magnetisation that is not 0."""
    order = order_of(symmetry, sites)
    states = space.states()
    image, sign = np.zeros_like(states), np.ones(states.size)
    for site, target in enumerate(symmetry.permutation):
        spin = (states >> (sites - 1 - site)) & 1
        if site in symmetry.sign:
            sign = sign * (1 - 2 * spin)
        if site in symmetry.flip:
            spin = 1 - spin
        image |= spin << (sites - 1 - target)
    number = space.index(image)
    return None if np.any(number < 0) else Action(symmetry, number, sign, order)
