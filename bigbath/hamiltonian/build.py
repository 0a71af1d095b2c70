"""Sparse matrices of a composite's parts, built by QuSpin."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp

from bigbath.errors import SymmetryError
from bigbath.hamiltonian.size import check_size
from bigbath.models.composite import Composite, MatrixComposite, SpinComposite, Symmetry, Term

Part = Literal["H", "H0", "S", "B", "V"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Hamiltonian:
    """A Hermitian matrix with what is known about it.

    ``dims`` = (D_S, D_B), or (1, D) for a part on the bath alone and (D, 1) on the system alone. ``sites``: number of
    spins, 0 for a model without any. ``symmetries`` are declared, not yet verified:
    ``bigbath.hamiltonian.symmetry.sectors`` verifies before it uses them. ``terms``: Pauli strings with real
    couplings whose sum it is, for matrix-free engines; () where a matrix is ``given`` instead.
    """

    dims: tuple[int, int]
    sites: int = 0
    symmetries: tuple[Symmetry, ...] = ()
    terms: tuple[Term, ...] = ()
    given: sp.csr_array | np.ndarray | None = None

    @cached_property
    def matrix(self) -> sp.csr_array | np.ndarray:
        """(D, D) CSR, built by QuSpin when it is first used, or dense for models without sparsity; float64, or
        complex128 for a complex model."""
        return _quspin(self.terms, self.sites) if self.given is None else self.given

    @property
    def dim(self) -> int:
        """Dimension D of the space."""
        return self.dims[0] * self.dims[1]

    @property
    def is_sparse(self) -> bool:
        """Whether the matrix is CSR."""
        return self.given is None or sp.issparse(self.given)

    @property
    def is_complex(self) -> bool:
        """Whether the matrix has complex entries."""
        return _is_complex(self.terms) if self.given is None else np.iscomplexobj(self.given)


def to_dense(matrix: sp.csr_array | np.ndarray) -> np.ndarray:
    """A matrix as a new dense array in Fortran order, as LAPACK wants it."""
    return np.array(matrix, order="F") if isinstance(matrix, np.ndarray) else matrix.toarray(order="F")


def build(composite: Composite, part: Part = "H") -> Hamiltonian:
    """One part of a composite; the matrix of Pauli strings is built when it is first used.

    ``part``: "H" = S + B + V, "H0" = S + B, "V" on the whole space (D_S D_B); "S" on the system's own space,
    "B" on the bath's own space. Raises ImpossibleRequest where the matrix cannot fit, SymmetryError when the
    terms do not make a Hermitian matrix.
    """
    check_size(composite, part)
    d_system, d_bath = composite.dims
    dims = {"S": (d_system, 1), "B": (1, d_bath)}.get(part, (d_system, d_bath))
    if isinstance(composite, MatrixComposite):
        return Hamiltonian(given=_hermitian(_from_matrices(composite, part), part), dims=dims)
    terms, sites, symmetries = pauli_strings(composite, part)
    if all(_is_hermitian(letters, coupling) for letters, couplings in terms for coupling in couplings):
        return Hamiltonian(terms=terms, dims=dims, sites=sites, symmetries=symmetries)
    matrix = _hermitian(_quspin(terms, sites), part)
    return Hamiltonian(given=matrix, dims=dims, sites=sites, symmetries=symmetries)


def _is_hermitian(letters: str, coupling: tuple[complex, ...]) -> bool:
    """Whether a string alone is: Pauli matrices on different sites, times a real number."""
    value, *where = coupling
    return set(letters) <= set("Ixyz") and len({*where}) == len(where) and not np.iscomplex(value)


def _hermitian(matrix: sp.csr_array | np.ndarray, part: str) -> sp.csr_array | np.ndarray:
    """The matrix, or SymmetryError."""
    difference = abs(matrix - matrix.conj().T).max()
    if difference > 1e-12 * max(1.0, abs(matrix).max()):
        raise SymmetryError(f"part {part} of the model is not Hermitian: max |H - H^dagger| = {difference:.1e}")
    return matrix


def pauli_strings(composite: SpinComposite, part: Part) -> tuple[tuple[Term, ...], int, tuple[Symmetry, ...]]:
    """The strings of a part in its own site numbers, their number of sites and the declared symmetries."""
    S, B = composite.system_sites, composite.bath_sites
    if part == "S":
        return composite.system, S, ()
    if part == "B":
        shifted = (
            (name, tuple((c[0], *(j - S for j in c[1:])) for c in couplings)) for name, couplings in composite.bath
        )
        return tuple(shifted), B, composite.bath_symmetries
    terms = {
        "H": composite.system + composite.bath + composite.interaction,
        "H0": composite.system + composite.bath,
        "V": composite.interaction,
    }[part]
    return terms, S + B, composite.symmetries if part == "H" else ()


def _is_complex(terms: tuple[Term, ...]) -> bool:
    """Whether a string is imaginary: an odd number of sigma^y, or its coupling."""
    odd_y = any(letters.count("y") % 2 for letters, couplings in terms if couplings)
    return odd_y or any(np.iscomplex(coupling[0]) for _, couplings in terms for coupling in couplings)


def _quspin(terms: tuple[Term, ...], sites: int) -> sp.csr_array:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    static = [[letters, [list(coupling) for coupling in couplings]] for letters, couplings in terms if couplings]
    dtype = np.complex128 if _is_complex(terms) else np.float64
    basis = spin_basis_general(sites, pauli=1)
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    matrix = sp.csr_array(hamiltonian(static, [], basis=basis, dtype=dtype, **silent).tocsr())
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _from_matrices(composite: MatrixComposite, part: Part) -> sp.csr_array | np.ndarray:
    if part == "S":
        return composite.system
    if part == "B":
        return composite.bath
    d_system, d_bath = composite.dims
    dense = any(not sp.issparse(bath) for _, bath in composite.interaction)
    parts = []
    if part in ("H", "H0"):
        parts += [(composite.system, sp.eye_array(d_bath)), (np.eye(d_system), composite.bath)]
    if part in ("H", "V"):
        parts += list(composite.interaction)
    if not dense or part == "H0":
        return sp.csr_array(sum(sp.kron(sp.csr_array(s), sp.csr_array(b)) for s, b in parts))
    total = np.zeros((d_system, d_bath, d_system, d_bath))
    for s, b in parts:
        entries = b.toarray() if sp.issparse(b) else b
        for i, j in zip(*np.nonzero(s), strict=True):
            total[i, :, j, :] += s[i, j] * entries
    return total.reshape(d_system * d_bath, d_system * d_bath)
