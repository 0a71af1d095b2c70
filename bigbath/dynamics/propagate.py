"""Real time by Chebyshev polynomials: exp(-iHt) v = e^(-i c t) sum_n (2 - delta_n0) (-i)^n J_n(a t) T_n((H - c)/a) v.

(-i)^n is real for even n and imaginary for odd n, so that one recurrence of a real Hamiltonian on a real vector serves the
real part by its even terms and the imaginary part by its odd ones. A complex vector takes two recurrences, a complex
Hamiltonian one with complex vectors. The number of products is a t + O((a t)^(1/3)), the fewest of all methods (Tal-Ezer &
Kosloff, J. Chem. Phys. 81, 3967 (1984); Weisse et al., Rev. Mod. Phys. 78, 275). ``plan`` says how times share them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.chebyshev import Recurrence
from bigbath.compact import Compact
from bigbath.dynamics.bessel import series
from bigbath.dynamics.plan import Plan, bound, plan
from bigbath.dynamics.sums import BATCH, accumulate, room, storages
from bigbath.errors import BigbathError, JobError
from bigbath.operators import Hamiltonian, Operator, Scale, operator_of
from bigbath.progress import Report, silent
from bigbath.resources import memory_limit
from bigbath.solvers.problem import spectral_extremes
from bigbath.spaces import Sector, everything

#: Terms between two reports.
REPORTED = 64


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Propagator(Compact):
    """exp(-iHt) in one sector, in memory of a few vectors.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> ((_, psi),) = propagator.evolve(np.eye(32)[0], [1.0])
    >>> float(np.linalg.norm(psi).round(10))
    1.0
    """

    operator: Operator
    scale: Scale

    def _facts(self) -> dict[str, str]:
        low, high = (self.scale.centre + sign * self.scale.halfwidth for sign in (-1, 1))
        return {
            "states": f"{self.operator.dim:,}, {'complex' if self.is_complex else 'real'} H",
            "spectrum": f"inside {low:.6g} to {high:.6g}",
            "H acts by": type(self.operator).__name__,
        }

    @classmethod
    def of(cls, h: Hamiltonian, sector: Sector | None = None) -> "Propagator":
        """Prepare a Hamiltonian in a sector (None: all configurations); the ends of its spectrum by Lanczos."""
        if not isinstance(h, Hamiltonian):
            raise JobError(f"an evolution needs a Hamiltonian, as build(draw(model)), not a {type(h).__name__}")
        sector = everything(h.dim) if sector is None else sector
        scale = Scale.of(spectral_extremes(h, None, (sector,)))
        return cls(operator=operator_of(h, sector, scale), scale=scale)

    @property
    def is_complex(self) -> bool:
        """Whether the Hamiltonian is."""
        return self.operator.dtype.kind == "c"

    def error(self, time: float, *, restarts: int = 0) -> float:
        """Bound on ||psi - psi_exact|| after ``time``, for a normalised state: truncation and rounding.

        ``restarts``: how often a new recurrence was begun on the way. ``plan`` has the bounds of several times.
        """
        return bound(self.scale, time, restarts)

    def plan(self, times: Sequence[float] | np.ndarray, *, is_real: bool = True, memory: float | None = None) -> Plan:
        """How ``evolve`` reaches ``times``: its groups, the number of products, a bound on the error at each time.

        ``is_real``: whether the state at time 0 is. ``memory`` as in ``evolve``.
        """
        # Complex vectors: each time takes two, and two of the batch
        allowed = _allowed(memory) / (16 * self.operator.dim)
        few = int(allowed // 4)
        most = max(1, few if few < BATCH // 2 else int((allowed - BATCH) // 2))
        parts = (1, 1) if self.is_complex else (1 if is_real else 2, 2)
        return plan(self.scale, _checked(times), most=most, parts=parts)

    def products(
        self, times: Sequence[float] | np.ndarray, *, is_real: bool = True, memory: float | None = None
    ) -> int:
        """Products of H with real vectors, or with complex ones of a complex H, that ``evolve`` makes."""
        return self.plan(times, is_real=is_real, memory=memory).products

    def needs(
        self, times: Sequence[float] | np.ndarray, *, is_real: bool = True, memory: float | None = None
    ) -> tuple[int, int]:
        """Products of ``evolve``, and the bytes of its vectors and of those that ``Propagator.of`` holds."""
        chosen = self.plan(times, is_real=is_real, memory=memory)
        group = max((g.size for g in chosen.groups), default=0)
        vectors = 5 + (2 * group + min(BATCH, 2 * group + 2) if group > 1 else 0)
        return chosen.products, 16 * vectors * self.operator.dim

    def energy(self, psi: np.ndarray) -> float:
        """<psi|H|psi> of a state (d,)."""
        columns = (np.ascontiguousarray(part)[:, None] for _, part in self._parts(psi))
        return float(sum(np.vdot(v, self.operator.product(v)).real for v in columns))

    def evolve(
        self,
        state: np.ndarray,
        times: Sequence[float] | np.ndarray,
        *,
        memory: float | None = None,
        report: Report = silent,
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Each time of ``times``, ascending, with psi(t) (d, ) complex128, psi(0) = ``state`` (d,). psi(t) is read-only.

        ``memory``: bytes that sums for several times may take (None: a quarter of what is free); times that are close
        share one recurrence as far as it allows. With one final time four complex vectors are held at most, beside
        ``state``. A negative time goes back. JobError for times out of order and for a state of another space.
        """
        psi = np.asarray(state)
        if psi.shape != (self.operator.dim,):
            raise JobError(f"the state has the shape {psi.shape}, the sector's states have ({self.operator.dim},)")
        norm = _norm(psi)
        if not 0 < norm < np.inf:
            raise JobError(f"the state's norm is {norm}: give a state of norm 1")
        chosen = self.plan(times, is_real=not np.iscomplexobj(psi), memory=memory)
        made = 0

        def one_more() -> None:
            nonlocal made
            made += 1
            if made % REPORTED == 0:
                report("evolution", min(made, chosen.products), chosen.products)

        states = self._reflected(psi, chosen, one_more) if chosen.reflected else self._restarted(psi, chosen, one_more)
        for time, later, error in zip((t for g in chosen.groups for t in g), states, chosen.bounds, strict=True):
            _require_norm(_norm(later), norm, time, error)
            later.flags.writeable = False
            yield float(time), later
        report("evolution", 1, 1)

    def _restarted(self, psi: np.ndarray, chosen: Plan, one_more: Callable[[], None]) -> Iterator[np.ndarray]:
        """psi at each time, every group from the last state before it."""
        start = 0.0
        for group in chosen.groups:
            for later in self._advance(psi, group - start, one_more):
                yield later
            psi, start = later, group[-1]

    def _reflected(self, psi: np.ndarray, chosen: Plan, one_more: Callable[[], None]) -> Iterator[np.ndarray]:
        """psi at equidistant times from C = cos(Ht) psi(0) and S = sin(Ht) psi(0), as in ``plan``.

        Row r of C and S holds the time T + r delta in even groups and T + (n - r) delta in odd ones, n times a group: what
        is reflected at T is in its place.
        """
        groups = [group for group in chosen.groups if group[-1] != 0]
        if len(groups) < len(chosen.groups):
            yield psi.astype(complex)
        per, operator = groups[0].size, self.operator
        x = self.scale.halfwidth * groups[0][-1] * np.arange(per + 1) / per
        sums = storages(operator, 2 * (per + 1))
        batch = room(sums)
        cosines, sines = sums[: per + 1], sums[per + 1 :]
        operator.put(cosines[0], psi[:, None])
        for number, group in enumerate(groups):
            rows = np.arange(per + 1)[:: -1 if number % 2 else 1]
            weights = series(x[: group.size + 1])
            placed = np.zeros((per + 1, weights.shape[1]))
            placed[rows[1 : group.size + 1]] = weights[1:] if number == 0 else 2 * weights[1:]
            if number:
                for row in rows[1:]:
                    np.negative(cosines[row], out=cosines[row])
            accumulate(Recurrence(operator, operator.get(cosines[rows[0]]), sums=0), sums, placed, one_more, batch)
            for row, time in zip(rows[1:], group, strict=False):
                later = self._with_even(None, cosines[row], imaginary=False)
                self._add_odd(later, sines[row], imaginary=False)
                yield self._turned(later, time)

    def _advance(self, psi: np.ndarray, intervals: np.ndarray, one_more: Callable[[], None]) -> Iterator[np.ndarray]:
        """exp(-iH tau) psi (d,) for each of the ascending ``intervals`` tau (T,)."""
        sums = [
            (imaginary, self._sums(part, intervals, one_more)) for imaginary, part in self._parts(psi) if np.any(part)
        ]
        for tau in intervals:
            result: np.ndarray | None = None
            for imaginary, stored in sums:
                even, odd = stored.pop(0)
                result = self._with_even(result, even, imaginary=imaginary)
                del even  # its memory is free before the odd terms are brought out
                self._add_odd(result, odd, imaginary=imaginary)
                del odd
            assert result is not None
            yield self._turned(result, tau)

    def _parts(self, psi: np.ndarray) -> list[tuple[bool, np.ndarray]]:
        """Vectors that the operator takes, and whether each is the imaginary part."""
        if np.iscomplexobj(psi) and not self.is_complex:
            return [(False, psi.real), (True, psi.imag)]
        return [(False, psi)]

    def _turned(self, result: np.ndarray, time: float) -> np.ndarray:
        """The same vector with the phase of the spectrum's centre."""
        result *= np.exp(-1j * self.scale.centre * time)
        return result

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
        weights, count = series(self.scale.halfwidth * intervals), intervals.size
        recurrence = Recurrence(self.operator, part[:, None], sums=0)
        # Two arrays for one time: each is given back as soon as it is used
        sums = [self.operator.zeros(1)[0] for _ in range(2)] if count == 1 else storages(self.operator, 2 * count)
        accumulate(recurrence, sums, weights, one_more)
        return [(sums[row], sums[count + row]) for row in range(count)]


def _norm(psi: np.ndarray) -> float:
    """||psi|| without the threads of BLAS, which cost more."""
    numbers = np.ascontiguousarray(psi).view(float)
    return float(np.sqrt(np.einsum("i,i->", numbers, numbers)))


def _require_norm(found: float, norm: float, time: float, error: float) -> None:
    """BigbathError where the norm is not kept: the spectrum's ends are wrong, or the processor."""
    if not abs(found - norm) <= error * norm:
        raise BigbathError(
            f"the evolution to t = {time:g} changed the norm from {norm:.15g} to {found:.15g}, more than rounding: its "
            "states cannot be used. Please report this with the job."
        )


def _checked(times: Sequence[float] | np.ndarray) -> np.ndarray:
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
