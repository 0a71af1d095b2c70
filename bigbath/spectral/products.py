"""Product states phi_i (x) b of system and bath, as vectors of the whole space or of a sector of charges.

In a sector Q = Q_S + Q_B is fixed: with phi_i, which has a value of Q_S, go the bath states of one value of Q_B.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from bigbath.broadening.system import system_states
from bigbath.conserved.charges import is_conserved
from bigbath.errors import ImpossibleRequest
from bigbath.kernels.chebyshev import contract_system
from bigbath.models import Composite, SpinComposite
from bigbath.operators import FlipOperator, Hamiltonian, Operator, build
from bigbath.spaces import FixedCharges, Sector, Space, beside, contraction, sectors
from bigbath.spectral.chebyshev import Scaled, scaled_in_sector, scaled_operator

#: Amplitudes of a system state below this are rounding.
ROUNDING = 1e-12


class ProductStates(Protocol):
    """|phi_i> (x) |b> for one system state and every configuration b of the bath."""

    def embedded(self, bath: np.ndarray) -> np.ndarray:
        """|phi_i> (x) |r> (D, 1) of a bath vector r (D_B,)."""

    def contract(self, storage: np.ndarray, out: np.ndarray) -> None:
        """out (D_B,) = <phi_i|v for the vector v in a storage of the operator of H."""


@dataclass(frozen=True, kw_only=True, eq=False)
class InWholeSpace:
    """Product states among all configurations: v is a matrix (D_S, D_B). ``phi``: (D_S,)."""

    operator: Operator
    phi: np.ndarray

    def embedded(self, bath: np.ndarray) -> np.ndarray:
        """kron(phi, r)."""
        return np.kron(self.phi, bath)[:, None]

    def contract(self, storage: np.ndarray, out: np.ndarray) -> None:
        """One pass over v, in the storage of flips without a copy."""
        if not isinstance(self.operator, FlipOperator):
            out[:] = self.phi.conj() @ self.operator.get(storage).reshape(self.phi.size, -1)
            return
        rows = storage.shape[0]
        width, stride = self.operator.dim // rows, storage.size // rows
        contract_system(self.phi.conj(), storage.reshape(-1), width, stride, out)


@dataclass(frozen=True, kw_only=True, eq=False)
class InSector:
    """Product states of a sector; ``bra``: <phi_i| as CSR (d_B, d), with an entry or so a bath state."""

    operator: Operator
    bra: sp.csr_array

    def embedded(self, bath: np.ndarray) -> np.ndarray:
        """The adjoint of the bra on r."""
        return (self.bra.conj().T @ bath)[:, None]

    def contract(self, storage: np.ndarray, out: np.ndarray) -> None:
        """The bra on v, in the order of the sector's configurations."""
        out[:] = self.bra @ self.operator.get(storage)[:, 0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Branches:
    """The branches ``numbers`` (from 0) that share one space of bath states: H_B in it, and their product ``states``."""

    numbers: tuple[int, ...]
    bath: Scaled
    states: tuple[ProductStates, ...]


def product_states(
    composite: Composite, sector: Mapping[str, int] | None = None
) -> tuple[Scaled, tuple[Branches, ...]]:
    """H and all branches, over all configurations or in a ``sector`` of charges, {"magnetisation": 0}.

    JobError for a charge that H does not conserve. ImpossibleRequest where a system state has no definite charge, or no bath
    state goes with it, or the bath alone does not conserve the charge, and for a sector of other symmetries.
    """
    phi = system_states(composite).vectors
    if not sector:
        h, bath = scaled_operator(composite), scaled_operator(composite, "B")
        every = tuple(InWholeSpace(operator=h.operator, phi=np.ascontiguousarray(column)) for column in phi.T)
        return h, (Branches(numbers=tuple(range(len(every))), bath=bath, states=every),)
    whole, below = build(composite), build(composite, "B")
    space = _space(whole, sector)
    assert isinstance(composite, SpinComposite)
    chosen = Sector(labels=tuple(sector.items()), whole=whole.dim, space=space)
    h = scaled_in_sector(whole, chosen)
    numbers: dict[Space, list[int]] = {}
    for i, column in enumerate(phi.T):
        numbers.setdefault(_beside(space, composite.system_sites, column, i), []).append(i)
    found = []
    for other, branches in numbers.items():
        _require_conserved(below, other)
        inside = Sector(labels=(), whole=below.dim, space=other)
        states = tuple(
            InSector(operator=h.operator, bra=contraction(phi[:, i], inside, chosen, composite.dims)) for i in branches
        )
        found.append(Branches(numbers=tuple(branches), bath=scaled_in_sector(below, inside), states=states))
    return h, tuple(found)


def _space(h: Hamiltonian, sector: Mapping[str, int]) -> FixedCharges:
    (found, *others) = sectors(h, use=(), only=dict(sector))
    if others or found.isometry is not None or not isinstance(found.space, FixedCharges):
        raise ImpossibleRequest(
            f"sector {dict(sector)}: product states of system and bath lie in sectors of charges only, not of other symmetries"
        )
    return found.space


def _beside(space: FixedCharges, system_sites: int, phi: np.ndarray, i: int) -> Space:
    """The bath states that go with the system state ``phi`` of branch ``i``."""
    spaces = {beside(space, system_sites, int(state)) for state in np.flatnonzero(np.abs(phi) > ROUNDING)}
    if len(spaces) > 1:
        raise ImpossibleRequest(
            f"system state {i + 1} has no definite charge, so that its product states lie in several sectors. Give the system "
            "a field that tells its states apart, or leave the sector out."
        )
    (found,) = spaces
    if not found.dim:
        raise ImpossibleRequest(f"no bath state together with system state {i + 1} lies in the sector: choose another")
    return found


def _require_conserved(below: Hamiltonian, space: Space) -> None:
    for charge in space.charges:
        if not is_conserved(charge, below.terms, below.sites):
            raise ImpossibleRequest(
                f"the bath alone does not conserve {charge}: it has no states of one sector. Put the bath's own terms in its part"
            )
