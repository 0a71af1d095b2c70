"""One sector: a space of configurations, or the part of it that symmetries single out."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from bigbath.compact import Compact
from bigbath.spaces.element import Element
from bigbath.spaces.space import Everything, Space

Matrix: TypeAlias = sp.csr_array | np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sector(Compact):
    """One sector of a model's space.

    ``labels``: values of its charges, +1 or -1 of each involution, momentum k = 0 ... n - 1 (in units of 2 pi/n) of each
    translation T: T v = e^(2 pi i k/n) v. ``momenta``: names of the translations. ``joined``: the sector holds k and -k of
    all of them together, the smaller of the two is the label (0 ... n//2 for one translation). ``whole``: number D of all configurations of the model. ``space``: those of the sector. ``isometry``:
    (space.dim, d) CSR with orthonormal columns where symmetries single out a part of that space, else None. ``elements``: these
    symmetries where each is +1 or -1, one state an orbit; () where translations are among them.
    """

    labels: tuple[tuple[str, int], ...]
    whole: int
    space: Space
    isometry: sp.csr_array | None = None
    momenta: tuple[str, ...] = ()
    joined: bool = True
    elements: tuple[Element, ...] = ()

    def _facts(self) -> dict[str, str]:
        return {"sector": f"{self.name}, {self.dim:,} of {self.whole:,} states"}

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.space.dim if self.isometry is None else int(self.isometry.shape[1])

    @property
    def is_everything(self) -> bool:
        """Whether the sector is the whole space of all configurations."""
        return self.isometry is None and isinstance(self.space, Everything)

    def restrict(self, matrix: Matrix) -> Matrix:
        """Matrix (d, d) of an operator (D, D) that keeps the sector, in the sector's coordinates."""
        return self.symmetrised(_rows_and_columns(matrix, self, self))

    def symmetrised(self, matrix: Matrix) -> Matrix:
        """The same for a matrix (space.dim, space.dim) over the configurations of ``space``."""
        if self.isometry is None:
            return matrix
        restricted = self.isometry.conj().T @ matrix @ self.isometry
        if sp.issparse(restricted):
            restricted = sp.csr_array(restricted + restricted.conj().T) / 2  # undo rounding; keeps LDL^T honest
            restricted.eliminate_zeros()
        return restricted

    def between(self, matrix: Matrix, other: "Sector") -> Matrix:
        """Elements (d, d') of an operator (D, D) between this sector and another of the model."""
        result = _rows_and_columns(matrix, self, other)
        result = result if other.isometry is None else result @ other.isometry
        return result if self.isometry is None else self.isometry.conj().T @ result

    def expand(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (d, k) as vectors (space.dim, k) over the configurations of ``space``."""
        return vectors if self.isometry is None else self.isometry @ vectors

    def reduce(self, vectors: np.ndarray) -> np.ndarray:
        """The part in the sector of vectors (space.dim, k): the inverse of ``expand`` there."""
        return vectors if self.isometry is None else self.isometry.conj().T @ vectors

    def held(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For states of ``space``, by their numbers: which basis vector of the sector holds each, -1 for none, and with what amplitude.

        For sectors with ``elements``: there at most one does.
        """
        matrix = self.isometry
        if matrix is None or not self.elements:
            raise ValueError(f"the sector {self} has no symmetries, or some that join several vectors on one orbit")
        first, last = matrix.indptr[numbers], matrix.indptr[numbers + 1]
        place = np.minimum(first, matrix.nnz - 1)
        is_held = last > first
        return np.where(is_held, matrix.indices[place], -1), np.where(is_held, matrix.data[place], 0.0)

    def lift(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (d, k) as vectors (D, k) over all configurations of the model."""
        expanded = self.expand(vectors)
        if isinstance(self.space, Everything):
            return expanded
        result = np.zeros((self.whole, *vectors.shape[1:]), dtype=expanded.dtype)
        result[self.space.states()] = expanded
        return result

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """The part (d, k) in the sector of vectors (D, k) over all configurations of the model."""
        return self.reduce(vectors if isinstance(self.space, Everything) else vectors[self.space.states()])

    @cached_property
    def name(self) -> str:
        """Labels in words."""
        return ", ".join(self._word(name, v) for name, v in self.labels) or "whole space"

    def _word(self, name: str, value: int) -> str:
        if name not in self.momenta:
            return f"{name} {value:+d}"
        if not self.joined:
            return f"{name} {value}"
        return f"|{name}| {value}" if len(self.momenta) == 1 else f"±{name} {value}"

    def __str__(self) -> str:
        return self.name


def everything(dim: int) -> Sector:
    """All configurations of a model, without labels.

    >>> import bigbath as bb
    >>> bb.everything(16).dim
    16
    """
    return Sector(labels=(), whole=dim, space=Everything(dim))


def _rows_and_columns(matrix: Matrix, rows: Sector, columns: Sector) -> Matrix:
    """The elements of a matrix (D, D) between the configurations of two sectors."""
    result = matrix if isinstance(rows.space, Everything) else matrix[rows.space.states()]
    return result if isinstance(columns.space, Everything) else result[:, columns.space.states()]


def contraction(phi: np.ndarray, bath: Sector | None, sector: Sector | None, dims: tuple[int, int]) -> sp.csr_array:
    """The map <phi|_S from a sector of the composite to a sector of the bath, (d_B, d) CSR with few entries a row.

    ``phi``: system state (D_S,). None for a sector: all configurations, in their own order. Configuration n of the
    composite is i D_B + b. Cost: one entry a configuration of the sector.
    """
    d_bath = dims[1]
    inside = Everything(d_bath) if bath is None else bath.space
    states = (Everything(dims[0] * d_bath) if sector is None else sector.space).states()
    system, environment = np.divmod(states, d_bath)
    row, weight = inside.index(environment), phi.conj()[system]
    kept = (row >= 0) & (weight != 0)
    columns = np.flatnonzero(kept)
    shape = (inside.dim, states.size)
    bra = sp.csr_array((weight[columns], (row[columns], columns)), shape=shape)
    if sector is not None and sector.isometry is not None:
        bra = bra @ sector.isometry
    if bath is not None and bath.isometry is not None:
        bra = bath.isometry.conj().T @ bra
    result = sp.csr_array(bra)
    result.eliminate_zeros()
    return result
