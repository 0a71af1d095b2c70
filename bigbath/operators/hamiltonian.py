"""The Hamiltonian of a composite's part: strings or a given matrix, and its CSR form on demand."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import scipy.sparse as sp

from bigbath.compact import Compact
from bigbath.conserved.charges import Charge, charges
from bigbath.conserved.sums import as_terms, is_hermitian, is_real
from bigbath.conserved.words import Words, words
from bigbath.errors import JobError, SymmetryError
from bigbath.explain import shown
from bigbath.models.composite import Composite, MatrixComposite, SpinComposite, Symmetry, Term
from bigbath.operators import quspin
from bigbath.operators.size import check_size, check_strings, check_vectors
from bigbath.operators.within import matrix_within
from bigbath.spaces import Everything, Sector

Part = Literal["H", "H0", "S", "B", "V"]

#: Hamiltonians whose magnitude is outside these bounds are solved in other units.
ORDINARY = 2.0**-20, 2.0**20


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Hamiltonian(Compact):
    """A Hermitian operator with what is known about it.

    ``dims`` = (D_S, D_B), or (1, D) for a part on the bath alone and (D, 1) on the system alone. ``sites``: number of
    spins, 0 for a model without any. ``symmetries`` are declared, not yet verified: ``bigbath.spaces.sectors`` verifies
    before it uses them. ``terms``: Pauli strings with real couplings whose sum it is; () where a matrix is ``given``
    instead. ``composite``, ``part``: what it was built from; None for one that was not.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.XXZ(L=6)))
    >>> h.dim, h.dtype, h.matrix.shape
    (64, dtype('float64'), (64, 64))
    """

    dims: tuple[int, int]
    sites: int = 0
    composite: Composite | None = None
    part: Part = "H"
    symmetries: tuple[Symmetry, ...] = ()
    terms: tuple[Term, ...] = ()
    given: sp.csr_array | np.ndarray | None = None

    def _facts(self) -> dict[str, Any]:
        strings = sum(len(couplings) for _, couplings in self.terms)
        given = f"{type(self.given).__name__} {self.given.shape}" if self.given is not None else ""
        return {
            "part": f"{self.part}, {self.dims[0]} x {self.dims[1]} states"
            + (f" of {self.sites} spins" if self.sites else ""),
            "made of": given or f"{strings} Pauli strings, " + ("complex" if self.is_complex else "real"),
            "conserved": f"{len(self.charges)} sum(s) of sigma^z" if self.charges else "no sum of sigma^z",
            "symmetries": ", ".join(s.name for s in self.symmetries) or "none declared",
        }

    @cached_property
    def sums(self) -> Words:
        """The coefficient of every Pauli string; {} for a given matrix."""
        return words(self.terms, self.sites)

    @cached_property
    def charges(self) -> tuple[Charge, ...]:
        """The conserved sums of sigma^z, found from the strings."""
        return charges(self.terms, self.sites) if self.sites else ()

    @cached_property
    def matrix(self) -> sp.csr_array | np.ndarray:
        """(D, D) CSR over all configurations, built by QuSpin when it is first used, or dense for models without
        sparsity; float64, or complex128 for a complex model."""
        if self.given is not None:
            return self.given
        check_strings(self.terms, self.dim)
        return quspin.matrix(self.terms, self.sites)

    def restricted(self, sector: Sector) -> sp.csr_array | np.ndarray:
        """Matrix (d, d) in a sector; nothing larger than its space of configurations is made."""
        if isinstance(sector.space, Everything):
            return sector.restrict(self.matrix)
        check_strings(self.terms, sector.space.dim)
        return sector.symmetrised(matrix_within(sector.space, self.terms, self.sites))

    @property
    def dim(self) -> int:
        """Number D of all configurations."""
        return self.dims[0] * self.dims[1]

    @property
    def magnitude(self) -> float:
        """The largest coupling or matrix entry, in absolute value; 0 for H = 0."""
        if self.given is None:
            return max((abs(c[0]) for _, couplings in self.terms for c in couplings), default=0.0)
        entries = self.given.data if sp.issparse(self.given) else self.given
        return float(np.abs(entries).max(initial=0.0))

    @property
    def unit(self) -> float:
        """A power of two in which H is of order 1, or 1 where H is of an ordinary size as it is."""
        if self.magnitude == 0 or ORDINARY[0] <= self.magnitude <= ORDINARY[1]:
            return 1.0
        return float(2.0 ** np.round(np.log2(self.magnitude)))

    def in_units(self, unit: float) -> "Hamiltonian":
        """H / ``unit``, exact for a power of two; itself for 1."""
        if unit == 1:
            return self
        terms = tuple((letters, tuple((c[0] / unit, *c[1:]) for c in couplings)) for letters, couplings in self.terms)
        given = None if self.given is None else self.given / unit
        return replace(self, terms=terms, given=given, composite=None)

    @property
    def is_sparse(self) -> bool:
        """Whether the matrix is CSR."""
        return self.given is None or sp.issparse(self.given)

    @property
    def is_complex(self) -> bool:
        """Whether the matrix has complex entries."""
        return not is_real(self.sums) if self.given is None else np.iscomplexobj(self.given)

    @property
    def dtype(self) -> np.dtype:
        """float64 or complex128."""
        return np.dtype(np.complex128 if self.is_complex else np.float64)


def to_dense(matrix: sp.csr_array | np.ndarray) -> np.ndarray:
    """A matrix as a new dense array in Fortran order, as LAPACK wants it."""
    return np.array(matrix, order="F") if isinstance(matrix, np.ndarray) else matrix.toarray(order="F")


def build(composite: Composite, part: Part = "H") -> Hamiltonian:
    """One part of a composite; the matrix of Pauli strings is built when it is first used.

    ``part``: "H" = S + B + V, "H0" = S + B, "V" on the whole space (D_S D_B); "S" on the system's own space,
    "B" on the bath's own space. Raises ImpossibleRequest where vectors, or a matrix that must be built, cannot fit, SymmetryError
    when the terms do not make a Hermitian matrix, JobError for a model that is not drawn.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> bb.build(model).dims, bb.build(model, "B").dims
    ((2, 16), (1, 16))
    """
    if not isinstance(composite, SpinComposite | MatrixComposite):
        raise JobError(f"a {type(composite).__name__} is not drawn yet: build(draw(model, seed=1, realization=0))")
    if not isinstance(part, str) or part not in get_args(Part):
        raise JobError(f"part must be one of {', '.join(get_args(Part))}, got {shown(part)}")
    dims = dims_of(composite, part)
    if isinstance(composite, MatrixComposite):
        check_size(composite, part)
        given = _hermitian(_from_matrices(composite, part), part)
        return Hamiltonian(given=given, dims=dims, composite=composite, part=part)
    terms, sites, symmetries = pauli_strings(composite, part)
    sums = words(terms, sites)
    if not is_hermitian(sums):
        largest = max(abs(value.imag) for value in sums.values())
        raise SymmetryError(
            f"part {part} of the model is not Hermitian: a Pauli string has the coupling ... {largest:+.1e}i. Add the "
            "Hermitian conjugate of each term"
        )
    h = Hamiltonian(
        terms=as_terms(sums, sites), dims=dims, sites=sites, symmetries=symmetries, composite=composite, part=part
    )
    if not h.charges:
        check_vectors(composite, part)
    return h


def dims_of(composite: Composite, part: Part = "H") -> tuple[int, int]:
    """(D_S, D_B) of the space that a part acts on; 1 for what it does not act on."""
    d_system, d_bath = composite.dims
    return {"S": (d_system, 1), "B": (1, d_bath)}.get(part, (d_system, d_bath))


def _hermitian(matrix: sp.csr_array | np.ndarray, part: str) -> sp.csr_array | np.ndarray:
    """The matrix, or SymmetryError."""
    difference = abs(matrix - matrix.conj().T).max()
    if difference > 1e-12 * abs(matrix).max():
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
    dtype = np.result_type(float, *(matrix.dtype for pair in parts for matrix in pair))
    total = np.zeros((d_system, d_bath, d_system, d_bath), dtype)
    for s, b in parts:
        entries = b.toarray() if sp.issparse(b) else b
        for i, j in zip(*np.nonzero(s), strict=True):
            total[i, :, j, :] += s[i, j] * entries
    return total.reshape(d_system * d_bath, d_system * d_bath)
