"""Multifractal dimensions: how participation entropies grow with the dimension of the space."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """``value``: D_q, 1 for states spread over the whole basis, 0 for localised ones; ``error``: standard error;
    ``offset``: b in S_q = D_q ln D + b.
    """

    value: float
    error: float
    offset: float


def multifractal_dimension(dims: np.ndarray, entropies: np.ndarray, errors: np.ndarray) -> Dimension:
    """D_q from mean participation entropies S_q (m,) with errors (m,) of sectors of dimensions (m,), m >= 2.

    Least squares of S_q = D_q ln D + b, weights 1/error^2 (Mace, Alet and Laflorencie, Phys. Rev. Lett. 123, 180601
    (2019)). The offset is what makes S_q/ln D of one size a poor estimate.
    """
    x = np.log(np.asarray(dims, dtype=float))
    design = np.stack([x, np.ones_like(x)], axis=1) / np.asarray(errors)[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, offset = covariance @ design.T @ (np.asarray(entropies) / errors)
    return Dimension(value=float(slope), error=float(np.sqrt(covariance[0, 0])), offset=float(offset))
