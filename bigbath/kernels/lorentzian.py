"""Least-squares Lorentzian of many binned distributions at once: Levenberg-Marquardt, one distribution a thread."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit


@njit()
def _normal_equations(x, y, width, centre, chi):  # type: ignore[no-untyped-def]
    """Sum of squares, J^T J (3 numbers) and J^T r (2) of the model width chi / pi / ((x - centre)^2 + chi^2)."""
    ss = a = b = d = u = v = 0.0
    for s in range(x.size):
        t = x[s] - centre
        q = t * t + chi * chi
        model = width * chi / (np.pi * q)
        r = y[s] - model
        j_centre = model * 2 * t / q
        j_chi = width / np.pi * (t * t - chi * chi) / (q * q)
        ss += r * r
        a += j_centre * j_centre
        b += j_centre * j_chi
        d += j_chi * j_chi
        u += j_centre * r
        v += j_chi * r
    return ss, a, b, d, u, v


@njit(parallel=True)
def _fit_lorentzians(x, y, width, out):  # type: ignore[no-untyped-def]
    for f in prange(y.shape[0]):
        row = y[f]
        peak = np.argmax(row)
        centre, chi = x[peak], max(width / (np.pi * row[peak]), 1e-3 * width)
        damping = 1e-3
        ss, a, b, d, u, v = _normal_equations(x, row, width, centre, chi)
        converged = 0.0
        for _ in range(200):
            aa, dd = a * (1 + damping), d * (1 + damping)
            det = aa * dd - b * b
            if det <= 0.0:
                damping *= 10
                continue
            step_centre, step_chi = (dd * u - b * v) / det, (aa * v - b * u) / det
            new = _normal_equations(x, row, width, centre + step_centre, abs(chi + step_chi))
            if new[0] <= ss:
                centre, chi = centre + step_centre, abs(chi + step_chi)
                ss, a, b, d, u, v = new
                damping = max(damping / 10, 1e-12)
                if abs(step_centre) + abs(step_chi) < 1e-10 * chi:
                    converged = 1.0
                    break
            else:
                damping *= 10
                if damping > 1e12:
                    converged = 1.0  # no step lowers the sum of squares any more
                    break
        det = a * d - b * b
        scale = ss / max(x.size - 2, 1)
        out[f, 0], out[f, 1] = centre, chi
        out[f, 2], out[f, 3] = np.sqrt(scale * d / det), np.sqrt(scale * a / det)
        out[f, 4] = np.sqrt(ss / x.size)
        out[f, 5] = converged


def fit_lorentzians(x: np.ndarray, y: np.ndarray, width: float) -> np.ndarray:
    """Centre, chi, their standard errors, rms residual and convergence (F, 6) of F binned distributions y (F, S).

    Minimises sum_s [y_s - width chi/pi / ((x_s - centre)^2 + chi^2)]^2 over centre and chi > 0; ``x`` (S,) are the
    shells' mean energies. Errors from the residual scatter, as ``scipy.optimize.curve_fit`` gives them.
    """
    out = np.empty((y.shape[0], 6))
    _fit_lorentzians(np.ascontiguousarray(x), np.ascontiguousarray(y), width, out)
    return out
