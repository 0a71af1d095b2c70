"""Shell-averaged p(lambda; eps, i) from stochastic traces and a double Chebyshev expansion: no eigenstates.

Tr[g(eps - H_B) P_i g(lambda - H) P_i]/Tr[g(eps - H_B)] is the mean of p^{mu i}(lambda) (entropy paper, Eq. 32) over the bath
levels near eps, seen through Gaussians of known width in eps and in lambda. One run gives every eps.
"""

from dataclasses import dataclass

import numpy as np

from bigbath.errors import ImpossibleRequest
from bigbath.hamiltonian import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.resources import require_memory
from bigbath.spectral.chebyshev import Scale, recurrence, scale, window_coefficients

#: Vectors that are multiplied with the bath's table at a time.
BATCH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class DoubleMoments:
    """mu[r, i, n, m] = <r|T_n(H_B) <phi_i|T_m(H)|phi_i>|r>/D_B for random bath vectors r, E|r><r| = 1.

    ``table``: (R, D_S, N_B, N_H) float64. ``dims`` = (D_S, D_B).
    """

    table: np.ndarray
    bath_scale: Scale
    scale: Scale
    dims: tuple[int, int]


def double_moments(
    h: Hamiltonian,
    bath: Hamiltonian,
    system_vectors: np.ndarray,
    *,
    degree: int,
    bath_degree: int,
    vectors: int,
    rng: np.random.Generator,
    report: Report = silent,
) -> DoubleMoments:
    """Moments for every system state (columns of ``system_vectors`` (D_S, D_S)), from ``vectors`` random bath vectors.

    Per random vector: ``bath_degree`` products with H_B, D_S ``degree`` with H, and one matrix product of 2 D_S ``degree``
    ``bath_degree`` D_B flops. Memory 8 D_B (bath_degree + 22 D_S) bytes beside the matrices. Random vectors have components +-1.
    """
    d_system, d_bath = h.dims
    if np.iscomplexobj(system_vectors) or h.is_complex:
        raise ImpossibleRequest("double_moments takes real models only")
    needed = 8 * d_bath * (bath_degree + (6 + BATCH) * d_system)
    require_memory(
        needed, f"{bath_degree} Chebyshev vectors of the bath", "Reduce bath_degree: take a larger bath_sigma."
    )
    s, s_bath = scale(h), scale(bath)
    table = np.empty((vectors, d_system, bath_degree, degree))
    left = np.empty((bath_degree, d_bath))
    batch = np.empty((BATCH, d_system, d_bath))
    for r in range(vectors):
        random = rng.choice((-1.0, 1.0), size=d_bath)
        for n, vector in enumerate(recurrence(bath, s_bath, random, bath_degree)):
            left[n] = vector
        start = np.asfortranarray(np.kron(system_vectors, random[:, None]))
        for m, block in enumerate(recurrence(h, s, start, degree)):
            for i in range(d_system):
                batch[m % BATCH, i] = system_vectors[:, i] @ block[:, i].reshape(d_system, d_bath)
            filled = m % BATCH + 1
            if filled == BATCH or m == degree - 1:
                products = left @ batch[:filled].reshape(-1, d_bath).T
                table[r, :, :, m + 1 - filled : m + 1] = (
                    products.reshape(bath_degree, filled, d_system).transpose(2, 0, 1) / d_bath
                )
                report("double Chebyshev moments", r * degree + m, vectors * degree)
    return DoubleMoments(table=table, bath_scale=s_bath, scale=s, dims=(d_system, d_bath))


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellSpectra:
    """Shell-averaged distributions: ``density`` (D_S, B, E) per unit energy at bath energies ``bath_energy`` (B,) and ``energy`` (E,).

    ``samples``: (R, D_S, B, E) jackknife replicas, each without one random vector. ``sigma``, ``bath_sigma``: widths of the
    Gaussians through which it is seen. ``levels``: (E,) density of states of H, all D states, through ``sigma``.
    """

    bath_energy: np.ndarray
    energy: np.ndarray
    density: np.ndarray
    samples: np.ndarray
    sigma: float
    bath_sigma: float
    levels: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Standard error of ``density`` from the scatter of the replicas, (D_S, B, E)."""
        return jackknife_error(self.samples)

    def entropy(self) -> tuple[np.ndarray, np.ndarray]:
        """-integral of p ln(p/density of states) (D_S, B) and its error: Eq. 38 for the smoothed distribution itself.

        The mean over a shell and both Gaussians only add to it: it bounds the mean observational entropy from above.
        """
        step = self.energy[1] - self.energy[0]

        def of(density: np.ndarray) -> np.ndarray:
            ratio = np.maximum(density, 1e-300) / np.maximum(self.levels, 1e-300)
            return -np.sum(np.where(density > 0, density * np.log(ratio), 0.0), axis=-1) * step

        return of(self.density), jackknife_error(of(self.samples))


def jackknife_error(samples: np.ndarray) -> np.ndarray:
    """Standard error from jackknife replicas (R, ...), NaN for a single one.

    It has R - 1 degrees of freedom: with fewer than about eight random vectors it is itself uncertain by 30 % and more.
    """
    r = samples.shape[0]
    if r < 2:
        return np.full(samples.shape[1:], np.nan)
    return np.sqrt((r - 1) * samples.var(axis=0))


def shell_spectra(
    moments: DoubleMoments, bath_energy: np.ndarray, energy: np.ndarray, *, sigma: float, bath_sigma: float
) -> ShellSpectra:
    """Distributions near the bath energies (B,) at the energies (E,), through Gaussians of ``bath_sigma`` and ``sigma``.

    ImpossibleRequest when the moments do not resolve them. A ratio of two traces: its bias is of order 1/(R D_B).
    """
    table = moments.table
    windows = window_coefficients(energy, sigma, moments.scale, table.shape[3])
    bath_windows = window_coefficients(bath_energy, bath_sigma, moments.bath_scale, table.shape[2])
    numerator = np.einsum("bn,rinm,em->ribe", bath_windows, table, windows, optimize=True)
    denominator = np.einsum("bn,rin->rib", bath_windows, table[..., 0])[..., None]
    total, norm = numerator.sum(axis=0), denominator.sum(axis=0)
    many = table.shape[0] > 1
    samples = (total - numerator) / (norm - denominator) if many else (total / norm)[None]
    levels = np.einsum("rim,em->e", table[:, :, 0, :], windows) / table.shape[0] * moments.dims[1]
    return ShellSpectra(
        bath_energy=np.asarray(bath_energy), energy=np.asarray(energy), density=total / norm, samples=samples, sigma=sigma,
        bath_sigma=bath_sigma, levels=levels,
    )  # fmt: skip
