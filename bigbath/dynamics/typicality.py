"""Autocorrelations at infinite temperature by typicality: Tr[A(t) A]/d from random vectors.

<r|A(t) A|r> with |r> and A|r> evolved together; its mean over random r is the trace exactly, its scatter falls as d^(-1/2)
(Bartsch & Gemmer, Phys. Rev. Lett. 102, 110403; Steinigeweg et al., Phys. Rev. Lett. 112, 120601).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bigbath.checkpoint import Checkpoint
from bigbath.compact import Compact
from bigbath.diffusion.stochastic import error_of_few
from bigbath.dynamics.pauli_string import PauliString, require_configurations
from bigbath.dynamics.propagate import Propagator
from bigbath.dynamics.states import random_state
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.spaces import Sector, everything


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Autocorrelation(Compact):
    """``samples`` (R, T): Re <r|A(t) A|r> of each random vector at ``times`` (T,).

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=4)))
    >>> bb.autocorrelation(h, "z", (0,), [0.0, 1.0]).samples.shape
    (4, 2)
    """

    times: np.ndarray
    samples: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Estimate (T,) of Tr[A(t) A]/d."""
        return self.samples.mean(axis=0)

    @property
    def error(self) -> np.ndarray:
        """Its error (T,) from the scatter of the vectors: three errors contain it with 99.73 %, whatever their number."""
        return error_of_few(self.samples.T)


def autocorrelation(
    h: Hamiltonian,
    letters: str,
    where: tuple[int, ...],
    times: Sequence[float] | np.ndarray,
    *,
    sector: Sector | None = None,
    vectors: int = 4,
    seed: int = 1,
    memory: float | None = None,
    checkpoint: Checkpoint | None = None,
    report: Report = silent,
) -> Autocorrelation:
    """Tr[A(t) A]/d in a sector (None: all configurations) for the Pauli string A of ``letters`` on the sites ``where``.

    ``vectors``: random vectors, at least two, for the error. Cost: two evolutions of a complex state each. ``checkpoint``: of the
    same call, keeps vectors that are done. JobError for a string that leads out of the sector and for times out of order.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=4)))
    >>> bb.autocorrelation(h, "z", (0,), [0.0, 1.0]).mean.shape
    (2,)
    """
    sector = everything(h.dim) if sector is None else sector
    if vectors < 2:
        raise JobError("vectors must be at least 2: the error is their scatter")
    string = PauliString.of(letters, where, h.sites)
    require_configurations(sector, "a Pauli string")
    propagator, space = Propagator.of(h, sector), sector.space
    checkpoint = checkpoint or Checkpoint()
    samples = np.empty((vectors, len(times)))
    known = checkpoint.load().get("samples", samples[:0])
    samples[: len(known)] = known
    for number in range(len(known), vectors):
        stream = np.random.default_rng([seed, number])
        r = random_state(sector, stream)
        pair = (propagator.evolve(start, times, memory=memory) for start in (r, string(space, r)))
        for k, ((_, bra), (_, ket)) in enumerate(zip(*pair, strict=True)):
            report("typicality", number * len(times) + k, vectors * len(times))
            samples[number, k] = np.vdot(bra, string(space, ket)).real
        checkpoint.offer(partial(dict, samples=samples[: number + 1]))
    report("typicality", 1, 1)
    return Autocorrelation(times=np.asarray(times, dtype=float), samples=samples)
