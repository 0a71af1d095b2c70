"""Real time by Chebyshev polynomials: exp(-iHt) v = e^(-i c t) sum_n (2 - delta_n0) (-i)^n J_n(a t) T_n((H - c)/a) v.

(-i)^n is real for even n and imaginary for odd n, so that one recurrence of a real Hamiltonian on a real vector serves the
real part by its even terms and the imaginary part by its odd ones. A complex vector takes two recurrences, a complex
Hamiltonian one with complex vectors. The number of products is a t + O((a t)^(1/3)), the fewest of all methods (Tal-Ezer &
Kosloff, J. Chem. Phys. 81, 3967 (1984); Weisse et al., Rev. Mod. Phys. 78, 275).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from bigbath.chebyshev import Recurrence
from bigbath.errors import BigbathError, JobError
from bigbath.operators import Hamiltonian, Operator, Scale, operator_of
from bigbath.progress import Report, silent
from bigbath.resources import memory_limit
from bigbath.solvers.problem import spectral_extremes
from bigbath.spaces import Sector, everything

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

#: Terms between two reports.
REPORTED = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Propagator:
    """exp(-iHt) in one sector, in memory of a few vectors."""

    operator: Operator
    scale: Scale

    @classmethod
    def of(cls, h: Hamiltonian, sector: Sector | None = None) -> "Propagator":
        """Prepare a Hamiltonian in a sector (None: all configurations); the ends of its spectrum by Lanczos."""
        if not isinstance(h, Hamiltonian):
            raise JobError(f"an evolution needs a Hamiltonian, as build(draw(model)), not a {type(h).__name__}")
        sector = everything(h.dim) if sector is None else sector
        scale = Scale.of(spectral_extremes(h, None, (sector,)))
        return cls(operator=operator_of(h, sector, scale), scale=scale)

    def error(self, time: float, *, restarts: int = 0) -> float:
        """Bound on ||psi - psi_exact|| after ``time``, for a normalised state: truncation and rounding.

        ``restarts``: how often a new recurrence was begun on the way, at most once a time that was asked for.
        """
        a, c, t = self.scale.halfwidth, abs(self.scale.centre), abs(time)
        products = terms(a * t) + restarts * (terms(a * t / (restarts + 1)) - a * t / (restarts + 1))
        return (1 + restarts) * TRUNCATED + ROUNDING * np.finfo(float).eps * (2 * (1 + restarts) + products + c * t)

    def products(self, times: Sequence[float], *, is_real: bool = True, memory: float | None = None) -> int:
        """Products of H with real vectors, or with complex ones of a complex H, that ``evolve`` makes; ``memory`` as there.

        ``is_real``: whether the state at time 0 is. A complex state takes two recurrences of a real H.
        """
        total, start = 0, 0.0
        for group in self._groups(_checked(times), _allowed(memory)):
            single = self.operator.dtype.kind == "c" or (is_real and not total)
            total += (1 if single else 2) * terms(self.scale.halfwidth * abs(group[-1] - start))
            start = group[-1]
        return total

    def energy(self, psi: np.ndarray) -> float:
        """<psi|H|psi> of a state (d,)."""
        parts = [psi]
        if self.operator.dtype.kind != "c" and np.iscomplexobj(psi):
            parts = [psi.real, psi.imag]
        columns = (np.ascontiguousarray(part)[:, None] for part in parts)
        return float(sum(np.vdot(v, self.operator.product(v)).real for v in columns))

    def evolve(
        self, state: np.ndarray, times: Sequence[float], *, memory: float | None = None, report: Report = silent
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Each time of ``times``, ascending, with psi(t) (d, ) complex128, psi(0) = ``state`` (d,). psi(t) is read-only.

        ``memory``: bytes that sums for several times may take (None: a quarter of what is free); times that are close
        share one recurrence as far as it allows. With one final time four complex vectors are held at most, beside ``state``. A negative time goes back. JobError for times out of order and for a state of another space.
        """
        wanted, allowed = _checked(times), _allowed(memory)
        psi = np.asarray(state)
        if psi.shape != (self.operator.dim,):
            raise JobError(f"the state has the shape {psi.shape}, the sector's states have ({self.operator.dim},)")
        norm = float(np.linalg.norm(psi))
        if not 0 < norm < np.inf:
            raise JobError(f"the state's norm is {norm}: give a state of norm 1")
        made, total = 0, self.products(times, is_real=not np.iscomplexobj(psi), memory=allowed)

        def one_more() -> None:
            nonlocal made
            made += 1
            if made % REPORTED == 0:
                report("evolution", min(made, total), total)

        start = 0.0
        for restarts, group in enumerate(self._groups(wanted, allowed)):
            for time, later in zip(group, self._advance(psi, group - start, one_more), strict=True):
                self._require_norm(float(np.linalg.norm(later)), norm, time, restarts)
                later.flags.writeable = False
                yield float(time), later
            psi, start = later, group[-1]
        report("evolution", 1, 1)

    def _require_norm(self, found: float, norm: float, time: float, restarts: int) -> None:
        """BigbathError where the norm is not kept: the spectrum's ends are wrong, or the processor."""
        if not abs(found - norm) <= self.error(time, restarts=restarts) * norm:
            raise BigbathError(
                f"the evolution to t = {time:g} changed the norm from {norm:.15g} to {found:.15g}, more than rounding: its "
                "states cannot be used. Please report this with the job."
            )

    def _groups(self, times: np.ndarray, allowed: float) -> Iterator[np.ndarray]:
        """Times that share a recurrence: until the terms are several times those of a restart, or memory ends."""
        most = int(np.clip(allowed // (32 * self.operator.dim), 1, SHARED))
        gaps = self.scale.halfwidth * np.abs(times)
        first, start = 0, 0.0
        while first < times.size:
            last = first + 1
            while (
                last < times.size
                and last - first < most
                and gaps[last - 1] - start < 4 * RESTART
                and gaps[last] - start < 8 * RESTART
            ):
                last += 1
            yield times[first:last]
            first, start = last, gaps[last - 1]

    def _advance(self, psi: np.ndarray, intervals: np.ndarray, one_more: Callable[[], None]) -> Iterator[np.ndarray]:
        """exp(-iH tau) psi (d,) for each of the ascending ``intervals`` tau (T,)."""
        parts: list[tuple[bool, np.ndarray]] = [(False, psi)]
        if self.operator.dtype.kind != "c" and np.iscomplexobj(psi):
            parts = [(False, psi.real), (True, psi.imag)]
        sums = [(imaginary, self._sums(part, intervals, one_more)) for imaginary, part in parts if np.any(part)]
        for tau in intervals:
            result: np.ndarray | None = None
            for imaginary, stored in sums:
                even, odd = stored.pop(0)
                result = self._with_even(result, even, imaginary=imaginary)
                del even  # its memory is free before the odd terms are brought out
                self._add_odd(result, odd, imaginary=imaginary)
                del odd
            assert result is not None
            result *= np.exp(-1j * self.scale.centre * tau)
            yield result

    def _with_even(self, result: np.ndarray | None, stored: np.ndarray, *, imaginary: bool) -> np.ndarray:
        """The result, if there is one, with the sum of the even terms, times i for an ``imaginary`` part."""
        vector = self.operator.get(stored)[:, 0]
        if result is None:
            return np.array(1j * vector if imaginary else vector, dtype=complex)
        if imaginary:
            result.imag += vector
        else:
            result += vector
        return result

    def _add_odd(self, result: np.ndarray, stored: np.ndarray, *, imaginary: bool) -> None:
        """result += -i times the sum of the odd terms, times i for an ``imaginary`` part."""
        vector = self.operator.get(stored)[:, 0]
        if imaginary:
            result.real += vector
        elif np.iscomplexobj(vector):
            result.real += vector.imag
            result.imag -= vector.real
        else:
            result.imag -= vector

    def _sums(
        self, part: np.ndarray, intervals: np.ndarray, one_more: Callable[[], None]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each interval the sum of the even terms and that of the odd ones, without the factor -i, as storages."""
        operator, x = self.operator, self.scale.halfwidth * intervals
        weights, count = series(x), x.size
        recurrence = Recurrence(operator, part[:, None], sums=0)
        if count == 1:
            even, odd = operator.zeros(1)[0], operator.zeros(1)[0]
            self._add_singly(recurrence, [even, odd], weights, one_more)
            return [(even, odd)]
        sums = operator.zeros(2 * count)
        if sums.flags.c_contiguous:
            self._add_in_batches(recurrence, sums.reshape(2 * count, -1), weights, one_more)
        else:
            self._add_singly(recurrence, list(sums), weights, one_more)
        return [(sums[row], sums[count + row]) for row in range(count)]

    def _add_singly(
        self, recurrence: Recurrence, sums: list[np.ndarray], weights: np.ndarray, one_more: Callable[[], None]
    ) -> None:
        """Add every term to the sums of all times, one after the other."""
        count = weights.shape[0]
        for n, term in zip(range(weights.shape[1]), recurrence.terms(), strict=False):
            one_more()
            for row in np.flatnonzero(weights[:, n]):
                _axpy(weights[row, n], term, sums[row + count * (n % 2)])

    def _add_in_batches(
        self, recurrence: Recurrence, sums: np.ndarray, weights: np.ndarray, one_more: Callable[[], None]
    ) -> None:
        """Add several terms to the sums of all times by one matrix product each for the even and the odd."""
        count, order = weights.shape
        batch = np.empty((2 * BATCH, sums.shape[1]), dtype=sums.dtype)
        gemm = blas.zgemm if np.iscomplexobj(sums) else blas.dgemm
        padded = np.zeros((count, -(-order // (2 * BATCH)) * 2 * BATCH))
        padded[:, :order] = weights
        for n, term in zip(range(padded.shape[1]), recurrence.terms(), strict=False):
            one_more()
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


def _checked(times: Sequence[float]) -> np.ndarray:
    """Times (T,); JobError unless they are finite and lead away from 0."""
    wanted = np.asarray(times, dtype=float)
    if wanted.ndim != 1 or not np.all(np.isfinite(wanted)):
        raise JobError("times must be a list of finite numbers")
    if np.any(np.diff(np.abs(wanted)) < 0) or (np.any(wanted < 0) and np.any(wanted > 0)):
        raise JobError("times must be in ascending order, away from 0")
    return wanted


def _allowed(memory: float | None) -> float:
    """Bytes that sums may take."""
    return memory_limit() / 4 if memory is None else memory


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
