"""The steady state of an evolution: psi psi^+ without the coherences between different levels."""

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


def steady_entropy(observed: ObservationalEntropy, states: Eigenstates, sector: Sector, psi: np.ndarray) -> float:
    """Observational entropy of sum_E P_E psi psi^+ P_E, P_E on the level E, for the whole spectrum ``states``.

    psi (d,) over ``sector``. The time average of all p_{a,s}(t), and so their entropy. Cost d D a level.
    """
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
    total = np.zeros_like(observed.volumes)
    for first in range(1, int(level[-1]) + 1, LEVELS):
        inside = (level >= first) & (level < first + LEVELS)
        projected = np.zeros((sector.dim, LEVELS), dtype=complex)
        for place, number in zip(order[inside], level[inside], strict=True):
            block, k, amplitude = parts[place]
            vector = sector.project(block.sector.lift(block.vectors[:, k : k + 1]))[:, 0]
            projected[:, number - first] += amplitude * vector
        total += observed.probabilities(projected)
    return float(observational(total.reshape(-1), observed.volumes.reshape(-1)))
