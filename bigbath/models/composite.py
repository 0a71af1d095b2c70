"""A composite system S + B + V: what a model *is*, before any matrix exists.

Conventions used everywhere in bigbath
--------------------------------------
Spins are Pauli matrices (eigenvalues +-1, not S = 1/2). Site 0, 1, ... are the system's (the thermometer's)
sites, the bath's follow. The basis index n of L spins has site j in bit L-1-j, 0 = up (sigma^z = +1), so that
n = i * D_B + b and a vector reshapes to (D_S, D_B) with the system first, as ``numpy.kron(system, bath)``.
This is QuSpin's own order of its full basis. Energies are in units of the coupling; h-bar = 1.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from bigbath.compact import Compact

#: One Pauli string in QuSpin's notation with its couplings: ("zz", ((J, i, j), ...)).
Term = tuple[str, tuple[tuple[complex, ...], ...]]


@dataclass(frozen=True, kw_only=True)
class Symmetry:
    """A unitary involution or translation that acts on spins as a permutation of sites, flips and signs.

    ``U = (site j -> permutation[j]) . prod_{j in flip} sigma^x_j . prod_{j in sign} sigma^z_j``, real, so that
    its sectors are real. ``U`` must be an involution, or (only for pure permutations) a translation: a power of
    it is 1, and its sectors are labelled by momenta; those of a real H join +k and -k (``spaces/sectors.py``).
    """

    name: str
    permutation: tuple[int, ...]
    flip: frozenset[int] = frozenset()
    sign: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, repr=False)
class SpinComposite(Compact):
    """System and bath of spins; every part is a sum of Pauli strings in the composite's site numbers.

    ``symmetries`` commute with H; ``bath_symmetries`` with H_B and are written in the bath's own site numbers
    (0 ... bath_sites - 1).
    """

    system_sites: int
    bath_sites: int
    system: tuple[Term, ...]
    bath: tuple[Term, ...]
    interaction: tuple[Term, ...]
    symmetries: tuple[Symmetry, ...] = ()
    bath_symmetries: tuple[Symmetry, ...] = ()

    @property
    def dims(self) -> tuple[int, int]:
        """Dimensions (D_S, D_B)."""
        return 2**self.system_sites, 2**self.bath_sites

    def _facts(self) -> dict[str, Any]:
        parts = (("system", self.system), ("bath", self.bath), ("interaction", self.interaction))
        return {
            "spins": f"{self.system_sites} of the system, {self.bath_sites} of the bath",
            **{name: _in_short(terms) for name, terms in parts},
            "symmetries": ", ".join(s.name for s in self.symmetries) or "none declared",
        }


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MatrixComposite(Compact):
    """System and bath given as matrices; the interaction is sum_a S_a (x) B_a.

    ``system``: (D_S, D_S); ``bath``: (D_B, D_B) sparse or dense; ``interaction``: pairs (S_a, B_a).
    """

    system: np.ndarray
    bath: sp.csr_array | np.ndarray
    interaction: tuple[tuple[np.ndarray, sp.csr_array | np.ndarray], ...]
    symmetries: tuple[Symmetry, ...] = field(default=(), init=False)
    bath_symmetries: tuple[Symmetry, ...] = field(default=(), init=False)

    @property
    def dims(self) -> tuple[int, int]:
        """Dimensions (D_S, D_B)."""
        return self.system.shape[0], self.bath.shape[0]

    def _facts(self) -> dict[str, Any]:
        return {
            "system": f"{self.system.shape[0]} states",
            "bath": f"{self.bath.shape[0]:,} states, {'sparse' if sp.issparse(self.bath) else 'dense'}",
            "interaction": f"{len(self.interaction)} products of matrices",
        }


Composite = SpinComposite | MatrixComposite


def _in_short(terms: tuple[Term, ...]) -> str:
    """ "7 zz, 8 x"."""
    counts: dict[str, int] = {}
    for letters, couplings in terms:
        counts[letters] = counts.get(letters, 0) + len(couplings)
    return ", ".join(f"{count} {letters}" for letters, count in counts.items() if count) or "nothing"


def scaled(composite: SpinComposite, factor: float) -> SpinComposite:
    """The same composite with its interaction times ``factor``; translations, which mix V with H_B, are dropped."""
    interaction = tuple(
        (letters, tuple((c[0] * factor, *c[1:]) for c in couplings)) for letters, couplings in composite.interaction
    )
    kept = tuple(
        s for s in composite.symmetries if all(s.permutation[s.permutation[j]] == j for j in range(len(s.permutation)))
    )
    return replace(composite, interaction=interaction, symmetries=kept)


def disorder_stream(seed: int, realization: int) -> np.random.Generator:
    """Random stream of one disorder realization: from (master seed, realization index) alone."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(realization,)))
