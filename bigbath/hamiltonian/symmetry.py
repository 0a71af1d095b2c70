"""Symmetry sectors of a Hamiltonian: real isometries onto them, verified before use.

QuSpin's symmetric bases label sectors by one-dimensional representations. The ring's reflection and translations do
not commute, and p_n is only well defined in a reflection-resolved basis, so the sectors here are the joint real
eigenspaces of every involution and of T + 1/T of the translation: real matrices, exact +-momentum pairs split.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import scipy.sparse as sp

from bigbath.errors import JobError, SymmetryError
from bigbath.hamiltonian.build import Hamiltonian
from bigbath.models.composite import Symmetry


@dataclass(frozen=True, kw_only=True, eq=False)
class Sector:
    """One symmetry sector of a space of dimension D.

    ``labels``: eigenvalue +1 or -1 of each involution, |momentum| 0 ... n//2 (in units of 2 pi/n) of a translation.
    ``isometry``: (D, d) CSR with orthonormal columns; None for the whole space.
    """

    labels: tuple[tuple[str, int], ...]
    dim: int
    isometry: sp.csr_array | None

    def restrict(self, matrix: sp.csr_array | np.ndarray) -> sp.csr_array | np.ndarray:
        """Matrix (d, d) of an operator that commutes with the symmetries, in the sector's coordinates."""
        if self.isometry is None:
            return matrix
        restricted = self.isometry.T @ matrix @ self.isometry
        if sp.issparse(restricted):
            restricted = sp.csr_array(restricted + restricted.conj().T) / 2  # undo rounding; keeps LDL^T honest
            restricted.eliminate_zeros()
        return restricted

    def lift(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (d, k) of the sector as vectors (D, k) of the whole space."""
        return vectors if self.isometry is None else self.isometry @ vectors

    def __str__(self) -> str:
        return (
            ", ".join(
                f"{name} {value:+d}" if name != "momentum" else f"|momentum| {value}" for name, value in self.labels
            )
            or "whole space"
        )


@dataclass(frozen=True, eq=False)
class _Action:
    """A symmetry as a signed permutation of basis states: U |n> = sign[n] |image[n]>; ``order`` = smallest m, U^m = 1."""

    symmetry: Symmetry
    image: np.ndarray
    sign: np.ndarray
    order: int

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        result = np.empty_like(vector)
        result[self.image] = self.sign * vector
        return result

    @cached_property
    def values(self) -> tuple[int, ...]:
        return (1, -1) if self.order == 2 else tuple(range(self.order // 2 + 1))

    def terms(self, value: int) -> list[tuple[float, int]]:
        """The sector's projector as sum of c_m U^m: pairs (c_m, m)."""
        n = self.order
        if n == 2:
            return [(0.5, 0), (0.5 * value, 1)]
        weight = (1.0 if value in (0, n / 2) else 2.0) / n
        return [(weight * np.cos(2 * np.pi * value * m / n), m) for m in range(n)]


def _action(symmetry: Symmetry, sites: int) -> _Action:
    if sorted(symmetry.permutation) != list(range(sites)):
        raise SymmetryError(f"symmetry {symmetry.name!r} does not permute the {sites} sites")
    states = np.arange(2**sites, dtype=np.int64)
    image = np.zeros_like(states)
    sign = np.ones(states.size)
    for site, target in enumerate(symmetry.permutation):
        spin = (states >> (sites - 1 - site)) & 1
        if site in symmetry.sign:
            sign = sign * (1 - 2 * spin)
        if site in symmetry.flip:
            spin = 1 - spin
        image |= spin << (sites - 1 - target)
    order, power_image, power_sign = 1, image, sign
    while not (np.array_equal(power_image, states) and np.all(power_sign == 1)):
        power_sign = power_sign * sign[power_image]
        power_image = image[power_image]
        order += 1
        if order > 2 * sites:
            raise SymmetryError(f"symmetry {symmetry.name!r}: no power of it up to {2 * sites} is the identity")
    if order == 1:
        raise SymmetryError(f"symmetry {symmetry.name!r} is the identity")
    if order > 2 and (symmetry.flip or symmetry.sign):
        raise SymmetryError(f"symmetry {symmetry.name!r}: with flips or signs it must square to the identity")
    return _Action(symmetry, image, sign, order)


def symmetry_names(h: Hamiltonian) -> tuple[str, ...]:
    """Names of the symmetries that the model declares."""
    return tuple(s.name for s in h.symmetries)


def sectors(
    h: Hamiltonian,
    *,
    use: tuple[str, ...] | None = None,
    only: dict[str, int] | None = None,
    tolerance: float = 1e-12,
) -> tuple[Sector, ...]:
    """All sectors of the symmetries named in ``use`` (None: every declared one), or those that ``only`` selects.

    Each symmetry is verified first: [H, U] = 0 on random vectors, projectors that commute, sector dimensions that
    sum to D; else SymmetryError. JobError for a name or a label that does not exist. Cost: O(D |G|) per sector.
    """
    declared = symmetry_names(h)
    only = only or {}
    names = tuple(n for n in declared if use is None or n in use)
    for name in (*(use or ()), *only):
        if name not in declared:
            raise JobError(f"symmetry {name!r} is not one of this model's: {', '.join(declared) or 'it has none'}")
    names = names + tuple(n for n in only if n not in names)
    if not names:
        return (Sector(labels=(), dim=h.dim, isometry=None),)
    actions = [_action(s, h.sites) for s in h.symmetries if s.name in names]
    if sum(a.order > 2 for a in actions) > 1:
        raise SymmetryError(f"at most one translation can be used at a time, not {', '.join(names)}")
    _verify(h, actions, tolerance)
    found, total = [], 0
    for values in product(*(a.values for a in actions)):
        labels = tuple((a.symmetry.name, v) for a, v in zip(actions, values, strict=True))
        selected = all(value == only.get(name, value) for name, value in labels)
        isometry = _isometry(h.dim, actions, values) if selected or not only else None
        if isometry is None:
            continue
        total += isometry.shape[1]
        if isometry.shape[1]:
            found.append(Sector(labels=labels, dim=isometry.shape[1], isometry=isometry))
    if not only and total != h.dim:
        raise SymmetryError(f"the sectors of {', '.join(names)} hold {total} states, not {h.dim}")
    if not found:
        raise JobError(f"no sector has the labels {only}; possible: { ({a.symmetry.name: a.values for a in actions}) }")
    return tuple(found)


def _verify(h: Hamiltonian, actions: list[_Action], tolerance: float) -> None:
    stream = np.random.default_rng(0)
    for action in actions:
        worst = 0.0
        for _ in range(3):
            x = stream.standard_normal(h.dim)
            hx = h.matrix @ x
            change = np.linalg.norm(action(hx) - h.matrix @ action(x))
            worst = max(worst, float(change) / max(float(np.linalg.norm(hx)), 1e-300))
        if worst > tolerance:
            raise SymmetryError(
                f"the declared symmetry {action.symmetry.name!r} does not commute with H: |[H, U] x| / |H x| = {worst:.1e}"
            )
    for a, b in product(actions, actions):
        x = stream.standard_normal(h.dim)
        symmetric_a, symmetric_b = (lambda v, u=u: u(v) + _inverse(u, v) for u in (a, b))
        if a is not b and np.linalg.norm(
            symmetric_a(symmetric_b(x)) - symmetric_b(symmetric_a(x))
        ) > 1e-10 * np.linalg.norm(x):
            raise SymmetryError(
                f"the symmetries {a.symmetry.name!r} and {b.symmetry.name!r} have no common real sectors; use one of them"
            )


def _inverse(action: _Action, vector: np.ndarray) -> np.ndarray:
    return action.sign * vector[action.image]


def _isometry(dim: int, actions: list[_Action], values: tuple[int, ...]) -> sp.csr_array:
    """Orthonormal columns (D, d) that span the joint sector, each supported on one orbit of basis states."""
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
