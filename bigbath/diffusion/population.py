"""Cavity equation as population dynamics for the Levy ensemble, N -> infinity (diffusion paper, Eq. 8, refs. 28-30)."""

from dataclasses import dataclass

import numpy as np

from bigbath.diffusion.propagator import autocorrelation
from bigbath.diffusion.theory import two_level_propagator
from bigbath.errors import ImpossibleRequest
from bigbath.kernels.cavity import levy_population_sweep
from bigbath.models import Levy
from bigbath.progress import Report, silent


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Averages of a population at one (epsilon, kappa), with standard errors over blocks of sweeps.

    ``nu``, ``B``: (2,) nu~_a and B_a (Eqs. 13, 14); ``A``: Eq. 22 by Eq. 20; ``A_memory``: with the memory of single bonds (``bond_memory``);
    ``typical``: exp <ln Gamma_j>;
    ``Gamma``: (2 M,) level broadenings of the last sweep, a sample of their distribution.
    """

    nu: np.ndarray
    nu_error: np.ndarray
    B: np.ndarray
    B_error: np.ndarray
    A: float
    A_error: float
    A_memory: float
    A_memory_error: float
    typical: float
    typical_error: float
    Gamma: np.ndarray


def levy_population(
    model: Levy,
    epsilon: float,
    kappa: float,
    *,
    members: int = 100_000,
    sweeps: int = 60,
    warm_up: int = 40,
    terms: int = 100,
    bath_states: float = np.inf,
    seed: int = 1,
    report: Report = silent,
) -> Population:
    """Cavity equation of the Levy model for ``bath_states`` -> infinity, as a population of ``members`` a level.

    Only the couplings matter, a Poisson process of rate mu g^mu |v|^(-1-mu): the ``terms`` largest are drawn, the sum
    over all the others is replaced by its mean, whose relative error falls as terms^-3/2. A finite ``bath_states`` N
    keeps the cut-off |v| > g N^(-1/mu). Members carry (G, Y) as in ``bond_memory``, Y from half of the ``warm_up`` on,
    where it starts at Eq. 20. Memory 48 bytes a member and level; O(members x terms) a sweep.
    ImpossibleRequest for mu >= 2.
    """
    if model.mu >= 2:
        raise ImpossibleRequest(f"mu = {model.mu:g}: the couplings have a finite variance, use the golden rule")
    z, exponent = epsilon + 0.5j * kappa, 2 / model.mu
    shifts = np.array([-model.Delta / 2, model.Delta / 2])
    rest = model.g**2 * (terms ** (1 - exponent) - bath_states ** (1 - exponent)) / (exponent - 1)
    old, Y_old = np.full((2, members), -2j / max(kappa, 1.0)), np.zeros((2, members))
    new, Y_new = np.empty_like(old), np.empty_like(Y_old)
    streams = np.random.SeedSequence(seed).spawn(warm_up + sweeps)
    samples = []
    for sweep, stream in enumerate(streams):
        seeds = np.random.Generator(np.random.PCG64(stream)).integers(0, 2**64, 2 * members, dtype=np.uint64)
        if sweep == warm_up // 2:
            Y_old = _without_memory(old, kappa)
        tails = rest * old.mean(axis=1), rest * Y_old.mean(axis=1)
        levy_population_sweep(old, new, Y_old, Y_new, seeds, z, shifts, model.g, model.mu, terms, *tails)
        old, new, Y_old, Y_new = new, old, Y_new, Y_old
        if sweep >= warm_up:
            Gamma = _broadening(old, kappa)
            typical = np.log(np.maximum(Gamma, np.finfo(float).tiny)).mean()
            A = Y_old[0].mean() - Y_old[1].mean()
            samples.append([*(-2 * old.imag).mean(axis=1), *(np.abs(old) ** 2).mean(axis=1), typical, A])
        report("population dynamics", sweep + 1, len(streams))
    nu0, nu1, B0, B1, typical, memory = _blocks(np.array(samples)).T
    nu, B = np.array([nu0, nu1]), np.array([B0, B1])
    A = autocorrelation(two_level_propagator(nu, B, np.asarray(kappa)))

    def error(values: np.ndarray) -> np.ndarray:
        return values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])

    mean_nu, mean_B = nu.mean(axis=1), B.mean(axis=1)
    return Population(
        nu=mean_nu, nu_error=error(nu), B=mean_B, B_error=error(B),
        A=float(autocorrelation(two_level_propagator(mean_nu, mean_B, np.asarray(kappa)))), A_error=float(error(A)),
        A_memory=float(memory.mean()), A_memory_error=float(error(memory)),
        typical=float(np.exp(typical.mean())), typical_error=float(np.exp(typical.mean()) * error(typical)),
        Gamma=_broadening(old, kappa).ravel(),
    )  # fmt: skip


def _broadening(G: np.ndarray, kappa: float) -> np.ndarray:
    """Gamma_j of Green functions: Eq. 11 with Sigma = z - E - 1/G."""
    return 2 * (1 / G).imag - kappa


def _without_memory(G: np.ndarray, kappa: float) -> np.ndarray:
    """Y (2, M) of members with Green functions G (2, M), the other level's B_k replaced as in Eq. 14: Eq. 20."""
    B, nu = np.abs(G) ** 2, (-2 * G.imag).mean(axis=1)
    mean = two_level_propagator(nu, B.mean(axis=1), np.asarray(kappa)) @ np.array([1.0, -1.0])
    return B * (np.array([[1.0], [-1.0]]) + _broadening(G, kappa) * (mean / nu)[::-1, None])


def _blocks(samples: np.ndarray, count: int = 10) -> np.ndarray:
    """Means of ``count`` consecutive blocks of samples (S, q): correlations between sweeps stay inside the blocks."""
    return np.array([block.mean(axis=0) for block in np.array_split(samples, min(count, len(samples)))])
