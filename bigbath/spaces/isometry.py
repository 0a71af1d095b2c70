"""Isometries onto symmetry sectors: orthonormal columns, each supported on one orbit of basis states."""

import numpy as np
import scipy.sparse as sp

from bigbath.spaces.actions import Action


def isometry(dim: int, actions: list[Action], values: tuple[int, ...]) -> sp.csr_array:
    """Orthonormal columns (D, d) that span the joint sector of ``actions`` with labels ``values``. Cost O(D |G|)."""
    coefficients, images, signs = [1.0], [np.arange(dim)], [np.ones(dim)]
    for action, value in zip(actions, values, strict=True):  # every product U_1^m1 U_2^m2 ... with its coefficient
        powers = [(np.arange(dim), np.ones(dim))]
        for _ in range(action.order - 1):
            image, sign = powers[-1]
            powers.append((action.image[image], sign * action.sign[image]))
        pieces = [
            (c * weight, powers[m][0][image], sign * powers[m][1][image])
            for c, image, sign in zip(coefficients, images, signs, strict=True)
            for weight, m in action.terms(value)
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
    translation = next((a for a in actions if a.order > 2), None)
    if translation is not None:  # a pair of momenta can hold two states an orbit: the second seed is T |representative>
        second = project(translation.image[representatives])
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


def _normalised(columns: sp.csc_array) -> tuple[sp.csc_array, np.ndarray]:
    """Columns scaled to norm 1, without the vanishing ones; and which were kept."""
    columns.data[np.abs(columns.data) < 1e-13] = 0
    columns.eliminate_zeros()
    norms = np.sqrt(np.asarray(columns.multiply(columns).sum(axis=0)).ravel())
    kept = np.flatnonzero(norms > 1e-6)
    return sp.csc_array(columns[:, kept] @ sp.diags_array(1 / norms[kept])), kept
