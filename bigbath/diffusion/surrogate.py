"""Surrogate couplings: which part of V's correlations makes a theory fail.

Eqs. 8-20, the ladder and bond memory depend on V only through products of two elements of the same pair j, k of bath
states. So random signs V_jk -> s_jk V_jk, s_jk = s_kj = +-1, change none of them, while every closed path that crosses a
pair an odd number of times (a loop) vanishes in the mean. What is left of a difference is not made by loops. Gaussian
elements with the local covariance of V take away strong single elements too; then only the finite N is left.
"""

from typing import Literal, get_args

import numpy as np

from bigbath.models import MatrixComposite

#: V as it is, with random signs, with Gaussian elements.
Coupling = Literal["as it is", "random signs", "Gaussian"]
COUPLINGS: tuple[Coupling, ...] = get_args(Coupling)
#: Gaussian elements take their covariance from pairs of levels up to so many places away.
REACH = 4


def coupled(coupling: Coupling, V: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """V (D_S, N, D_S, N) in the eigenbasis of H_T + H_B, or its surrogate, drawn from ``stream``.

    >>> import numpy as np
    >>> from bigbath.diffusion.surrogate import coupled
    >>> V = np.arange(4.0).reshape(2, 2)[None, :, None, :] + np.arange(4.0).reshape(2, 2).T[None, :, None, :]
    >>> np.array_equal(abs(coupled("random signs", V, np.random.default_rng(1))), V)
    True
    """
    if coupling == "random signs":
        return with_random_signs(V, stream)
    return V if coupling == "as it is" else gaussian(V, stream)


def with_random_signs(V: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """s_jk V_jk with independent signs s_jk = s_kj = +-1 of the pairs j < k of bath states; V_jj stays.

    V and result: (D_S, N, D_S, N).
    """
    N = V.shape[1]
    signs = np.triu(stream.choice((-1.0, 1.0), size=(N, N)), 1)
    return V * (signs + signs.T + np.eye(N))[None, :, None, :]


def gaussian(V: np.ndarray, stream: np.random.Generator, reach: int = REACH) -> np.ndarray:
    """Independent Gaussian blocks V_jk (j < k) with the mean covariance of the blocks of their neighbours; V_jj stays.

    Block j, k is sum xi V_j'k' over pairs j' != k' of bath levels up to ``reach`` places from j and from k, with real
    normal xi, independent for each j, k: its covariance is the mean of V_j'k' (x) V_j'k'* over those pairs. Products
    S (x) O stay so; Hermitian like V. V and result: (D_S, N, D_S, N), bath levels ascending.
    """
    N = V.shape[1]
    place = np.arange(N)
    total, pairs = np.zeros_like(V), np.zeros((N, N))
    for left in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            j, k = place + left, place + right
            inside = ((j >= 0) & (j < N))[:, None] & ((k >= 0) & (k < N)) & (j[:, None] != k)
            j, k = np.clip(j, 0, N - 1), np.clip(k, 0, N - 1)
            weight = stream.standard_normal((N, N)) * inside
            total += weight[None, :, None, :] * V[:, j][..., k]
            pairs += inside
    total /= np.sqrt(np.maximum(pairs, 1))[None, :, None, :]
    above = np.triu(np.ones((N, N)), 1)[None, :, None, :] * total
    diagonal = np.eye(N)[None, :, None, :] * V
    return above + above.conj().transpose(2, 3, 0, 1) + diagonal


def composite_of(system: np.ndarray, bath: np.ndarray, V: np.ndarray) -> MatrixComposite:
    """The composite of levels ``system`` (D_S,), ``bath`` (N,) and elements ``V`` (D_S, N, D_S, N)."""
    D_S = system.size
    unit = np.eye(D_S)
    interaction = tuple((np.outer(unit[a], unit[b]), V[a, :, b, :]) for a in range(D_S) for b in range(D_S))
    return MatrixComposite(system=np.diag(system), bath=np.diag(bath), interaction=interaction)
