"""Filter once, then sample: the plan of a filter, the chains of Chebyshev steps that carry it out, their checkpoint."""

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bigbath.chebyshev import Recurrence, box, degree
from bigbath.operators import Operator, Scale
from bigbath.ranks import size
from bigbath.solvers.subspace import algebra_seconds

#: Kaiser's beta of the filter and of the test's filter; where the latter ends, from the window's end on in units of the
#: filter's edge.
BETA, BETA_TEST, END_TEST = 28, 20, 0.58

#: Parts of the samples expected: those between two looks whether they still bring something new, and all for which there is
#: memory. Levels of localised spectra scatter like independent ones, by their square root.
MORE, MOST = 0.02, 1.6

#: Matrix entries between two looks at progress; seconds between two checkpoints.
CHUNK, INTERVAL = 5e7, 120

#: Steps after the filter at which samples of these numbers (first, last) are taken, ascending.
Times = Callable[[int, int], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A filter and its samples for one sector. Angles in radians.

    ``centre``, ``delta``: the window is |theta - centre| <= delta; the filter is 1/2 at its ends. ``reach``: the filtered
    band ends at ``reach`` delta, where the filter is rounding. States converge about half-way there, the test's filter ends
    before. ``b``: filtered vectors; ``samples``: pairs expected of each, the ``first`` of them before it is seen whether
    samples still bring something new. ``thinned``: how many times fewer they are than at Nyquist's rate.
    """

    centre: float
    delta: float
    reach: float
    b: int
    samples: int
    first: int
    thinned: float

    @property
    def coefficients(self) -> np.ndarray:
        """Chebyshev coefficients of the filter; their number is even."""
        return self.softer(BETA)

    def softer(self, beta: float) -> np.ndarray:
        """Coefficients of the filter that leaves e^-``beta`` beyond the band."""
        return box(self.centre, self.delta, (self.reach - 1) * self.delta, beta)

    @property
    def check(self) -> np.ndarray:
        """Coefficients of the test's filter: it ends where states have converged, and falls from well inside the window on."""
        halfwidth, edge = self._check
        return box(self.centre, halfwidth, edge, BETA_TEST)

    @property
    def _check(self) -> tuple[float, float]:
        """Half-widths of the box of the test's filter and of its edge.

        An edge that lies inside the window by half is twice as wide: a third shorter, at 1e-2 of the filter at the window's end.
        """
        end = self.tested * self.delta
        halfwidth = max(2 * self.delta - end, 0.1 * self.delta)
        return halfwidth, end - halfwidth

    @property
    def tested(self) -> float:
        """Where the test's filter ends, in half-widths of the window."""
        return 1 + END_TEST * (self.reach - 1)

    @property
    def spacing(self) -> float:
        """Steps between two samples on average: Nyquist's for the filtered band, times ``thinned``."""
        return self.thinned * max(1, int(np.pi / (self.reach * self.delta)))

    def times(self, first: int, last: int) -> np.ndarray:
        """See ``Times``. Thinned samples are irregular: regular ones would not tell levels apart whose angles differ by 2 pi / spacing."""
        shifts = (1 - 1 / self.thinned) * np.random.default_rng(0).random(last)
        return (self.spacing * (np.arange(last) + shifts))[first:].astype(int)

    @property
    def more(self) -> int:
        """Pairs of each vector between two looks."""
        return max(1, int(MORE * self.samples))

    @property
    def columns(self) -> int:
        """Vectors of the basis, as far as the density of states tells."""
        return 2 * self.b * self.samples

    @property
    def capacity(self) -> int:
        """Vectors for which there has to be memory."""
        return 2 * self.b * int(np.ceil(MOST * self.samples))

    @property
    def products(self) -> int:
        """Matrix-vector products in all."""
        filters = self.b * degree((self.reach - 1) * self.delta, BETA) + degree(self._check[1], BETA_TEST)
        return filters + int(self.b * (self.samples - 1) * self.spacing)

    def seconds(self, operator: Operator) -> float:
        """About how long it takes on one core of each rank."""
        dim, is_complex = operator.dim / size(operator.comm), operator.dtype.kind == "c"
        algebra = algebra_seconds(self.columns, dim, is_complex=is_complex)
        return self.products * operator.work / operator.columns / operator.rate + algebra

    def amplitude(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Smallest value of the test's filter inside an energy window."""
        return float(at_angles(self.check, np.linspace(scale.angle(edges[0]), scale.angle(edges[1]), 41)).min())


def at_angles(coefficients: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """A filter (of Chebyshev ``coefficients``) at these angles."""
    n = np.arange(coefficients.size)
    return np.array([np.cos(n * angle) @ coefficients for angle in angles.tolist()])


class Chain:
    """One ``block`` of vectors (d, columns), filtered, then sampled at ``times`` after that once it has been told where to."""

    def __init__(self, operator: Operator, block: np.ndarray, coefficients: np.ndarray, times: Times) -> None:
        self.recurrence = Recurrence(operator, block)
        self._coefficients, self._sampled_at = coefficients, times
        self._out: np.ndarray | None = None
        self._times = np.empty(0, dtype=int)
        self.position, self.steps = 0, coefficients.size
        self._samples = 0

    def sample(self, out: np.ndarray) -> None:
        """Go on to fill ``out`` (d, c) with c / 2 pairs of samples."""
        first, self._out = self._samples, out
        self._samples += out.shape[1] // (2 * self.recurrence.operator.columns)
        self._times = self._coefficients.size + self._sampled_at(first, self._samples)
        self.steps = int(self._times[-1])

    @property
    def left(self) -> int:
        """Steps still to make."""
        return self.steps - self.position

    def advance(self, most: int) -> None:
        """Make up to ``most`` (even) steps."""
        filtered = self._coefficients.size
        if self.position < filtered:
            weights = self._coefficients[self.position : self.position + most]
            self.recurrence.advance(weights.size, weights)
            self.position += weights.size
            if self.position == filtered and self._out is not None:
                self.recurrence.restart()
        else:
            count = min(
                most, int(self._times[np.searchsorted(self._times, self.position, side="right")]) - self.position
            )
            self.recurrence.advance(count)
            self.position += count
        sample = int(np.searchsorted(self._times, self.position))
        if sample < self._times.size and self._times[sample] == self.position and self._out is not None:
            operator = self.recurrence.operator
            first, columns = 2 * sample * operator.columns, operator.columns
            self._out[:, first : first + columns] = operator.get(self.recurrence.low)
            self._out[:, first + columns : first + 2 * columns] = operator.get(self.recurrence.high)

    @property
    def filtered(self) -> np.ndarray:
        """The filtered vectors (d, columns) of a chain that does not sample."""
        return self.recurrence.operator.get(self.recurrence.total)


@dataclass(eq=False)
class Checkpoint:
    """State of the chains in one file; an interrupted solve continues from it with the same rounding.

    ``key`` tells what is solved: a file of another name is never read.
    """

    directory: Path
    key: bytes

    def __post_init__(self) -> None:
        self._file = self.directory / f"filter-{hashlib.sha256(self.key).hexdigest()[:24]}.npz"
        self._next = time.monotonic() + INTERVAL

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() >= self._next

    def save(self, basis: np.ndarray, chains: list[Chain]) -> None:
        """Replace the file, atomically."""
        self.directory.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".part.npz")
        vectors = [[c.recurrence.low, c.recurrence.high, c.recurrence.total] for c in chains]
        with open(unfinished, "wb") as file:
            np.savez(file, positions=[c.position for c in chains], vectors=vectors, basis=basis)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._file)
        self._next = time.monotonic() + INTERVAL

    def load(self, basis: np.ndarray, chains: list[Chain]) -> None:
        """Continue from the file, if there is one."""
        if not self._file.exists():
            return
        with np.load(self._file) as saved:
            basis[:] = saved["basis"]
            for chain, position, vectors in zip(chains, saved["positions"], saved["vectors"], strict=True):
                chain.position = int(position)
                chain.recurrence.low[:], chain.recurrence.high[:], chain.recurrence.total[:] = vectors

    def remove(self) -> None:
        """The solve is done."""
        self._file.unlink(missing_ok=True)


def advance(
    chains: list[Chain], threads: int, basis: np.ndarray, checkpoint: Checkpoint | None,
    report: Callable[[float, float], None],
) -> None:  # fmt: skip
    """Carry the chains to their ends on threads, always the ones with most steps left first."""
    total = sum(c.steps for c in chains)
    most = 2 * max(1, int(CHUNK / chains[0].recurrence.operator.work))
    running: dict[Future, Chain] = {}
    if checkpoint is not None:
        checkpoint.load(basis, chains)
    with ThreadPoolExecutor(threads) as pool:
        while running or any(c.left for c in chains):
            report(total - sum(c.left for c in chains), total)
            due = checkpoint is not None and checkpoint.due
            if checkpoint is not None and due and not running:
                checkpoint.save(basis, chains)
                due = False
            idle = sorted((c for c in chains if c.left and c not in running.values()), key=lambda c: -c.left)
            for chain in idle[: 0 if due else threads - len(running)]:
                running[pool.submit(chain.advance, most)] = chain
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                running.pop(future)
                future.result()
    report(total, total)
