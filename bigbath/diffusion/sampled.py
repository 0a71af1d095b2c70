"""Diffusion theory without diagonalising H: diagonal Green functions of sampled bath eigenstates (Eqs. 10-14, 20).

B_a/nu~_a is the mean of 1/(kappa + Gamma_j) weighted with nu~_j (Eq. 12): a ratio of two sums over bath levels, to which
windows all over the bath's spectrum contribute in proportion to the number of levels that they stand for. Nothing is cut
off, and what the windows have in common, above all the bath's density, cancels; nu~_a itself comes from random vectors.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.chebyshev import DensityOfStates
from bigbath.diffusion.coupling import always_flips
from bigbath.diffusion.expansion import Expansion
from bigbath.diffusion.propagator import autocorrelation
from bigbath.diffusion.stochastic import StochasticPropagator
from bigbath.diffusion.theory import two_level_propagator
from bigbath.errors import ImpossibleRequest
from bigbath.models import Composite
from bigbath.operators import Hamiltonian, Scale, build, operator_of
from bigbath.progress import Report, silent
from bigbath.resources import cores
from bigbath.solvers import Filter, Nearest, solve
from bigbath.solvers.problem import spectral_extremes
from bigbath.spaces import everything
from bigbath.statistics import student

#: Bootstrap replicas.
REPLICAS = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class BathWindow:
    """Certified bath eigenstates ``energies`` (n,), G_jj (2, n, K) at epsilon + i kappa/2, levels they stand for."""

    energies: np.ndarray
    G: np.ndarray
    levels: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BathSample:
    """What all windows share. ``targets``: (W,) energies; ``levels``: (W,) bath levels that each stands for."""

    bath: Hamiltonian
    expansion: Expansion
    system: SystemStates
    targets: np.ndarray
    levels: np.ndarray
    states: int
    seed: int

    @classmethod
    def of(
        cls,
        composite: Composite,
        expansion: Expansion,
        system: SystemStates,
        epsilon: float,
        *,
        windows: int = 16,
        states: int = 24,
        resolution: float = 0.1,
        seed: int = 1,
    ) -> "BathSample":
        """``windows`` of ``states`` bath states each; ``expansion`` of G(epsilon - i kappa/2), kappa (K,), of the composite.

        They are densest, about pi ``resolution`` asinh/W apart, at epsilon - E_a, where the levels a are resonant, and
        spread in proportion to the distance from there: a trapezoidal rule in a variable in which Lorentzians not
        narrower than ``resolution`` are smooth. ImpossibleRequest unless V always flips a two-level thermometer.
        """
        if system.energies.size != 2 or not always_flips(composite, system):
            raise ImpossibleRequest("the sampled theory takes a two-level thermometer that V always flips (Eq. 19)")
        bath = build(composite, "B")
        extremes = spectral_extremes(bath)
        targets, edges = nodes(extremes, epsilon - system.energies, resolution, windows)
        scale = Scale.of(extremes)
        density = DensityOfStates.sample(operator_of(bath, everything(bath.dim), scale), (seed, 0))
        bounds = [scale.angle(e) for e in edges]
        levels = [density.count(last, first)[0] for first, last in zip(bounds[:-1], bounds[1:], strict=True)]
        return cls(
            bath=bath, expansion=expansion, system=system, targets=targets, levels=np.array(levels),
            states=min(states, bath.dim), seed=seed,
        )  # fmt: skip

    def window(self, number: int, report: Report = silent) -> BathWindow:
        """States nearest target ``number`` by filter diagonalisation, one moment expansion for each and each level."""
        engine, label = Filter(seed=self.seed + number), f"bath window {number + 1} of {self.targets.size}"
        target = Nearest(target=float(self.targets[number]), k=self.states)
        found = solve(
            self.bath, target, engine=engine, symmetries=(), report=lambda text, *n: report(f"{label}: {text}", *n)
        ).require_complete()
        starts = [np.kron(phi, v) for phi in self.system.vectors.T for v in found.vectors().T]
        G = []
        with ThreadPoolExecutor(cores()) as pool:
            for value in pool.map(self.expansion.diagonal, starts):
                G.append(value)
                report(f"{label}: Green functions", len(G), len(starts))
        return BathWindow(
            energies=found.energies,
            G=np.conj(G).reshape(2, found.energies.size, -1),
            levels=float(self.levels[number]),
        )


def nodes(
    extremes: tuple[float, float], centres: np.ndarray, resolution: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints (W,) and edges (W + 1,) of intervals equal in sum_c asinh((E - c)/resolution), over the spectrum."""
    fine = np.linspace(*extremes, 200_001)
    place = np.sum(np.arcsinh((fine[:, None] - centres) / resolution), axis=1)
    cuts = np.interp(np.linspace(place[0], place[-1], 2 * count + 1), place, fine)
    return cuts[1::2], cuts[::2]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledTheory:
    """Theory beside the stochastic propagator, arrays (K,); errors are a third of the 99.73 % confidence intervals.

    ``theory`` = A by Eq. 20; ``difference`` = theory / direct - 1, from the same random vectors, so that their scatter
    in nu~ cancels. ``quadrature``: change of ``theory`` when every second window is left out, relative. ``nu_check``:
    (2, K) nu~_a of the windows / that of the random vectors - 1. ``B``: (2, K).
    """

    theory: np.ndarray
    theory_error: np.ndarray
    difference: np.ndarray
    difference_error: np.ndarray
    quadrature: np.ndarray
    nu_check: np.ndarray
    B: np.ndarray
    B_error: np.ndarray


def sampled_theory(
    windows: Sequence[BathWindow], trace: StochasticPropagator, kappa: Sequence[float] | np.ndarray
) -> SampledTheory:
    """B_a/nu~_a from the windows, nu~_a from random vectors (one epsilon), Eq. 20; errors by the bootstrap."""
    kappa = np.atleast_1d(kappa)
    stream = np.random.default_rng(0)
    vectors = trace.nu_samples.shape[0]
    sizes = [w.energies.size for w in windows]
    nu, B = (np.empty((2, REPLICAS + 1, kappa.size)) for _ in range(2))
    direct = np.empty((REPLICAS + 1, kappa.size))
    for replica in range(REPLICAS + 1):  # the last one is what was measured
        last = replica == REPLICAS
        drawn = np.arange(vectors) if last else stream.integers(vectors, size=vectors)
        picks = [np.arange(n) if last else stream.integers(n, size=n) for n in sizes]
        direct[replica] = autocorrelation(trace.D_samples[drawn].mean(axis=0))[0]
        nu[:, replica] = trace.nu_samples[drawn].mean(axis=0)[:, 0]
        B[:, replica] = nu[:, replica] * ratio(windows, picks)[0]
    theory = autocorrelation(two_level_propagator(nu, B, kappa))
    difference = theory / direct - 1
    everything = [np.arange(n) for n in sizes]
    measured = nu[:, -1]
    halves = [measured * ratio(windows[i::2], everything[i::2])[0] for i in (0, 1)]
    coarse = [autocorrelation(two_level_propagator(measured, b, kappa)) for b in halves]
    factor = student(vectors)

    def error(values: np.ndarray) -> np.ndarray:
        return values[:-1].std(axis=0, ddof=1) * factor

    return SampledTheory(
        theory=theory[-1], theory_error=error(theory), difference=difference[-1], difference_error=error(difference),
        quadrature=np.abs(coarse[0] - coarse[1]) / 2 / theory[-1], nu_check=ratio(windows, everything)[1] / measured - 1,
        B=B[:, -1], B_error=error(B.swapaxes(0, 1)),
    )  # fmt: skip


def ratio(windows: Sequence[BathWindow], picks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """B_a/nu~_a and nu~_a (2, K) from the states ``picks`` of each window."""
    total = sum(w.levels for w in windows)
    chosen = [(w.levels / total, w.G[:, pick]) for w, pick in zip(windows, picks, strict=True)]
    nu = sum(share * (-2 * G.imag).mean(axis=1) for share, G in chosen)
    B = sum(share * (np.abs(G) ** 2).mean(axis=1) for share, G in chosen)
    return B / nu, nu
