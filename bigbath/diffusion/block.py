"""Levy model by block elimination: one N x N complex inverse for each (epsilon, kappa) instead of 2N x 2N matrices."""

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from bigbath.diffusion.propagator import Propagator
from bigbath.diffusion.theory import Broadening, broadening_of
from bigbath.models import MatrixComposite
from bigbath.progress import Report, silent


def levy_green(
    composite: MatrixComposite,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> tuple[Propagator, Broadening]:
    """Direct propagator (Eq. 7) and level broadenings (Eq. 11) for real ``epsilon`` (E,), ``kappa`` (K,), exact.

    For a diagonal bath and H = [[d_0, V], [V, d_1]]: G_00 = [z - d_0 - V (z - d_1)^-1 V]^-1, G_01 = G_00 V (z - d_1)^-1,
    G_11 = (z - d_1)^-1 (1 + V G_01). About 20 N^3 flops each, where diagonalising H costs about 100 N^3 once; memory
    about 64 N^2 bytes.
    """
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    V = composite.interaction[0][1]
    N = V.shape[0]
    levels = np.diag(composite.system)[:, None] + composite.bath.diagonal()
    G = np.empty((2, N, epsilon.size, kappa.size), dtype=complex)
    D = np.empty((2, 2, epsilon.size, kappa.size))
    for number, (e, k) in enumerate(np.ndindex(epsilon.size, kappa.size)):
        z = epsilon[e] + 0.5j * kappa[k]
        inner = 1 / (z - levels[1])
        inverse = np.empty((N, N), dtype=complex, order="F")
        for part in ("real", "imag"):  # a real V is not blown up to a complex one
            getattr(inverse, part)[:] = -(V * getattr(inner, part)) @ V
        inverse[np.diag_indices(N)] += z - levels[0]
        G00 = scipy.linalg.inv(inverse, overwrite_a=True, check_finite=False)
        G[0, :, e, k] = np.diag(G00)
        D[0, 0, e, k] = np.vdot(G00, G00).real / N
        G01 = np.empty_like(G00)
        for part in ("real", "imag"):
            getattr(G01, part)[:] = getattr(G00, part) @ V
        G01 *= inner
        D[0, 1, e, k] = D[1, 0, e, k] = np.vdot(G01, G01).real / N
        G[1, :, e, k] = inner * (1 + np.einsum("jk,kj->j", V, G01))
        report("block elimination", number + 1, epsilon.size * kappa.size)
    local = broadening_of(G, G.conj(), kappa)
    nu = local.mean_nu
    D[1, 1] = nu[1] / kappa - D[1, 0]  # probability is conserved
    return Propagator(epsilon=epsilon, kappa=kappa, D=D, nu=nu), local
