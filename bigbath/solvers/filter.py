"""Matrix-free Chebyshev filter diagonalisation: filter once, then sample.

A few random vectors are filtered by a smooth box in theta = arccos(x), a little wider than the window. From each the
plain Chebyshev recurrence goes on, and T_n, T_{n+1} are kept at the Nyquist rate of the filtered band until they span
every state in it; QR, SVD and Rayleigh-Ritz give the states. Relatives: Mandelshtam & Taylor, J. Chem. Phys. 106, 5085
(1997); DACP, arXiv 2011.02107; Pieper et al., arXiv 1510.04895. Memory is the basis (2.8 k vectors for k = 100), time
about 2.2 (a / sigma) D matrix-vector products, a the half-width and sigma the standard deviation of the spectrum.

Completeness is tested by a vector that took no part: a fresh random vector filtered to the window must lie in the
states found. A missing state |m> would leave f(E_m) <m|r>, <m|r> standard normal, so that what is left over bounds the
probability that one was missed, degenerate or not.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from pydantic import Field

from bigbath.choice import choice
from bigbath.errors import ImpossibleRequest
from bigbath.hamiltonian import Sector
from bigbath.progress import Report, silent
from bigbath.resources import cores, gigabytes, memory_limit, require_memory
from bigbath.solvers.dense import Dense, required_memory, solve_dense
from bigbath.solvers.eigenstates import RESIDUAL, Block, Comm, Eigenstates, assess
from bigbath.solvers.problem import Problem
from bigbath.solvers.recurrence import DensityOfStates, MatrixOperator, Operator, Recurrence, Scale, box, operator_of
from bigbath.solvers.window import Interval, Nearest, nearest_count

#: Sectors up to this dimension, or those of which the window needs more than 1/3, go to LAPACK inside this engine.
TINY = 512

#: States expected in the narrowest window that is filtered: a narrower one is widened, its filter would be longer.
FEWEST = 24

#: Largest probability of a missing state that is called complete.
MISSED = 1e-4

#: Singular values of the basis below this, in units of the largest, are rounding.
RANK = 1e-13

#: The filter's amplitude is negligible (5e-5) beyond 1 + REACH * edge half-widths of the window.
REACH = 4.4

#: Steps between samples, in units of pi over the half-width of the filtered band.
NYQUIST = 0.9


@choice
class Filter:
    """Chebyshev filter diagonalisation, matrix-free for spin models, for windows inside the spectrum.

    ``b``: random vectors; a level of higher multiplicity cannot be resolved (then b is doubled and the solve
    repeated). ``seed``: of the random vectors. ``memory``: most GiB for the basis (None: what is free).
    ``attempts``: how often the solve is repeated, wider or with more vectors, before it is given up as incomplete.
    """

    kind: Literal["filter"] = "filter"
    b: Annotated[int, Field(ge=1, le=64)] = 2
    seed: Annotated[int, Field(ge=0)] = 0
    memory: Annotated[float, Field(gt=0)] | None = None
    attempts: Annotated[int, Field(ge=1, le=10)] = 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A filter and its samples for one sector. Angles in radians.

    ``centre``, ``delta``: the window is |theta - centre| <= delta. ``edge``: width of the filter's edge in units of
    delta: the box is 1 + ``edge``/2 wide, smoothed by a Gaussian of width ``edge``, so that beyond 1 + 4.4 ``edge``
    little is left (5e-5), and states converge up to about 1 + 2.3 ``edge``.
    ``b``: filtered vectors; ``samples``: pairs kept from each, ``spacing`` steps apart.
    """

    centre: float
    delta: float
    edge: float
    b: int
    samples: int

    @property
    def coefficients(self) -> np.ndarray:
        """Chebyshev coefficients of the filter; their number is even."""
        smoothing = self.edge * self.delta
        return box(self.centre, (1 + self.edge / 2) * self.delta, smoothing, _even(8 / smoothing))

    @property
    def check(self) -> np.ndarray:
        """Coefficients of the test's filter: inside the other one, with the softest edge that stays so."""
        smoothing = 6.9 / 6.4 * self.edge * self.delta
        return box(self.centre, self.delta, smoothing, _even(6.6 / smoothing))

    @property
    def spacing(self) -> int:
        """Steps between two samples."""
        return max(1, int(NYQUIST * np.pi / ((1 + REACH * self.edge) * self.delta)))

    @property
    def columns(self) -> int:
        """Vectors of the basis."""
        return 2 * self.b * self.samples

    @property
    def products(self) -> int:
        """Matrix-vector products in all."""
        return self.b * (self.coefficients.size + (self.samples - 1) * self.spacing) + self.check.size

    def amplitude(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Smallest value of the test's filter inside an energy window."""
        inside = np.linspace(scale.angle(edges[0]), scale.angle(edges[1]), 41)
        return float(np.polynomial.chebyshev.chebval(np.cos(inside), self.check).min())


def _even(length: float) -> int:
    return 2 * max(2, int(np.ceil(length / 2)))


@dataclass(eq=False)
class _Part:
    """One sector: its operator, density of states, and the Ritz pairs of the last attempt.

    ``good``: which of them are eigenpairs. ``unexplained``: what the states found leave of the test's vector, as a
    function of the window (see ``leftover``); None where LAPACK found every state.
    """

    sector: Sector
    matrix: sp.csr_array
    operator: Operator
    density: DensityOfStates
    plan: Plan | None = None
    energies: np.ndarray = field(init=False)
    vectors: np.ndarray = field(init=False)
    residuals: np.ndarray = field(init=False)
    good: np.ndarray = field(init=False)
    remainder: float = 0.0
    weights: np.ndarray = field(init=False)
    products: int = 0

    def leftover(self, edges: tuple[float, float]) -> float:
        """Bound on |<m|test>| for any state |m> in the window that is not among the states found.

        What no Ritz vector explains, plus the Ritz vectors in the window that are not eigenvectors, plus the part of
        those outside that can lie in the window: |<m|u>| <= residual / distance.
        """
        if self.plan is None:
            return 0.0
        lo, hi = edges
        bad = ~self.good
        distance = np.maximum(np.maximum(lo - self.energies[bad], self.energies[bad] - hi), 1e-300)
        share = np.minimum(1.0, self.residuals[bad] / distance)
        return float(self.remainder + np.sum(share * np.abs(self.weights[bad])))

    def missed(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Probability that a state of the window is missing, 1 at most."""
        if self.plan is None:
            return 0.0
        amplitude = self.plan.amplitude(scale, edges)
        return 1.0 if amplitude <= 0 else min(1.0, float(np.sqrt(2 / np.pi)) * self.leftover(edges) / amplitude)


def solve_filter(problem: Problem, engine: Filter, comm: Comm = None, report: Report = silent) -> Eigenstates:
    """The states of a window of nearest states or of an interval, tested for completeness.

    With a communicator of several ranks each rank does the same work. Raises ImpossibleRequest for other windows, for
    complex models and where the basis does not fit into memory.
    """
    window, scale = problem.window, Scale.of(problem.extremes)
    if not isinstance(window, Nearest | Interval):
        raise ImpossibleRequest(
            f'engine "filter" takes nearest, density and interval windows, not "{window.kind}"; use "shift-invert" or "dense"'
        )
    if problem.h.is_complex:
        raise ImpossibleRequest('engine "filter" takes real models only; use engine = "dense"')
    if not sp.issparse(problem.h.matrix):  # a (a/sigma) D^3 of products would cost more than LAPACK
        return solve_dense(problem, Dense(), comm, report).with_evidence(engine="filter (LAPACK, the matrix is dense)")
    start = time.perf_counter()
    stream = np.random.default_rng([engine.seed, 0])
    parts = [_part(sector, problem, scale, engine.b, stream) for sector in problem.sectors]
    seconds = {"density": time.perf_counter() - start}
    wanted, b, surplus = 1.0, engine.b, 1.2
    for attempt in range(engine.attempts):
        core = _core(window, parts, scale, wanted, problem)
        for part in parts:
            _solve_part(
                part,
                problem,
                engine,
                core,
                b,
                surplus,
                scale,
                np.random.default_rng([engine.seed, 1 + attempt]),
                report,
                seconds,
            )
        settled = _edges(window, parts, core, problem)
        edges = core if settled is None else settled
        missed = min(1.0, sum(p.missed(scale, edges) for p in parts))
        if settled is not None and missed <= MISSED:
            break
        report("the states are not complete: searching again", 0, 1)
        if missed > MISSED:  # states are missing: a multiplicity above b, or too small a basis
            b, surplus = 2 * b, 1.15 * surplus
        else:  # the density of states promised more states than there are
            wanted *= 1.4
    blocks = [block for part in parts if (block := _block(part, edges)).energies.size]
    expected = [p.density.count(scale.angle(edges[1]), scale.angle(edges[0])) for p in parts]
    number, error = sum(n for n, _ in expected), np.sqrt(sum(e * e for _, e in expected))
    found = sum(block.energies.size for block in blocks)
    test = f"a fresh random vector filtered to the window lies in the states found: a state is missing with probability {missed:.0e}"
    if missed > MISSED:
        test = f"a fresh random vector filtered to the window does not lie in the states found (missing with probability {missed:.0e})"
    elif settled is None and isinstance(window, Nearest):
        test = f"fewer than {window.k} states lie where the density of states puts them"
    seconds["total"] = time.perf_counter() - start
    evidence = assess(
        "filter",
        blocks,
        problem.norm,
        edges=(edges,),
        counted=found if missed <= MISSED and settled is not None else None,
        reason=f"{test}; {number:.1f} +- {error:.1f} states expected from the density of states",
        iterations=sum(p.products for p in parts),
        seconds=seconds,
    )
    if missed > MISSED or settled is None:
        evidence = replace(evidence, complete="no")
    return Eigenstates(blocks=tuple(blocks), window=window, extremes=problem.extremes, evidence=evidence)


def _part(sector: Sector, problem: Problem, scale: Scale, b: int, stream: np.random.Generator) -> _Part:
    matrix = sector.restrict(problem.h.matrix)
    operator = _operator(sector, matrix, problem, scale, b)
    return _Part(sector, matrix, operator, DensityOfStates.sample(operator, stream))


def _operator(sector: Sector, matrix: sp.csr_array, problem: Problem, scale: Scale, b: int) -> Operator:
    columns = next(c for c in range(-(-b // cores()), 0, -1) if b % c == 0)  # with fewer cores than vectors: blocks
    if sector.isometry is None:
        return operator_of(problem.h, scale, columns)
    return MatrixOperator(matrix, scale, columns)


def _core(
    window: Nearest | Interval, parts: list[_Part], scale: Scale, wanted: float, problem: Problem
) -> tuple[float, float]:
    """Energies between which the filter is 1: the interval, or where the density of states puts the k nearest."""
    lo, hi = (
        (window.target, window.target)
        if isinstance(window, Nearest)
        else (window.lower - problem.tie, window.upper + problem.tie)
    )

    def expected(margin: float) -> float:
        return sum(p.density.count(scale.angle(hi + margin), scale.angle(lo - margin))[0] for p in parts)

    number = max(wanted * (window.k + 2), FEWEST) if isinstance(window, Nearest) else FEWEST
    least, most = 0.0, 2 * scale.halfwidth
    if expected(0.0) >= number:
        return lo, hi
    for _ in range(60):
        middle = (least + most) / 2
        least, most = (least, middle) if expected(middle) >= number else (middle, most)
    return lo - most, hi + most


def _plan(part: _Part, core: tuple[float, float], b: int, surplus: float, scale: Scale, memory: float) -> Plan | None:
    """The cheapest filter whose basis fits into ``memory`` bytes; None where LAPACK is cheaper."""
    last, first = scale.angle(core[0]), scale.angle(core[1])
    centre, delta = (first + last) / 2, (last - first) / 2
    inside = max(part.density.count(first, last)[0], 1.0)
    edge = float(np.clip(0.26 * np.sqrt(100 / inside), 0.06, 0.4))
    while True:
        reach = (1 + REACH * edge) * delta
        states, error = part.density.count(max(centre - reach, 0), min(centre + reach, np.pi))
        columns = surplus * states + np.sqrt(states) + 2 * error + 8
        plan = Plan(centre=centre, delta=delta, edge=edge, b=b, samples=int(np.ceil(columns / (2 * b))))
        if part.sector.dim <= TINY or plan.columns > part.sector.dim / 3:
            return None
        if plan.columns * part.sector.dim * 8 <= memory:
            return plan
        if edge <= 0.06:
            needed = gigabytes(plan.columns * part.sector.dim * 8)
            raise ImpossibleRequest(
                f"the filter's basis of {plan.columns:,} vectors needs {needed}. Narrow the window, or raise engine.memory."
            )
        edge = max(edge / 1.25, 0.06)


def _solve_part(
    part: _Part, problem: Problem, engine: Filter, core: tuple[float, float], b: int, surplus: float, scale: Scale,
    stream: np.random.Generator, report: Report, seconds: dict[str, float],
) -> None:  # fmt: skip
    """Ritz pairs of one sector around the window, and what they leave of the test's vector."""
    part.vectors = np.empty((part.sector.dim, 0))  # those of the last attempt make room
    available = 0.75 * memory_limit() if engine.memory is None else engine.memory * 2**30
    part.plan = plan = _plan(part, core, b, surplus, scale, available)
    if plan is None:
        dense_pairs(part, problem)
        return
    start = time.perf_counter()
    basis, test = _filtered(part, plan, stream, report)
    part.products += plan.products
    seconds["filter"] = seconds.get("filter", 0.0) + time.perf_counter() - start
    start = time.perf_counter()
    report("Rayleigh-Ritz", 0, 1)
    part.energies, part.vectors, part.residuals = rayleigh_ritz(basis, part.matrix)
    part.good = part.residuals <= RESIDUAL * problem.norm
    part.weights = part.vectors.T @ test
    part.remainder = float(np.linalg.norm(test - part.vectors @ part.weights))
    seconds["Rayleigh-Ritz"] = seconds.get("Rayleigh-Ritz", 0.0) + time.perf_counter() - start


def dense_pairs(part: _Part, problem: Problem) -> None:
    """Every state of a small sector, by LAPACK."""
    require_memory(
        required_memory(part.sector.dim), f"LAPACK on a sector of {part.sector.dim:,} states", "Narrow the window."
    )
    part.energies, part.vectors = scipy.linalg.eigh(
        part.matrix.toarray(order="F"), driver="evd", overwrite_a=True, check_finite=False
    )
    part.residuals = _residuals(part.matrix, part.energies, part.vectors)
    part.good = np.ones(part.energies.size, dtype=bool)


def _filtered(part: _Part, plan: Plan, stream: np.random.Generator, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """The basis (d, columns) of samples, in Fortran order, and the test's filtered vector (d,)."""
    operator = part.operator
    basis = np.empty((operator.dim, plan.columns), order="F")
    tests: list[np.ndarray] = []
    share = 2 * plan.samples * operator.columns
    chunk = 2 * max(1, int(1e8 / operator.work))
    chains = []
    for first in range(0, plan.columns, share):
        block = stream.standard_normal((operator.dim, operator.columns))
        steps = plan.coefficients.size + (plan.samples - 1) * plan.spacing
        chains.append((_samples(Recurrence(operator, block), plan, basis[:, first : first + share], chunk), steps))
    block = stream.standard_normal((operator.dim, operator.columns))
    chains.append((_test(Recurrence(operator, block), plan.check, tests, chunk), plan.check.size))
    _advance(chains, cores(), lambda done, total: report(f"filter, {part.sector}", done, total))
    return basis, tests[0]


def _samples(recurrence: Recurrence, plan: Plan, out: np.ndarray, chunk: int) -> Iterator[int]:
    """Filter, then fill the columns of ``out`` with samples; yields the steps made, after each chunk."""
    yield from _accumulate(recurrence, plan.coefficients, chunk)
    recurrence.restart()
    columns = recurrence.operator.columns
    for sample in range(plan.samples):
        place = 2 * sample * columns
        out[:, place : place + columns] = recurrence.operator.get(recurrence.low)
        out[:, place + columns : place + 2 * columns] = recurrence.operator.get(recurrence.high)
        left = plan.spacing if sample < plan.samples - 1 else 0
        while left:
            count = min(chunk, left)
            recurrence.advance(count)
            left -= count
            yield count


def _test(recurrence: Recurrence, coefficients: np.ndarray, out: list[np.ndarray], chunk: int) -> Iterator[int]:
    yield from _accumulate(recurrence, coefficients, chunk)
    out.append(np.array(recurrence.operator.get(recurrence.total)[:, 0]))


def _accumulate(recurrence: Recurrence, coefficients: np.ndarray, chunk: int) -> Iterator[int]:
    for first in range(0, coefficients.size, chunk):
        weights = coefficients[first : first + chunk]
        recurrence.advance(weights.size, weights)
        yield weights.size


def _advance(chains: list[tuple[Iterator[int], int]], threads: int, report: Callable[[float, float], None]) -> None:
    """Exhaust the chains on threads, always the ones with most steps left first."""
    left = {i: float(steps) for i, (_, steps) in enumerate(chains)}
    total, running = sum(left.values()), dict[Future, int]()
    with ThreadPoolExecutor(threads) as pool:
        while left:
            idle = sorted((i for i in left if i not in running.values()), key=left.__getitem__, reverse=True)
            for i in idle[: threads - len(running)]:
                running[pool.submit(next, chains[i][0], None)] = i
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                i, made = running.pop(future), future.result()
                if made is None:
                    del left[i]
                else:
                    left[i] -= made
            report(total - sum(left.values()), total)


def rayleigh_ritz(basis: np.ndarray, matrix: sp.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ritz values (r,), vectors (d, r) and residuals (r,) of the span of ``basis`` (d, m), which is overwritten.

    Orthogonalised by Householder QR, not through the Gram matrix: that squares the condition number, and the
    residuals stop at 1e-7.
    """
    q, r = scipy.linalg.qr(basis, mode="economic", overwrite_a=True, check_finite=False)
    u, singular, _ = scipy.linalg.svd(r, check_finite=False)
    vectors = _rotate(q, u[:, singular > RANK * singular[0]])
    projected = np.empty((vectors.shape[1],) * 2)
    for part in _slices(vectors.shape[1]):
        projected[:, part] = vectors.T @ (matrix @ vectors[:, part])
    energies, rotation = scipy.linalg.eigh((projected + projected.T) / 2, driver="evd", check_finite=False)
    vectors = _rotate(vectors, rotation)
    return energies, vectors, _residuals(matrix, energies, vectors)


def _slices(columns: int) -> list[slice]:
    return [slice(first, first + 32) for first in range(0, columns, 32)]


def _rotate(vectors: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """vectors @ rotation in the memory of ``vectors``, some thousand rows at a time."""
    for first in range(0, vectors.shape[0], 4096):
        rows = slice(first, first + 4096)
        vectors[rows, : rotation.shape[1]] = vectors[rows] @ rotation
    return vectors[:, : rotation.shape[1]]


def _residuals(matrix: sp.csr_array, energies: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """||H v - E v|| for each column."""
    norms = [
        np.linalg.norm(matrix @ vectors[:, p] - vectors[:, p] * energies[p], axis=0) for p in _slices(energies.size)
    ]
    return np.concatenate(norms) if norms else np.empty(0)


def _edges(
    window: Nearest | Interval, parts: list[_Part], core: tuple[float, float], problem: Problem
) -> tuple[float, float] | None:
    """The window's edges, or None when the filter does not reach far enough to tell."""
    if isinstance(window, Interval):
        return window.lower - problem.tie, window.upper + problem.tie
    pooled = np.concatenate([p.energies[p.good] for p in parts])
    everything = all(p.plan is None for p in parts)
    reach = np.inf if everything else 1.2 * (core[1] - window.target)
    answer = nearest_count(pooled, window.target, window.k, problem.tie, reach)
    return None if answer is None else (window.target - answer[1], window.target + answer[1])


def _block(part: _Part, edges: tuple[float, float]) -> Block:
    """The sector's states inside the window."""
    kept = part.good & (part.energies >= edges[0]) & (part.energies <= edges[1])
    return Block(
        sector=part.sector,
        energies=part.energies[kept],
        vectors=np.asfortranarray(part.vectors[:, kept]),
        residuals=part.residuals[kept],
        rows=(0, part.sector.dim),
    )
