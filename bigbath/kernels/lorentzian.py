"""Least-squares Lorentzian of many binned distributions at once: a scan for starts, then Levenberg-Marquardt."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit

#: Distributions scanned at a time; starts refined for each; trial widths a factor of 10, the smallest in units of the shell's
#: width; trial centres a shell.
ROWS, STARTS, WIDTHS, SMALLEST, CENTRES = 512, 6, 5, 0.02, 4
#: More shells than this are joined for the scan, which grows as their square; the highest shell stays a start of its own.
SHELLS = 128


@njit()
def _point(x, width, centre, chi):  # type: ignore[no-untyped-def]
    """width x Lorentzian at x, and its derivatives in centre and chi."""
    t = x - centre
    q = t * t + chi * chi
    model = width * chi / (np.pi * q)
    return model, model * 2 * t / q, width / np.pi * (t * t - chi * chi) / (q * q)


@njit()
def _bin(x, width, centre, chi):  # type: ignore[no-untyped-def]
    """Integral of the Lorentzian from x to x + width, and its derivatives in centre and chi."""
    a, b = (x - centre) / chi, (x + width - centre) / chi
    p, q = 1 / (1 + a * a), 1 / (1 + b * b)
    # arctan b - arctan a without the loss of digits far from the centre
    angle = np.arctan2(b - a, 1 + a * b)
    return angle / np.pi, (p - q) / (np.pi * chi), (a * p - b * q) / (np.pi * chi)


@njit()
def _normal_equations(x, y, width, centre, chi, binned):  # type: ignore[no-untyped-def]
    """Sum of squares, J^T J (3 numbers) and J^T r (2) of the model."""
    ss = a = b = d = u = v = 0.0
    for s in range(x.size):
        if binned:
            model, j_centre, j_chi = _bin(x[s], width, centre, chi)
        else:
            model, j_centre, j_chi = _point(x[s], width, centre, chi)
        r = y[s] - model
        ss += r * r
        a += j_centre * j_centre
        b += j_centre * j_chi
        d += j_chi * j_chi
        u += j_centre * r
        v += j_chi * r
    return ss, a, b, d, u, v


@njit()
def _refine(x, row, width, centre, chi, binned):  # type: ignore[no-untyped-def]
    """Levenberg-Marquardt from one start: centre, chi, normal equations there, convergence."""
    damping = 1e-3
    smallest = 1e-6 * width
    now = _normal_equations(x, row, width, centre, chi, binned)
    for _ in range(1000):
        ss, a, b, d, u, v = now
        aa, dd = a * (1 + damping), d * (1 + damping)
        det = aa * dd - b * b
        if det <= 0.0:
            damping *= 3
            if damping > 1e12:
                return centre, chi, now, 0.0
            continue
        step_centre, step_chi = (dd * u - b * v) / det, (aa * v - b * u) / det
        trial = max(abs(chi + step_chi), smallest)
        new = _normal_equations(x, row, width, centre + step_centre, trial, binned)
        if new[0] <= ss:
            moved = abs(step_centre) + abs(trial - chi)
            gained = ss - new[0]
            centre, chi, now = centre + step_centre, trial, new
            damping = max(damping / 5, 1e-12)
            if moved < 1e-10 * chi or (moved < 1e-6 * chi and gained <= 1e-14 * ss):
                return centre, chi, now, 1.0
        else:
            damping *= 3
            if damping > 1e12:
                return centre, chi, now, 1.0  # no step lowers the sum of squares any more
    return centre, chi, now, 0.0


@njit(parallel=True)
def _fit_lorentzians(x, y, width, binned, starts, out):  # type: ignore[no-untyped-def]
    for f in prange(y.shape[0]):
        best = np.inf
        for k in range(starts.shape[1]):
            centre, chi, now, converged = _refine(x, y[f], width, starts[f, k, 0], starts[f, k, 1], binned)
            if now[0] < best:
                best = now[0]
                ss, a, b, d = now[0], now[1], now[2], now[3]
                det = a * d - b * b
                scale = ss / max(x.size - 2, 1)
                out[f, 0], out[f, 1] = centre, chi
                out[f, 2] = np.sqrt(scale * d / det) if det > 0.0 else np.inf
                out[f, 3] = np.sqrt(scale * a / det) if det > 0.0 else np.inf
                out[f, 4] = np.sqrt(ss / x.size)
                out[f, 5] = converged


@njit(parallel=True)
def _scan(x, width, centres, widths, binned, out):  # type: ignore[no-untyped-def]
    """Models (centres, widths, S) of every trial pair."""
    for c in prange(centres.size):
        for w in range(widths.size):
            for s in range(x.size):
                if binned:
                    out[c, w, s] = _bin(x[s], width, centres[c], widths[w])[0]
                else:
                    out[c, w, s] = _point(x[s], width, centres[c], widths[w])[0]


def _joined(x: np.ndarray, y: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Shells (S,), distributions (F, S) and width with neighbours joined until at most ``SHELLS`` are left."""
    group = -(-x.size // SHELLS)
    if group == 1:
        return x, y, width
    first = np.arange(0, x.size, group)
    return x[first] + width * (group - 1) / 2, np.add.reduceat(y, first, axis=1), group * width


def _all_starts(x: np.ndarray, y: np.ndarray, width: float, binned: bool) -> np.ndarray:
    """(F, STARTS + 1, 2): those of the scan, and the highest shell."""
    shells, joined, wide = _joined(x, y, width)
    left = (wide - width) / 2 * binned
    return np.concatenate([_starts(shells - left, joined, wide, binned), _peaks(x, y, width, binned)], axis=1)


def _starts(x: np.ndarray, y: np.ndarray, width: float, binned: bool) -> np.ndarray:
    """(F, STARTS, 2) centres and widths: the lowest local minima of the sum of squares on a grid over both."""
    middle = x + width / 2 if binned else x
    span = max(float(middle.max() - middle.min()), width)
    widths = np.geomspace(SMALLEST * width, span, int(np.ceil(WIDTHS * np.log10(span / (SMALLEST * width)))) + 1)
    shares = (np.arange(CENTRES) / CENTRES - 0.5) * width
    centres = np.unique(np.append((middle[:, None] + shares).ravel(), middle.max() + width / 2))
    models = np.empty((centres.size, widths.size, x.size))
    _scan(x, width, centres, widths, binned, models)
    squares = np.einsum("cws,cws->cw", models, models)
    found = np.empty((y.shape[0], STARTS, 2))
    for first in range(0, y.shape[0], ROWS):
        rows = y[first : first + ROWS]
        ss = squares - 2 * np.tensordot(rows, models, axes=(1, 2))
        wall = np.pad(ss, ((0, 0), (1, 1), (1, 1)), constant_values=np.inf)
        lowest = np.ones(ss.shape, dtype=bool)
        for c, w in ((0, 1), (2, 1), (1, 0), (1, 2)):
            lowest &= ss <= wall[:, c : c + ss.shape[1], w : w + ss.shape[2]]
        flat = np.where(lowest, ss, np.inf).reshape(rows.shape[0], -1)
        best = np.argpartition(flat, STARTS, axis=1)[:, :STARTS]
        missing = np.isinf(np.take_along_axis(flat, best, axis=1))
        best = np.where(missing, flat.argmin(axis=1)[:, None], best)
        found[first : first + ROWS, :, 0] = centres[best // widths.size]
        found[first : first + ROWS, :, 1] = widths[best % widths.size]
    return found


def _peaks(x: np.ndarray, y: np.ndarray, width: float, binned: bool) -> np.ndarray:
    """(F, 1, 2): the highest shell as centre, and the width that has its height."""
    peak = y.argmax(axis=1)
    height = np.maximum(np.take_along_axis(y, peak[:, None], axis=1)[:, 0], 1e-300)
    chi = np.maximum(width / (np.pi * height), 1e-3 * width)
    return np.stack([x[peak] + width / 2 * binned, chi], axis=1)[:, None]


def fit_lorentzians(
    x: np.ndarray, y: np.ndarray, width: float, *, binned: bool = False, from_peak: bool = False
) -> np.ndarray:
    """Centre, chi, their standard errors, rms residual and convergence (F, 6) of F binned distributions y (F, S).

    Minimises sum_s [y_s - model_s]^2 over centre and chi > 0. The model is width chi/pi / ((x_s - centre)^2 + chi^2), the
    Lorentzian at the shells' mean energies ``x`` (S,), or ``binned`` its integral from the lower edges ``x`` to x + width.
    The sum of squares may have several minima: the lowest ones on a grid over centres and widths are refined, the best
    is kept; ``from_peak``: only the minimum reached from the highest shell. Errors from the residual scatter, as
    ``scipy.optimize.curve_fit`` gives them.
    """
    x, y = np.ascontiguousarray(x, dtype=float), np.ascontiguousarray(y, dtype=float)
    out = np.empty((y.shape[0], 6))
    if y.shape[0]:
        _fit_lorentzians(x, y, width, binned, (_peaks if from_peak else _all_starts)(x, y, width, binned), out)
    return out
