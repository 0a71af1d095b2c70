"""The steady state of an evolution: psi psi^+ without the coherences between different levels."""

import numpy as np

from bigbath.broadening.entropy import observational
from bigbath.dynamics.observe import ObservationalEntropy
from bigbath.solvers import Eigenstates
from bigbath.solvers.window import TIE
from bigbath.spaces import Sector


def steady_entropy(observed: ObservationalEntropy, states: Eigenstates, sector: Sector, psi: np.ndarray) -> float:
    """Observational entropy of sum_E P_E psi psi^+ P_E, P_E on the level E, for the whole spectrum ``states``.

    psi (d,) over ``sector``. The time average of all p_{a,s}(t), and so their entropy. Cost d D a level.
    """
    whole = sector.lift(psi)
    energies, parts = [], []
    for block in states.blocks:
        amplitude = block.vectors.conj().T @ block.sector.project(whole)
        kept = np.flatnonzero(np.abs(amplitude) > 1e-12)
        energies += list(block.energies[kept])
        parts += [(block, int(k), amplitude[k]) for k in kept]
    order = np.argsort(energies, kind="stable")
    total = np.zeros_like(observed.volumes)
    level, last = np.zeros(sector.dim, dtype=complex), -np.inf
    for place in order:
        block, k, amplitude = parts[place]
        if energies[place] - last > TIE * states.evidence.norm and np.any(level):
            total += observed.probabilities(level)
            level[:] = 0
        level += sector.project(block.sector.lift(block.vectors[:, k] * amplitude))
        last = energies[place]
    total += observed.probabilities(level)
    return float(observational(total.reshape(-1), observed.volumes.reshape(-1)))
