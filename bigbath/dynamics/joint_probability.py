"""p_ab(t) of the diffusion paper (Eq. 2) from evolved random vectors: exact dynamics of baths that cannot be diagonalised.

Tr[P_a(t) P_b f(H)] is the mean over random vectors r of <s| P_a(t) P_b |s> with s = f(H)^(1/2) |r>. The parts P_b |s> are
evolved, one for each level b of the thermometer, and s(t) is their sum (typicality: Bartsch & Gemmer, Phys. Rev. Lett. 102,
110403).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.checkpoint import Checkpoint
from bigbath.compact import Compact
from bigbath.diffusion.time_domain import Weight, autocorrelation_of
from bigbath.dynamics.functions import coefficients, normal_vector, series
from bigbath.dynamics.propagate import Propagator
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.resources import memory_limit
from bigbath.statistics import student


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class JointProbability(Compact):
    """``samples`` (R, D_S, D_S, T): Re <s|P_a(t) P_b|s> of each random vector at ``times`` (T,); ``norms`` (R,): <s|s>.

    >>> import bigbath as bb
    >>> from bigbath.diffusion.time_domain import EnergyFilter
    >>> model = bb.draw(bb.Imbrie(L=4))
    >>> found = bb.joint_probability(bb.build(model), bb.system_states(model), EnergyFilter(centre=0.0, width=2.0), [0.0, 1.0])
    >>> found.p.shape, found.p.sum(axis=(0, 1)).round(10).tolist()
    ((2, 2, 2), [1.0, 1.0])
    """

    times: np.ndarray
    samples: np.ndarray
    norms: np.ndarray

    @property
    def p(self) -> np.ndarray:
        """Joint probability (D_S, D_S, T) of level b at time 0 and a at t: sum over vectors / sum of their norms."""
        return self.samples.sum(axis=0) / self.norms.sum()

    @property
    def error(self) -> np.ndarray:
        """Its error (D_S, D_S, T): three of them contain it with 99.73 %, whatever the number of vectors."""
        return self._error_of(self.samples)

    @property
    def autocorrelation(self) -> np.ndarray:
        """<tau^z(t) tau^z> (T,) of a two-level thermometer (diffusion paper, Eq. 21)."""
        return autocorrelation_of(self.p)

    @property
    def autocorrelation_error(self) -> np.ndarray:
        """Its error (T,), as ``error``."""
        return self._error_of(autocorrelation_of(np.moveaxis(self.samples, 0, 2)))

    def _error_of(self, samples: np.ndarray) -> np.ndarray:
        """Jackknife error of sum(samples (R, ...)) / sum(norms)."""
        count = self.norms.size
        norms = self.norms.reshape(-1, *[1] * (samples.ndim - 1))
        others = (samples.sum(axis=0) - samples) / (norms.sum() - norms)
        return np.sqrt((count - 1) / count * ((others - others.mean(axis=0)) ** 2).sum(axis=0)) * student(count)


def joint_probability(
    h: Hamiltonian,
    system: SystemStates,
    initial: Weight,
    times: Sequence[float] | np.ndarray,
    *,
    vectors: int = 4,
    seed: int = 1,
    memory: float | None = None,
    checkpoint: Checkpoint | None = None,
    report: Report = silent,
) -> JointProbability:
    """p_ab(t) in the state f(H)/Tr f(H) at ``times`` (T,), ascending from 0 on, from ``vectors`` random vectors, at least two.

    ``initial``: f, as ``EnergyFilter`` or ``ThermalWeight``. Error about (number of states in f)^(-1/2). Cost: D_S evolutions
    of a real state a vector, of a complex one for a complex H. ``memory``: bytes of their sums (None: a quarter of what is free).
    ``checkpoint``: of the same call, keeps vectors that are done. JobError for one vector and for times out of order.

    >>> import bigbath as bb
    >>> from bigbath.diffusion.time_domain import ThermalWeight
    >>> model = bb.draw(bb.TFIM(L=4))
    >>> found = bb.joint_probability(bb.build(model), bb.system_states(model), ThermalWeight(beta=0.1), [0.0, 2.0])
    >>> found.autocorrelation.round(6)[0]
    np.float64(1.0)
    """
    if vectors < 2:
        raise JobError("vectors must be at least 2: the error is their scatter")
    propagator, t = Propagator.of(h), np.asarray(times, dtype=float)
    memory = (memory_limit() / 4 if memory is None else memory) / h.dims[0]
    root = coefficients(propagator, lambda E: np.sqrt(initial.unnormalised(E)))
    samples, norms = np.empty((vectors, h.dims[0], h.dims[0], t.size)), np.empty(vectors)
    checkpoint = checkpoint or Checkpoint()
    known = checkpoint.load()
    done = len(known.get("norms", ()))
    if done:
        samples[:done], norms[:done] = known["samples"], known["norms"]
    for number in range(done, vectors):
        stream = np.random.default_rng([seed, number])
        s = series(propagator, root, normal_vector(propagator, stream)).reshape(h.dims)
        norms[number] = np.vdot(s, s).real
        parts = [np.outer(phi, phi.conj() @ s).reshape(-1) for phi in system.vectors.T]
        together = zip(*(propagator.evolve(part, t, memory=memory) for part in parts), strict=True)
        for k, states in enumerate(together):
            report("random vectors", number * t.size + k, vectors * t.size)
            components = np.array([system.vectors.conj().T @ psi.reshape(h.dims) for _, psi in states])  # (b, a, D_B)
            whole = components.sum(axis=0)
            samples[number, :, :, k] = np.einsum("an,ban->ab", whole.conj(), components).real
        checkpoint.offer(partial(dict, samples=samples[: number + 1], norms=norms[: number + 1]))
    report("random vectors", 1, 1)
    return JointProbability(times=t, samples=samples, norms=norms)
