"""Real time by Chebyshev polynomials: exp(-iHt) v = e^(-i c t) sum_n (2 - delta_n0) (-i)^n J_n(a t) T_n((H - c)/a) v.

(-i)^n is real for even n and imaginary for odd n, so that one recurrence of a real Hamiltonian on a real vector serves the
real part by its even terms and the imaginary part by its odd ones. A complex vector takes two recurrences, a complex
Hamiltonian one with complex vectors. The number of products is a t + O((a t)^(1/3)), the fewest of all methods (Tal-Ezer &
Kosloff, J. Chem. Phys. 81, 3967 (1984); Weisse et al., Rev. Mod. Phys. 78, 275).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from bigbath.chebyshev import Recurrence, lanczos_extremes
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian, Operator, Scale, operator_of
from bigbath.progress import Report, silent
from bigbath.resources import memory_limit
from bigbath.spaces import Sector, everything, sectors

#: What is left out of the series, in units of the norm.
TRUNCATED = 1e-15

#: Rounding of one product and of its term, in units of machine epsilon: four times the most that was measured.
ROUNDING = 4.0

#: Terms that every restart costs beyond a t; times share a recurrence until a t is several times that.
RESTART = 40

#: Arguments of Bessel functions that are taken as 0: J_1 is half of it.
TINY = 1e-30

#: Times of one recurrence at most; terms that are added to them at once.
SHARED, BATCH = 64, 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Propagator:
    """exp(-iHt) in one sector, in memory of a few vectors."""

    operator: Operator
    scale: Scale

    @classmethod
    def of(cls, h: Hamiltonian, sector: Sector | None = None) -> "Propagator":
        """Prepare a Hamiltonian in a sector (None: all configurations); the ends of its spectrum by Lanczos."""
        sector = everything(h.dim) if sector is None else sector
        extremes = lanczos_extremes(operator_of(h, sector, Scale(centre=0.0, halfwidth=1.0)))
        scale = Scale.of(extremes)
        return cls(operator=operator_of(h, sector, scale), scale=scale)

    def error(self, time: float) -> float:
        """Bound on ||psi - psi_exact|| after one recurrence over ``time``, for a normalised state: truncation and rounding."""
        return TRUNCATED + ROUNDING * np.finfo(float).eps * (2 + terms(self.scale.halfwidth * abs(time)))

    def products(self, times: Sequence[float]) -> int:
        """Products of H with real vectors, or with complex ones of a complex H, that ``evolve`` makes for a real state."""
        total, start = 0, 0.0
        for group in self._groups(np.asarray(times, dtype=float), 16 * self.operator.dim):
            parts = 1 if start == 0 or self.operator.dtype.kind == "c" else 2
            total += parts * terms(self.scale.halfwidth * abs(group[-1] - start))
            start = group[-1]
        return total

    def evolve(
        self, state: np.ndarray, times: Sequence[float], *, memory: float | None = None, report: Report = silent
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Each time of ``times``, ascending, with psi(t) (d, ) complex128, psi(0) = ``state`` (d,).

        ``memory``: bytes that states at several times may take (None: a quarter of what is free); times that are close
        share one recurrence as far as it allows. A negative time goes back. JobError for times out of order.
        """
        wanted = np.asarray(times, dtype=float)
        if np.any(np.diff(np.abs(wanted)) < 0) or (np.any(wanted < 0) and np.any(wanted > 0)):
            raise JobError("times must be in ascending order, away from 0")
        allowed = memory_limit() / 4 if memory is None else memory
        psi, start, done = np.asarray(state), 0.0, 0
        for group in self._groups(wanted, allowed):
            report("evolution", done, max(wanted.size, 1))
            later = self._advance(psi, group - start)
            for time, column in zip(group, later, strict=True):
                yield float(time), column
            psi, start, done = later[-1], group[-1], done + group.size
        report("evolution", 1, 1)

    def _groups(self, times: np.ndarray, allowed: float) -> Iterator[np.ndarray]:
        """Times that share a recurrence: until the terms are several times those of a restart, or memory ends."""
        most = int(np.clip(allowed // (32 * self.operator.dim), 1, SHARED))
        first, start = 0, 0.0
        while first < times.size:
            last = first + 1
            while (
                last < times.size
                and last - first < most
                and self.scale.halfwidth * abs(times[last - 1] - start) < 4 * RESTART
            ):
                last += 1
            yield times[first:last]
            first, start = last, times[last - 1]

    def _advance(self, psi: np.ndarray, intervals: np.ndarray) -> np.ndarray:
        """exp(-iH tau) psi (T, d) for ascending ``intervals`` tau (T,)."""
        result = np.zeros((intervals.size, psi.size), dtype=complex)
        parts: list[tuple[complex, np.ndarray]] = [(1.0, psi)]
        if self.operator.dtype.kind != "c" and np.iscomplexobj(psi):
            parts = [(1.0, psi.real), (1j, psi.imag)]
        for factor, part in parts:
            if np.any(part):
                for row, even, odd in self._series(part, intervals):
                    result[row] += factor * (even - 1j * odd)
        return result * np.exp(-1j * self.scale.centre * intervals)[:, None]

    def _series(self, part: np.ndarray, intervals: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each interval its number, the sum of the even terms and of the odd ones (d,), without the factor -i."""
        operator, x = self.operator, self.scale.halfwidth * intervals
        weights = series(x)
        recurrence = Recurrence(operator, part[:, None])
        sums = operator.zeros(2 * x.size)
        flat = sums.reshape(2 * x.size, -1) if sums.flags.c_contiguous else None
        if x.size == 1 or flat is None:
            self._add_singly(recurrence, sums, weights)
        else:
            self._add_in_batches(recurrence, flat, weights)
        for row in range(x.size):
            yield row, operator.get(sums[row])[:, 0], operator.get(sums[x.size + row])[:, 0]

    def _add_singly(self, recurrence: Recurrence, sums: np.ndarray, weights: np.ndarray) -> None:
        """Add every term to the sums of all times, one after the other."""
        count = weights.shape[0]
        for n, term in zip(range(weights.shape[1]), recurrence.terms(), strict=False):
            for row in np.flatnonzero(weights[:, n]):
                _axpy(weights[row, n], term, sums[row + count * (n % 2)])

    def _add_in_batches(self, recurrence: Recurrence, sums: np.ndarray, weights: np.ndarray) -> None:
        """Add several terms to the sums of all times by one matrix product each for the even and the odd."""
        count, order = weights.shape
        batch = np.empty((2 * BATCH, sums.shape[1]), dtype=sums.dtype)
        gemm = blas.zgemm if np.iscomplexobj(sums) else blas.dgemm
        padded = np.zeros((count, -(-order // (2 * BATCH)) * 2 * BATCH))
        padded[:, :order] = weights
        for n, term in zip(range(padded.shape[1]), recurrence.terms(), strict=False):
            place = n % (2 * BATCH)
            batch[place // 2 + BATCH * (place % 2)] = term.reshape(-1)
            if place == 2 * BATCH - 1:
                first = n - place
                for parity in (0, 1):
                    chosen = padded[:, first + parity : n + 1 : 2]
                    rows = np.flatnonzero(chosen.any(axis=1))
                    if not rows.size:
                        continue
                    used = slice(parity * count + rows[0], parity * count + rows[-1] + 1)
                    source = batch[parity * BATCH : (parity + 1) * BATCH]
                    target = sums[used].T
                    made = gemm(1.0, source.T, chosen[rows[0] : rows[-1] + 1].T, 1.0, target, overwrite_c=1)
                    if not np.shares_memory(made, target):
                        sums[used] = made.T


def evolve(
    h: Hamiltonian,
    state: np.ndarray,
    times: Sequence[float],
    *,
    sector: Mapping[str, int] | None = None,
    report: Report = silent,
) -> Iterator[tuple[float, np.ndarray]]:
    """Each time with exp(-iHt) ``state`` (d,) complex128; times ascending, in units of 1/coupling (hbar = 1).

    ``sector``: labels that select one sector, as {"magnetisation": 0}, over whose d states ``state`` is given (None: all
    configurations). JobError for labels of several sectors and for times out of order. Chebyshev series of Tal-Ezer & Kosloff.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.XXZ(L=8, W=1.0)))
    >>> (part,) = bb.sectors(h, only={"magnetisation": 0})
    >>> start = bb.configuration(part, "neel")
    >>> [f"{abs(start @ psi) ** 2:.3f}" for _, psi in bb.evolve(h, start, [0.0, 1.0], sector={"magnetisation": 0})]
    ['1.000', '0.182']
    """
    chosen = everything(h.dim)
    if sector is not None:
        found = sectors(h, only=dict(sector))
        if len(found) > 1:
            raise JobError(f"sector = {dict(sector)} selects {len(found)} sectors; give the labels of one: {found[0]}")
        chosen = found[0]
    if state.shape != (chosen.dim,):
        raise JobError(f"state has the shape {state.shape}, the sector {chosen} has {chosen.dim:,} states")
    return Propagator.of(h, chosen).evolve(state, times, report=report)


def _axpy(weight: float, source: np.ndarray, target: np.ndarray) -> None:
    """target += weight * source, in place, for contiguous arrays of one shape."""
    add = blas.zaxpy if np.iscomplexobj(target) else blas.daxpy
    add(source.reshape(-1), target.reshape(-1), a=weight)


def terms(x: float) -> int:
    """Number of terms for a t = ``x``: beyond, |J_n(x)| sums to less than 1e-15."""
    return int(np.ceil(x + 12.0 * max(x, 1.0) ** (1 / 3) + 18))


def series(x: np.ndarray) -> np.ndarray:
    """(2 - delta_n0) J_n(x) times the sign of (-i)^n, or of i (-i)^n for odd n: (T, N); zero where it is rounding."""
    order = terms(float(np.abs(x).max()))
    n = np.arange(order)
    values = bessel(x, order) * np.where(n > 0, 2.0, 1.0) * (-1.0) ** (n // 2)
    values[n >= np.array([terms(abs(float(y))) for y in x])[:, None]] = 0
    return values


def bessel(x: np.ndarray, order: int) -> np.ndarray:
    """J_n(x) (T, ``order``), all n < ``order`` at once by Miller's recurrence from above: to rounding, where ``jv`` loses digits.

    It is begun beyond ``order``, where J_n is rounding, and normalised by J_0 + 2 (J_2 + J_4 + ...) = 1.
    """
    inverse = 1 / np.where(np.abs(x) > TINY, x, 1.0)
    first = order + 20 + order % 2
    values = np.zeros((first + 2, x.size))
    values[first] = 1e-300
    for n in range(first, 0, -1):
        values[n - 1] = 2 * n * inverse * values[n] - values[n + 1]
        size = np.abs(values[n - 1])
        if size.max() > 1e100:  # before it overflows
            values[n - 1 :] /= np.where(size > 1e100, size, 1.0)
    values /= values[0] + 2 * values[2::2].sum(axis=0)
    values[:, np.abs(x) <= TINY] = 0
    values[0, np.abs(x) <= TINY] = 1
    return values[:order].T
