"""The energy distribution of a state as an experiment gets it: from Loschmidt amplitudes that a finite number of shots measured.

P_sigma(E) = sum_n |<n|psi>|^2 exp(-(E - E_n)^2/(2 sigma^2))/sqrt(2 pi sigma^2) is the Fourier transform of the amplitudes
A(t) = <psi|exp(-iHt)|psi> up to times of several 1/sigma,

    P_sigma(E) = (delta/2 pi) sum_j exp(i E t_j) exp(-sigma^2 t_j^2/2) A(t_j),    t_j = j delta, j = -J ... J,

exactly but for exp(-REACH^2/2) where 2 pi/delta is the width of the spectrum and 2 REACH sigma more. An interferometer measures
Re A and Im A of each t > 0 as means of outcomes +-1 (Hadamard test), whose scatter is known. Everything is linear in them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bigbath.broadening.entropy import observational
from bigbath.chebyshev import moments
from bigbath.compact import Compact
from bigbath.dynamics.loschmidt import loschmidt
from bigbath.dynamics.propagate import Propagator
from bigbath.dynamics.smeared import shell_coefficients
from bigbath.errors import JobError
from bigbath.operators import Scale

#: Times are measured until exp(-(sigma t)^2/2) is exp(-REACH^2/2) = 1.3e-14.
REACH = 8.0
#: Shells whose probability is less than so many errors are joined to one.
RESOLVED = 3.0


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EnergyShots(Compact):
    """Amplitudes of ``shots`` outcomes for each real and imaginary part at ``times`` (T,) > 0; ``shots`` None: exact ones.

    ``amplitude`` (T,) complex128; ``sigma``: resolution in energy, in units of the coupling; ``scale``: of the spectrum of H.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> measured = bb.energy_shots(propagator, np.eye(32)[0], sigma=0.5, shots=1000)
    >>> P, error = measured.density(np.array([0.0]))
    >>> P.shape, error.shape, measured.outcomes == 2000 * measured.times.size
    ((1,), (1,), True)
    """

    times: np.ndarray
    amplitude: np.ndarray
    shots: int | None
    sigma: float
    scale: Scale

    @property
    def outcomes(self) -> int:
        """Outcomes in all."""
        return 2 * self.times.size * (self.shots or 0)

    @property
    def variance(self) -> np.ndarray:
        """Variances (2 T,) of the real and of the imaginary parts, estimated from their outcomes."""
        parts = np.concatenate([self.amplitude.real, self.amplitude.imag])
        return np.zeros(parts.size) if self.shots is None else np.clip(1 - parts**2, 0, None) / max(self.shots - 1, 1)

    def density(self, energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P_sigma (E,) at ``energies`` (E,) and its standard error, in inverse units of the coupling."""
        phases = np.exp(1j * np.outer(energies, self.times))
        rows = self._rows(phases)
        return self._constant(1.0) + rows @ self._parts, np.sqrt(rows**2 @ self.variance)

    def edges(self, width: float) -> np.ndarray:
        """Edges (S + 1,) of shells of ``width`` centred on E_min + m ``width``; the outer ones reach as far as anything is found."""
        lowest, highest = (self.scale.centre + sign * self.scale.halfwidth for sign in (-1, 1))
        inner, reach = np.arange(lowest + width / 2, highest, width), np.pi / self._step
        return np.array([self.scale.centre - reach, *inner, self.scale.centre + reach])

    def shells(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (S,) between ``edges`` (S + 1,), of edges smeared by sigma, and their covariance (S, S)."""
        integrals = np.diff(np.exp(1j * np.outer(edges, self.times)), axis=0) / (1j * self.times)
        rows = self._rows(integrals)
        return self._constant(np.diff(edges)) + rows @ self._parts, (rows * self.variance) @ rows.T

    def entropy(self, edges: np.ndarray, volumes: np.ndarray, alone: np.ndarray | None = None) -> "ShotEntropy":
        """Observational entropy by the energy shells between ``edges`` (S + 1,), of ``volumes`` (S,), states in each.

        ``alone`` (S,) bool: shells that are not joined to the rest (None: those that the shots resolve).
        """
        p, covariance = self.shells(edges)
        if alone is None:
            alone = (p > RESOLVED * np.sqrt(covariance.diagonal())) & (p > 0)
        volumes = np.asarray(volumes, dtype=float)
        return ShotEntropy(p=p, covariance=covariance, volumes=volumes, alone=alone & (volumes > 0))

    @property
    def _step(self) -> float:
        return float(self.times[0])

    @property
    def _parts(self) -> np.ndarray:
        """Real and imaginary parts (2 T,)."""
        return np.concatenate([self.amplitude.real, self.amplitude.imag])

    def _rows(self, phases: np.ndarray) -> np.ndarray:
        """Coefficients (N, 2 T) of real and imaginary parts for given ``phases`` (N, T)."""
        weights = self._step / np.pi * np.exp(-0.5 * (self.sigma * self.times) ** 2) * phases
        return np.hstack([weights.real, -weights.imag])

    def _constant(self, lengths: float | np.ndarray) -> float | np.ndarray:
        """The part of A(0) = 1, which is not measured."""
        return self._step / (2 * np.pi) * lengths


@dataclass(frozen=True, kw_only=True, eq=False)
class ShotEntropy:
    """S = sum_s p_s ln(V_s/p_s) in nats from measured probabilities ``p`` (S,) with their ``covariance`` (S, S).

    Shells that are not ``alone`` (S,), with p < 3 errors, whose logarithm means nothing, are joined to one: S is that of this
    coarser graining, at least that of the finer one. Where the same outcomes decide which they are, S is biased by part of
    its error, since shells at the limit stand alone when they come out high.
    """

    p: np.ndarray
    covariance: np.ndarray
    volumes: np.ndarray
    alone: np.ndarray

    @cached_property
    def joined(self) -> np.ndarray:
        """Matrix (G, S) that adds the shells up to those that stand alone and, where it has something, the rest."""
        groups = np.eye(self.p.size)[self.alone]
        rest = (~self.alone).astype(float)
        return np.vstack([groups, rest]) if rest @ self.p > 0 and rest @ self.volumes > 0 else groups

    @property
    def value(self) -> float:
        """S without the bias -sum var/(2 p) of measured probabilities, to second order."""
        p, volumes = self.joined @ self.p, self.joined @ self.volumes
        variance = np.einsum("gs,st,gt->g", self.joined, self.covariance, self.joined)
        alone = p > RESOLVED * np.sqrt(variance)
        return float(observational(p, volumes) + np.sum(variance[alone] / (2 * p[alone])))

    @property
    def error(self) -> float:
        """Its standard error from the shots, to first order."""
        p, volumes = self.joined @ self.p, self.joined @ self.volumes
        slope = (np.log(volumes / p) - 1) @ self.joined
        return float(np.sqrt(slope @ self.covariance @ slope))


def energy_shots(
    propagator: Propagator, state: np.ndarray, *, sigma: float, shots: int | None = None, seed: int = 1
) -> EnergyShots:
    """Loschmidt amplitudes of a normalised ``state`` (d,) at all times that P_sigma needs, each measured ``shots`` times.

    ``shots``: outcomes +-1 for the real and as many for the imaginary part of each time, drawn with their probabilities; None: the
    amplitudes themselves. Times: about 2.5 a/sigma + 20, a the half-width of the spectrum, up to 8/sigma. JobError for sigma <= 0.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> exact = bb.energy_shots(propagator, np.eye(32)[0], sigma=0.5)
    >>> p, _ = exact.shells(exact.edges(1.0))
    >>> float(p.sum().round(12))
    1.0
    """
    if not sigma > 0 or (shots is not None and shots < 2):
        raise JobError("sigma must be positive, and shots at least 2")
    scale = propagator.scale
    step = np.pi / (scale.halfwidth + REACH * sigma)
    times = step * np.arange(1, int(np.ceil(REACH / (sigma * step))) + 1)
    amplitude = loschmidt(propagator, state, times).amplitude
    if shots is not None:
        stream = np.random.default_rng(seed)
        real, imaginary = (
            2 * stream.binomial(shots, np.clip((1 + part) / 2, 0, 1)) / shots - 1
            for part in (amplitude.real, amplitude.imag)
        )
        amplitude = real + 1j * imaginary
    return EnergyShots(times=times, amplitude=amplitude, shots=shots, sigma=sigma, scale=scale)


def shell_volumes(
    propagator: Propagator, edges: np.ndarray, sigma: float, *, vectors: int = 8, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of states (S,) in the smeared shells between ``edges`` (S + 1,), and their standard errors, from random vectors.

    >>> import bigbath as bb
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> import numpy as np
    >>> from bigbath.dynamics.shots import shell_volumes
    >>> volumes, errors = shell_volumes(propagator, np.linspace(-9, 9, 7), 0.5)
    >>> float(volumes.sum().round(9))
    32.0
    """
    operator = propagator.operator
    coefficients = shell_coefficients(propagator, edges, sigma)
    rows = []
    for number in range(vectors):
        vector = np.random.default_rng([seed, number]).standard_normal(operator.dim)
        mu = moments(operator, vector[:, None].astype(operator.dtype), coefficients.shape[0])[0]
        rows.append(operator.dim * (mu / mu[0]) @ coefficients)
    samples = np.array(rows)
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(vectors)
