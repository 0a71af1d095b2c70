"""What is looked at along an evolution: functions of a state psi (d,) of one sector, prepared once and used at every time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import Shells, SystemStates
from bigbath.broadening.entropy import observational, shannon
from bigbath.broadening.shells import shells_of
from bigbath.compact import Compact
from bigbath.dynamics.pauli_string import PauliString
from bigbath.errors import IncompleteWindow, JobError
from bigbath.solvers import Eigenstates
from bigbath.spaces import Sector, bipartition, contraction, schmidt_weights, system_and_bath

#: Probability that may be missing in the shells of a whole bath.
MISSING = 1e-8


def survival(initial: np.ndarray) -> Callable[[np.ndarray], float]:
    """|<psi(0)|psi(t)>|^2; ``loschmidt`` gives it without evolved states."""
    return lambda psi: float(np.abs(np.vdot(initial, psi)) ** 2)


def density_matrix(
    sector: Sector, dims: tuple[int, int], system: SystemStates | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """rho_S = Tr_B |psi><psi| (D_S, D_S) complex128 in the eigenstates of H_S, or in configurations without ``system``.

    Its diagonal are the populations. ``dims`` = (D_S, D_B). Cost D_S d a state.
    """
    d_system, d_bath = dims
    blocks = system_and_bath(sector.space, d_bath)
    states = sector.space.states()
    rows = [states[block[:, 0]] // d_bath for block in blocks]

    def reduced(psi: np.ndarray) -> np.ndarray:
        vector = sector.expand(psi)
        rho = np.zeros((d_system, d_system), dtype=complex)
        for block, where in zip(blocks, rows, strict=True):
            matrix = vector[block]
            rho[np.ix_(where, where)] = matrix @ matrix.conj().T
        return rho if system is None else system.vectors.conj().T @ rho @ system.vectors

    return reduced


def local(sector: Sector, sites: int, letter: str = "z") -> Callable[[np.ndarray], np.ndarray]:
    """<sigma_j> (L,) of every site for one Pauli matrix. Cost L d a state."""
    strings = [PauliString.of(letter, (site,), sites) for site in range(sites)]

    def expectations(psi: np.ndarray) -> np.ndarray:
        vector = sector.expand(psi)
        return np.array([string.expectation(sector.space, vector) for string in strings])

    return expectations


def imbalance(sigma_z: np.ndarray) -> np.ndarray:
    """sum_j z_j(0) z_j(t) / sum_j z_j(0)^2 (T,) of <sigma^z_j(t)> (T, L), whose first row is t = 0: 1 at first, 0 when forgotten.

    For the Neel state the usual imbalance of even and odd sites. NaN where all z_j(0) vanish.
    """
    first = sigma_z[0]
    squares = float(first @ first)
    return sigma_z @ first / squares if squares > 0 else np.full(sigma_z.shape[0], np.nan)


def entanglement(sector: Sector, sites: int, cut: tuple[int, ...]) -> Callable[[np.ndarray], float]:
    """-Tr rho_A ln rho_A of the sites in ``cut``, in nats; charge by charge in a sector of charges."""
    if not cut or len(set(cut)) < len(cut) or min(cut) < 0 or max(cut) >= sites:
        raise JobError(f"cut: {list(cut)} are not different sites below {sites}")
    blocks = bipartition(sector.space, sites, cut)
    return lambda psi: float(shannon(schmidt_weights(sector.expand(psi)[:, None], blocks)[0]))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ObservationalEntropy(Compact):
    """Coarse-graining by (level a of the system, energy shell s of the bath) in one sector.

    S = sum_{a,s} p_{a,s} ln(V_{a,s} / p_{a,s}) in nats, p the probabilities and V = Tr_sector P_{a,s} the volumes (Safranek,
    Deutsch & Aguirre, Phys. Rev. A 99, 010101): it lies between the entropy of von Neumann and ln d. ``volumes`` (D_S, S).

    >>> import bigbath as bb
    >>> import numpy as np
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> h, bath = bb.build(model), bb.solve(bb.build(model, "B"), "whole")
    >>> (sector,) = bb.sectors(h)
    >>> entropy = bb.ObservationalEntropy.of(sector, h.dims, bb.system_states(model), bath, 0.5)
    >>> psi = bb.random_state(sector, np.random.default_rng(1))
    >>> bool(0 <= entropy(psi) <= np.log(h.dim)), round(entropy.volumes.sum())
    (True, 32)
    """

    shells: Shells
    volumes: np.ndarray
    amplitudes: tuple[tuple[sp.csr_array, ...], ...]
    bath: Eigenstates

    @classmethod
    def of(
        cls, sector: Sector, dims: tuple[int, int], system: SystemStates, bath: Eigenstates, width: float
    ) -> "ObservationalEntropy":
        """Shells of ``width`` in the whole spectrum of the bath; IncompleteWindow where some of its states are missing."""
        if bath.energies.size != dims[1]:
            raise IncompleteWindow(
                f"observational entropy needs all {dims[1]} states of the bath, not {bath.energies.size}: "
                'set window = "whole" in [bath]'
            )
        shells = shells_of(bath, width)
        # bras[i][a]: from the sector to the bath's block i, for the system's level a
        bras = tuple(
            tuple(contraction(phi, block.sector, sector, dims) for phi in system.vectors.T) for block in bath.blocks
        )
        volumes = np.zeros((system.energies.size, shells.count.size + 1))
        for block, row in zip(bath.blocks, bras, strict=True):
            shell = shells.index(block.energies)
            for a, bra in enumerate(row):
                projected = np.vecdot(block.vectors.T, ((bra @ bra.conj().T) @ block.vectors).T).real
                volumes[a] += np.bincount(shell, projected, minlength=volumes.shape[1])
        return cls(shells=shells, volumes=volumes[:, :-1], amplitudes=bras, bath=bath)

    def probabilities(self, psi: np.ndarray) -> np.ndarray:
        """p_{a,s} (D_S, S) of a state (d,), or the sum over states (d, m)."""
        p = np.zeros((self.volumes.shape[0], self.volumes.shape[1] + 1))
        for block, row in zip(self.bath.blocks, self.amplitudes, strict=True):
            shell = self.shells.index(block.energies)
            for a, bra in enumerate(row):
                weights = np.abs(block.vectors.conj().T @ (bra @ psi)) ** 2
                weights = weights if weights.ndim == 1 else weights.sum(axis=1)
                p[a] += np.bincount(shell, weights, minlength=p.shape[1])
        return p[:, :-1]

    def entropy(self, p: np.ndarray) -> float:
        """S of ``probabilities`` p (D_S, S) of a normalised state; IncompleteWindow where the shells do not hold all of it."""
        if abs(p.sum() - 1) > MISSING:
            raise IncompleteWindow(
                f"the bath's shells hold {p.sum():.10f} of the state instead of 1: its states are not complete"
            )
        return float(observational(p.reshape(-1), self.volumes.reshape(-1)))

    def __call__(self, psi: np.ndarray) -> float:
        """The entropy of a normalised state (d,)."""
        return self.entropy(self.probabilities(psi))
