"""Projected resolvents R_{mu i}(z) = <phi_mu,i|(z - H)^-1|phi_mu,i> (entropy paper, Eqs. 5-12, 16, 19-26).

Sign convention of the paper: the spectral measure is (1/pi) Im R(x - i0), so energies carry a *negative* imaginary part.
Eq. 10: its first line is the resolvent of H projected off the state, Phi V (z - Phi H Phi)^-1 V Phi; the second line, as
printed with the full H, is another number, G + G^2 R. Both are computed here. The difference between the exact G and Eq. 16
shrinks with N; the cross terms Eq. 12 of the second line do not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bigbath.errors import ImpossibleRequest


def from_eigenpairs(p: np.ndarray, levels: np.ndarray, z: np.ndarray) -> np.ndarray:
    """R(z) = sum_n p_n/(z - lambda_n), Eq. 22: p (..., k), levels (k,), complex z (Z,); (..., Z)."""
    return p @ (1 / (np.asarray(z)[None, :] - levels[:, None]))


def self_energy(resolvent: np.ndarray, z: np.ndarray, bare: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """Exact G(z) = z - a - V - 1/R(z), Eq. 9 solved for G. ``resolvent``: (..., Z); ``bare`` = a, ``diagonal`` = V: (...)."""
    return np.asarray(z) - (bare + diagonal)[..., None] - 1 / resolvent


def closed_form(z: np.ndarray, bare: np.ndarray, diagonal: np.ndarray, g: np.ndarray) -> np.ndarray:
    """R(z) = 1/(z - a - V - G(z)), Eqs. 9, 26."""
    return 1 / (np.asarray(z) - (bare + diagonal)[..., None] - g)


def spectral_density(resolvent: np.ndarray) -> np.ndarray:
    """(1/pi) Im R(x - i gamma): Eq. 24 with every level broadened to a Lorentzian of half width gamma (Eq. 23)."""
    return resolvent.imag / np.pi


@dataclass(frozen=True, kw_only=True, eq=False)
class SelfEnergyParts:
    """G of one state at complex energies z (Z,), split as the paper splits it.

    ``exact``: Eq. 9, equal to the first line of Eq. 10. ``full``: second line of Eq. 10 as printed, with the full H.
    ``diagonal``: Eqs. 11, 16, sum |V|^2 R_nu,j. ``same_bath``: the terms nu = xi, j != k that Eq. 19 keeps.
    ``cross``: all cross terms of ``full``, Eq. 12 = full - diagonal. ``neglected`` = exact - diagonal is the whole
    error of Eq. 16.
    """

    z: np.ndarray
    exact: np.ndarray
    full: np.ndarray
    diagonal: np.ndarray
    same_bath: np.ndarray

    @property
    def cross(self) -> np.ndarray:
        """Eq. 12."""
        return self.full - self.diagonal

    @property
    def neglected(self) -> np.ndarray:
        """What Eq. 16 leaves out of the exact G."""
        return self.exact - self.diagonal


def self_energy_parts(
    amplitudes: np.ndarray, levels: np.ndarray, row: np.ndarray, state: tuple[int, int], bare: float, z: np.ndarray
) -> SelfEnergyParts:
    """Split G of the product state ``state`` = (mu, i), from all eigenpairs; for sizes where D^2 numbers fit.

    ``amplitudes``: (M, D_S, D) <phi_nu,j|psi_n>; ``levels``: (D,); ``row``: (M, D_S) V_{mu i,nu j}; ``bare``: a_mu,i.
    """
    diagonal_element = row[state]
    couplings = row.copy()
    couplings[state] = 0.0
    at_levels = np.einsum("nj,njk->k", couplings, amplitudes)  # <phi_mu,i|V Phi|psi_k>
    z = np.asarray(z)
    propagator = 1 / (z[None, :] - levels[:, None])
    p = np.abs(amplitudes) ** 2
    resolvent = from_eigenpairs(p[state], levels, z)
    exact = self_energy(resolvent, z, np.asarray(bare), np.asarray(diagonal_element.real))
    full = (np.abs(at_levels) ** 2) @ propagator
    summed = np.einsum("nj,njk->k", np.abs(couplings) ** 2, p) @ propagator
    partial = np.einsum("nj,njk->nk", couplings, amplitudes)
    same = (np.sum(np.abs(partial) ** 2, axis=0) @ propagator) - summed
    return SelfEnergyParts(z=z, exact=exact, full=full, diagonal=summed, same_bath=same)


@dataclass(frozen=True, kw_only=True, eq=False)
class Continued:
    """Lanczos coefficients of a state: R(z) = 1/(z - alpha_0 - beta_1^2/(z - alpha_1 - ...)).

    ``alpha``: (n,); ``beta``: (n - 1,) or, when the Krylov space was exhausted, fewer. alpha_0 = a + V and the tail is
    G(z) of Eq. 26 exactly. Moments of p up to order 2 n - 1 are exact.
    """

    alpha: np.ndarray
    beta: np.ndarray

    def resolvent(self, z: np.ndarray) -> np.ndarray:
        """R(z) (Z,)."""
        return 1 / (np.asarray(z) - self.alpha[0] - self.self_energy(z))

    def self_energy(self, z: np.ndarray) -> np.ndarray:
        """G(z) (Z,), the continued fraction below its first step."""
        z = np.asarray(z)
        tail = np.zeros_like(z)
        for alpha, beta in zip(self.alpha[:0:-1], self.beta[::-1], strict=True):
            tail = beta**2 / (z - alpha - tail)
        return tail

    def measure(self) -> tuple[np.ndarray, np.ndarray]:
        """Gauss quadrature of the spectral measure, Eq. 24: nodes (n,) and weights (n,), sum 1."""
        nodes, vectors = scipy.linalg.eigh_tridiagonal(self.alpha, self.beta)
        return nodes, vectors[0] ** 2


def lanczos(apply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int) -> Continued:
    """Lanczos recurrence of H from ``start`` (D,), with full reorthogonalisation: 16 D ``steps`` bytes at most.

    ``apply``: H x for a vector. Stops early when the Krylov space is exhausted.
    """
    if steps < 1:
        raise ImpossibleRequest(f"lanczos: steps = {steps} must be at least 1")
    norm = float(np.linalg.norm(start))
    basis = [start / norm]
    alpha: list[float] = []
    beta: list[float] = []
    while True:
        image = apply(basis[-1])
        alpha.append(float(np.vdot(basis[-1], image).real))
        if len(alpha) == steps:
            break
        space = np.stack(basis)
        for _ in range(2):
            image = image - space.T @ (space.conj() @ image)
        size = float(np.linalg.norm(image))
        if size <= 1e-12 * max(map(abs, [*alpha, *beta])):
            break
        beta.append(size)
        basis.append(image / size)
    return Continued(alpha=np.array(alpha), beta=np.array(beta))
