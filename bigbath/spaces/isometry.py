"""Isometries onto symmetry sectors: orthonormal columns, each supported on one orbit of basis states."""

from itertools import product
from math import prod
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from bigbath.spaces.actions import Action

#: One operator c U of a projector: U |n> = sign[n] |image[n]>.
Piece: TypeAlias = tuple[complex, np.ndarray, np.ndarray]


def isometry(dim: int, actions: list[Action], values: tuple[int, ...], *, joined: bool) -> sp.csr_array:
    """Orthonormal columns (D, d) that span the joint sector of ``actions`` with labels ``values``. Cost O(D |G|).

    Translations T_i commute with each other; ``values`` are their momenta k_i. ``joined``: real columns for the momenta
    k and -k together. Else columns with T_i V = e^(2 pi i k_i / n_i) V, complex where there are translations.
    """
    translations = [(a, k) for a, k in zip(actions, values, strict=True) if a.is_translation]
    factors = [_of_involution(a, value) for a, value in zip(actions, values, strict=True) if not a.is_translation]
    if translations:
        before = next(i for i, a in enumerate(actions) if a.is_translation)
        factors.insert(before, _of_translations(dim, translations, joined=joined))
    pieces: list[Piece] = [(1.0, np.arange(dim), np.ones(dim))]
    for factor in factors:
        pieces = [
            (c * weight, image[inner], sign * outer[inner])
            for c, inner, sign in pieces
            for weight, image, outer in factor
        ]
    coefficients, images, signs = (list(column) for column in zip(*pieces, strict=True))
    orbit = np.minimum.reduce(images)
    representatives = np.flatnonzero(orbit == np.arange(dim))

    def project(seeds: np.ndarray) -> sp.csc_array:
        """Projector applied to the basis states ``seeds``, one column each."""
        rows = np.concatenate([image[seeds] for image in images])
        data = np.concatenate([c * sign[seeds] for c, sign in zip(coefficients, signs, strict=True)])
        columns = np.tile(np.arange(seeds.size), len(images))
        return sp.csc_array(sp.coo_array((data, (rows, columns)), shape=(dim, seeds.size)))

    first, kept = _normalised(project(representatives))
    blocks, keys = [first], [representatives[kept]]
    moving = next((a for a, k in translations if a.opposite(k) != k), None)
    if joined and moving is not None:  # k and -k hold up to two states an orbit: the second seed is T |representative>
        second = project(moving.image[representatives])
        place = sp.csc_array(
            (np.ones(kept.size), (np.arange(kept.size), kept)), shape=(kept.size, representatives.size)
        )
        basis = sp.csc_array(first @ place)
        overlap = np.asarray(basis.multiply(second).sum(axis=0)).ravel()
        rest, kept_second = _normalised(second - basis @ sp.diags_array(overlap))
        blocks.append(rest)
        keys.append(representatives[kept_second])
    order = np.argsort(np.concatenate(keys), kind="stable")
    return sp.csr_array(sp.hstack(blocks, format="csc")[:, order])


def _of_involution(u: Action, value: int) -> list[Piece]:
    """The projector (1 + value U) / 2."""
    return [(weight, *power) for weight, power in zip((0.5, 0.5 * value), u.powers(), strict=True)]


def _of_translations(dim: int, translations: list[tuple[Action, int]], *, joined: bool) -> list[Piece]:
    """The projector sum_m e^(-i k m) T^m / |G| over the group of the translations; plus that of -k where joined."""
    size = prod(a.order for a, _ in translations)
    is_own_opposite = all(a.opposite(k) == k for a, k in translations)
    weight = (1.0 if is_own_opposite or not joined else 2.0) / size
    tables = [a.powers() for a, _ in translations]
    pieces: list[Piece] = []
    for powers in product(*(range(a.order) for a, _ in translations)):
        angle = sum(2 * np.pi * k * m / a.order for (a, k), m in zip(translations, powers, strict=True))
        image = np.arange(dim)
        for table, m in zip(tables, powers, strict=True):
            image = table[m][0][image]
        pieces.append((weight * (np.cos(angle) if joined else np.exp(-1j * angle)), image, np.ones(dim)))
    return pieces


def _normalised(columns: sp.csc_array) -> tuple[sp.csc_array, np.ndarray]:
    """Columns scaled to norm 1, without the vanishing ones; and which were kept."""
    columns.data[np.abs(columns.data) < 1e-13] = 0
    columns.eliminate_zeros()
    norms = np.sqrt(np.asarray(columns.multiply(columns.conj()).real.sum(axis=0)).ravel())
    kept = np.flatnonzero(norms > 1e-6)
    return sp.csc_array(columns[:, kept] @ sp.diags_array(1 / norms[kept])), kept
