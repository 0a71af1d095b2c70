"""The steady state of an evolution: psi psi^+ without the coherences between different levels."""

from dataclasses import dataclass

import numpy as np

from bigbath.broadening.entropy import observational
from bigbath.dynamics.observe import ObservationalEntropy
from bigbath.solvers import Eigenstates
from bigbath.solvers.window import TIE
from bigbath.spaces import Sector

#: Amplitudes that are left out: a million of them hold 1e-18 of the state.
NEGLIGIBLE = 1e-12

#: Levels that are handled at once.
LEVELS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class SteadyState:
    """sum_E P_E psi psi^+ P_E, P_E on the level E: the time average of psi psi^+.

    ``probabilities`` (D_S, S): time averages of p_{a,s}(t); ``volumes`` (D_S, S); ``weights`` (levels,): <psi|P_E|psi>.
    """

    probabilities: np.ndarray
    volumes: np.ndarray
    weights: np.ndarray

    @property
    def entropy(self) -> float:
        """Observational entropy in nats, at least the time average of that of psi(t)."""
        return float(observational(self.probabilities.reshape(-1), self.volumes.reshape(-1)))

    @property
    def renyi2(self) -> float:
        """S_2 = -ln sum w^2; exp(-S_2) bounds the fluctuations of any p_{a,s} (entropy paper, Eq. 51)."""
        return float(-np.log(np.sum(self.weights**2)))


def steady_state(observed: ObservationalEntropy, states: Eigenstates, sector: Sector, psi: np.ndarray) -> SteadyState:
    """The steady state of psi (d,) over ``sector`` from the whole spectrum ``states``. Cost d D a level."""
    whole = sector.lift(psi)
    energies, parts = [], []
    for block in states.blocks:
        amplitude = block.vectors.conj().T @ block.sector.project(whole)
        kept = np.flatnonzero(np.abs(amplitude) > NEGLIGIBLE)
        energies.append(block.energies[kept])
        parts += [(block, k, amplitude[k]) for k in kept]
    joined = np.concatenate(energies)
    order = np.argsort(joined, kind="stable")
    level = np.cumsum(np.diff(joined[order], prepend=-np.inf) > TIE * states.evidence.norm)
    weights = np.zeros(level[-1])
    total = np.zeros_like(observed.volumes)
    for first in range(1, int(level[-1]) + 1, LEVELS):
        inside = (level >= first) & (level < first + LEVELS)
        projected = np.zeros((sector.dim, LEVELS), dtype=complex)
        for place, number in zip(order[inside], level[inside], strict=True):
            block, k, amplitude = parts[place]
            vector = sector.project(block.sector.lift(block.vectors[:, k : k + 1]))[:, 0]
            projected[:, number - first] += amplitude * vector
        total += observed.probabilities(projected)
        part = weights[first - 1 : first - 1 + LEVELS]
        part += np.linalg.norm(projected, axis=0)[: part.size] ** 2
    return SteadyState(probabilities=total, volumes=observed.volumes, weights=weights)
