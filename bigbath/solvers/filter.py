"""Matrix-free Chebyshev filter diagonalisation: filter once, then sample.

A few random vectors are filtered by a box in theta = arccos(x) with soft edges. From each the plain Chebyshev recurrence
goes on, and T_n, T_{n+1} are kept, about as many as there are states in the filtered band, until more of them bring nothing
new: then they span every state in it; SVD and Rayleigh-Ritz give the states. Of levels that crowd, what rounding spoils is
filtered again, or they get more samples or vectors. Relatives: Mandelshtam & Taylor, J. Chem. Phys. 106, 5085 (1997); DACP,
arXiv 2011.02107; Pieper et al., arXiv 1510.04895. Memory is the basis (1.2 to 4.4 k vectors), time 1 to 2 (a / sigma) D
matrix-vector products, a the half-width and sigma the standard deviation of the spectrum.

Completeness is tested by a vector that took no part: a fresh random vector filtered to the window must lie in the
states found. A missing state |m> would leave f(E_m) <m|r>, <m|r> standard normal, so that what is left over bounds the
probability that one was missed, degenerate or not.
"""

import itertools
import time
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bigbath.chebyshev import DensityOfStates
from bigbath.choice import choice
from bigbath.errors import ImpossibleRequest
from bigbath.kernels.lapack import eigh
from bigbath.operators import Scale, operator_of, to_dense
from bigbath.progress import Report, silent
from bigbath.ranks import Comm, share
from bigbath.resources import cores, memory_limit, require_memory
from bigbath.solvers.dense import Dense, required_memory, solve_dense
from bigbath.solvers.eigenstates import Block, Eigenstates, assess
from bigbath.solvers.filter_forecast import BASIS, FEWEST, STARTUP, filter_forecast, filter_seconds
from bigbath.solvers.filter_part import FilterPart
from bigbath.solvers.forecast import Forecast, lapack_seconds
from bigbath.solvers.planning import cheapest_plan
from bigbath.solvers.problem import Problem
from bigbath.solvers.sampling import Plan
from bigbath.solvers.slices import in_slices, joined
from bigbath.solvers.subspace import residual_norms
from bigbath.solvers.window import Interval, Nearest, nearest_count

#: Largest probability of a missing state that is called complete.
MISSED = 1e-4

#: Part of BASIS, and of the memory, that is planned for: a slice begins some levels (``slices.GAPS``) lower than planned.
ROOM = 0.75

#: How often a solve goes on for levels that are crowded.
MORE = 6

#: By how many standard errors of the density of states, and of the number of independent levels, a window in slices is wider
#: than expected: one that turns out too narrow is solved again.
MARGIN, SCATTER = 3, 2


@choice
class Filter:
    """Chebyshev filter diagonalisation, matrix-free for spin models, for windows inside the spectrum.

    ``b``: random vectors; a level of higher multiplicity cannot be resolved (then as many are added). ``seed``: of the random
    vectors. ``memory``: most GiB for the basis (None: what is free). Where only energies are wanted, a window whose basis would
    be larger than that, or than 512 vectors, is solved in slices.
    ``attempts``: how often the solve is repeated, wider or with more vectors, before it is given up as incomplete.
    ``checkpoint``: a directory for the state of a solve, every two minutes; a repeated solve goes on there. One process only.

    >>> import bigbath as bb
    >>> bb.Spectrum(window=bb.Nearest(k=100), engine=bb.Filter(b=4)).engine.b
    4
    """

    kind: Literal["filter"] = "filter"
    b: Annotated[int, Field(ge=1, le=64)] = 2
    seed: Annotated[int, Field(ge=0)] = 0
    memory: Annotated[float, Field(gt=0)] | None = None
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    checkpoint: str | None = None

    def refuses(self, problem: Problem) -> str | None:
        """Windows that are neither nearest states nor an interval."""
        if isinstance(problem.window, Nearest | Interval):
            return None
        return f'engine "filter" takes nearest, density and interval windows, not "{problem.window.kind}"'

    def forecast(self, problem: Problem) -> Forecast:
        """Time grows as (a / sigma) D products, and as the square of the states wanted; memory as their number, times D.

        LAPACK takes sectors of which too many states are wanted, those of few states, and dense matrices.
        """
        return filter_forecast(problem, self.memory)

    def solve(self, problem: Problem, comm: Comm = None, report: Report = silent) -> Eigenstates:
        """See ``solve_filter``."""
        return solve_filter(problem, self, comm, report)


def solve_filter(problem: Problem, engine: Filter, comm: Comm = None, report: Report = silent) -> Eigenstates:
    """The states of a window of nearest states or of an interval, tested for completeness.

    With a communicator the vectors' rows are shared out where the operator can: all configurations over 2^r ranks, a magnetisation
    over any number. Elsewhere every rank repeats the work. Raises ImpossibleRequest for other windows, and where the basis does not fit into memory.
    """
    comm = None if comm is None or comm.size == 1 else comm
    window = problem.window
    if not isinstance(window, Nearest | Interval):
        raise ImpossibleRequest(f'{engine.refuses(problem)}; use "shift-invert" or "dense"')
    if not problem.h.is_sparse:  # a (a/sigma) D^3 of products would cost more than LAPACK
        return solve_dense(problem, Dense(), comm, report).with_evidence(engine="filter (LAPACK, the matrix is dense)")
    if problem.is_flat:
        return solve_dense(problem, Dense(), comm, report).with_evidence(engine="filter (LAPACK, all levels are one)")
    if comm is not None and engine.checkpoint:
        raise ImpossibleRequest("engine.checkpoint works on one process only; remove it, or run without mpirun")
    if problem.vectors:
        return _search(problem, engine, comm, report, MISSED)
    return _energies(problem, engine, comm, report)


def _search(problem: Problem, engine: Filter, comm: Comm, report: Report, least: float) -> Eigenstates:
    """The states of one window; it is complete if a state is missing with a probability of at most ``least``."""
    window, scale = problem.window, Scale.of(problem.extremes)
    assert isinstance(window, Nearest | Interval)
    start = time.perf_counter()
    parts = _parts(problem, engine, comm)
    seconds = {"density": time.perf_counter() - start}
    wanted, b, surplus, begin = 1.0, engine.b, 1.0, True
    for attempt in range(engine.attempts):
        core = _core(window, parts, scale, wanted, problem)
        for number, part in enumerate(parts):
            key = (engine.seed, 1 + attempt, number)
            if begin:
                _begin(part, problem, engine, core, b, surplus, scale, key)
            elif part.missed(scale, core) > least / len(parts):
                part.add(part.vectors)
            else:
                continue
            _solve_part(part, problem, engine, core, report, seconds)
        for _ in range(MORE):
            likely = _edges(window, [p.energies[p.levels] for p in parts], parts, core, problem) or core
            crowded = [p for p in parts if p.crowded(scale, likely, least / len(parts))]
            for part in crowded:
                spoiled = part.spoiled(scale, likely, least / len(parts))
                _solve_part(part, problem, engine, core, report, seconds, spoiled)
            if not crowded:
                break
        settled = _edges(window, [p.energies[p.good] for p in parts], parts, core, problem)
        edges = core if settled is None else settled
        missed = min(1.0, sum(p.missed(scale, edges) for p in parts))
        if settled is not None and missed <= least:
            break
        report("the states are not complete: searching again", 0, 1)
        if sum(p.missed(scale, core) for p in parts) > least:  # a multiplicity above b, or too small a basis
            if _multiplicity(parts, core, scale) > 2 ** (engine.attempts - 1 - attempt):
                break
            b, begin = 2 * b, not all(p.plan is None or p.has_room(p.vectors) for p in parts)
            surplus *= 1.15 if begin else 1.0
        else:  # the density of states promised more states than there are
            wanted, begin = 1.2 * wanted, True
    blocks = [block for part in parts if (block := _block(part, edges, comm)).energies.size]
    foreseen, error = _expected(parts, edges, scale)
    found = sum(block.energies.size for block in blocks)
    test = f"a fresh random vector filtered to the window lies in the states found: a state is missing with probability {missed:.0e}"
    if missed > least:
        test = f"a fresh random vector filtered to the window does not lie in the states found (missing with probability {missed:.0e})"
    elif settled is None and isinstance(window, Nearest):
        test = f"fewer than {window.k} states lie where the density of states puts them"
    if missed > least or settled is None:
        test += f'; levels may be degenerate more than {b} times: use engine = "shift-invert" or "dense"'
    seconds["total"] = time.perf_counter() - start
    evidence = assess(
        "filter",
        blocks,
        problem.norm,
        edges=(edges,),
        counted=found if missed <= least and settled is not None else None,
        reason=f"{test}; {foreseen:.1f} +- {error:.1f} states expected from the density of states",
        comm=comm,
        iterations=sum(p.products for p in parts),
        seconds=seconds,
    )
    if missed > least or settled is None:
        evidence = replace(evidence, complete="no")
    return Eigenstates(blocks=tuple(blocks), window=window, extremes=problem.extremes, evidence=evidence, comm=comm)


def _energies(problem: Problem, engine: Filter, comm: Comm, report: Report) -> Eigenstates:
    """The energies of a window alone, in slices whose bases have at most BASIS vectors."""
    window, wanted = problem.window, 1.0
    assert isinstance(window, Nearest | Interval)
    for _ in range(engine.attempts):
        cuts = _cuts(problem, engine, comm, wanted)
        if len(cuts) == 2:
            break
        least = MISSED / (len(cuts) - 1)

        def solved(part: Interval, least: float = least) -> Eigenstates:
            return _search(replace(problem, window=part), engine, comm, report, least)

        slices = in_slices(cuts, solved)
        if isinstance(window, Interval):
            return joined(slices, window.lower - problem.tie, window.upper + problem.tie)
        found = joined(slices, cuts[0], cuts[-1])
        reach = min(window.target - cuts[0], cuts[-1] - window.target)
        answer = nearest_count(found.energies, window.target, window.k, problem.tie, reach)
        if found.evidence.complete != "yes":
            return found
        if answer is not None:
            return joined(slices, window.target - answer[1], window.target + answer[1])
        wanted *= 1.2
    return _search(problem, engine, comm, report, MISSED)


def _cuts(problem: Problem, engine: Filter, comm: Comm, wanted: float) -> tuple[float, ...]:
    """Energies that cut the window into slices of about as many levels; of those whose bases are small enough the cheapest."""
    window, scale, parts = problem.window, Scale.of(problem.extremes), _parts(problem, engine, comm)
    assert isinstance(window, Nearest | Interval)
    memory = _memory(engine, comm)
    lo, hi = whole = _core(window, parts, scale, wanted, problem)
    if isinstance(window, Interval):
        lo, hi = window.lower, window.upper
    else:
        states, error = _expected(parts, whole, scale)
        wider = 1 + (MARGIN * error + SCATTER * np.sqrt(states)) / states
        lo, hi = _core(window, parts, scale, wanted * wider, problem)
    grid = np.linspace(lo, hi, 257)
    below = np.maximum.accumulate([_expected(parts, (lo, energy), scale)[0] for energy in grid])
    best, least = whole, np.inf
    for number in range(1, 2 + int(below[-1] / FEWEST)):
        cuts = whole if number == 1 else tuple(np.interp(np.linspace(0, below[-1], number + 1), below, grid).tolist())
        seconds = _seconds(parts, cuts, engine.b, scale, memory)
        if seconds > least:
            break
        if seconds < least:
            best, least = cuts, seconds
    return best


def _seconds(parts: list[FilterPart], cuts: tuple[float, ...], b: int, scale: Scale, memory: float) -> float:
    """About how long slices take; infinite where a basis would be larger than BASIS or than the memory."""
    seconds = 0.0
    for part, ends in itertools.product(parts, itertools.pairwise(cuts)):
        try:
            plan = _plan(part, ends, b, 1.0, scale, ROOM * memory, ROOM * BASIS)
        except ImpossibleRequest:
            return np.inf
        if plan is not None:
            seconds += plan.seconds(part.operator) if plan.columns <= ROOM * BASIS else np.inf
    return seconds


def _expected(parts: list[FilterPart], edges: tuple[float, float], scale: Scale) -> tuple[float, float]:
    """How many states the density of states puts between two energies, and its standard error."""
    counts = [p.density.count(scale.angle(edges[1]), scale.angle(edges[0])) for p in parts]
    return float(sum(n for n, _ in counts)), float(np.hypot.reduce([error for _, error in counts]))


def _multiplicity(parts: list[FilterPart], edges: tuple[float, float], scale: Scale) -> float:
    """How many times more states there should be between two energies than were found, at least."""
    expected, error = _expected(parts, edges, scale)
    found = sum(int(np.sum(p.good & (p.energies >= edges[0]) & (p.energies <= edges[1]))) for p in parts)
    return (expected - 4 * error) / max(found, 1)


def sampled_forecast(problem: Problem, engine: Filter) -> Forecast:
    """What a solve will take, from the density of states that it samples."""
    if not (isinstance(problem.window, Nearest | Interval) and problem.h.is_sparse):
        largest = max(s.dim for s in problem.sectors)
        return Forecast(
            seconds=lapack_seconds(largest, is_complex=problem.h.is_complex), bytes=required_memory(largest)
        )
    scale, parts = Scale.of(problem.extremes), _parts(problem, engine, None)
    cuts: tuple[float, ...] = _core(problem.window, parts, scale, 1.0, problem)
    if not problem.vectors:
        cuts = _cuts(problem, engine, None, 1.0)
    memory, most = _memory(engine, None), np.inf if problem.vectors else BASIS
    seconds, needed, products = 0.0, 0, 0
    for part, ends in itertools.product(parts, itertools.pairwise(cuts)):
        plan, d = _plan(part, ends, engine.b, 1.0, scale, memory, most), part.sector.dim
        if plan is None:
            seconds += lapack_seconds(d, is_complex=problem.h.is_complex)
            needed = max(needed, required_memory(d))
            continue
        seconds += float(filter_seconds(problem, part.sector, np.array(plan.products), np.array(plan.columns)))
        needed, products = max(needed, problem.h.dtype.itemsize * d * plan.columns), products + plan.products
    return Forecast(seconds=seconds + STARTUP * len(parts), bytes=needed, products=products)


def _parts(problem: Problem, engine: Filter, comm: Comm) -> list[FilterPart]:
    """The sectors with their operators and densities of states, which are made for the first window of the problem."""
    return [_part(number, problem, engine, comm) for number in range(len(problem.sectors))]


def _part(number: int, problem: Problem, engine: Filter, comm: Comm) -> FilterPart:
    sector, b = problem.sectors[number], engine.b
    columns = next(c for c in range(-(-b // cores()), 0, -1) if b % c == 0)  # with fewer cores than vectors: blocks
    key = ("filter", number, engine.seed, columns)
    if key not in problem.found:
        operator = operator_of(problem.h, sector, Scale.of(problem.extremes), columns, comm)
        problem.found[key] = operator, DensityOfStates.sample(operator, (engine.seed, 0, number))
    return FilterPart(sector, *problem.found[key])


def _core(
    window: Nearest | Interval, parts: list[FilterPart], scale: Scale, wanted: float, problem: Problem
) -> tuple[float, float]:
    """Energies between which the filter is 1/2 or more: the interval, or where the density of states puts the k nearest."""
    lo, hi = (
        (window.target, window.target)
        if isinstance(window, Nearest)
        else (window.lower - problem.tie, window.upper + problem.tie)
    )

    def expected(margin: float) -> float:
        """Less the standard error: the window's edges should lie inside."""
        number, error = _expected(parts, (lo - margin, hi + margin), scale)
        return number - error

    number = max(wanted * (window.k + 2), FEWEST) if isinstance(window, Nearest) else FEWEST
    least, most = 0.0, 2 * scale.halfwidth
    if expected(0.0) >= number:
        return lo, hi
    for _ in range(60):
        middle = (least + most) / 2
        least, most = (least, middle) if expected(middle) >= number else (middle, most)
    return lo - most, hi + most


def _plan(
    part: FilterPart,
    core: tuple[float, float],
    b: int,
    surplus: float,
    scale: Scale,
    memory: float,
    most: float = np.inf,
) -> Plan | None:
    return cheapest_plan(part.operator, part.density, core, scale, b=b, surplus=surplus, memory=memory, most=most)


def _memory(engine: Filter, comm: Comm) -> float:
    """Bytes that a basis may take, the same on all ranks: then they have the same plan."""
    memory = 0.75 * memory_limit() if engine.memory is None else engine.memory * 2**30
    return memory if comm is None else min(comm.allgather(memory))


def _begin(
    part: FilterPart, problem: Problem, engine: Filter, core: tuple[float, float], b: int, surplus: float, scale: Scale,
    key: tuple[int, ...],
) -> None:  # fmt: skip
    """A plan for one sector, and memory and random vectors for it."""
    part.forget()  # the basis of the last attempt makes room
    most = np.inf if problem.vectors else BASIS
    plan = _plan(part, core, b, surplus, scale, _memory(engine, part.operator.comm), most)
    if plan is not None:
        part.begin(plan, key)


def _solve_part(
    part: FilterPart, problem: Problem, engine: Filter, core: tuple[float, float], report: Report, seconds: dict[str, float],
    spoiled: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Ritz pairs of one sector around the window, and what they leave of the test's vector; ``spoiled``: by crowded levels, to go on."""
    if part.plan is None:
        dense_pairs(part, problem)
        return

    def steps(done: float, of: float) -> None:
        report(f"filter, {part.sector}", done, of)

    start, first = time.perf_counter(), 0
    if spoiled is None:
        part.sample(engine.checkpoint, steps)
    else:
        first = part.go_on(Scale.of(problem.extremes), problem.norm, core, spoiled, steps)
    seconds["filter"] = seconds.get("filter", 0.0) + time.perf_counter() - start
    start = time.perf_counter()
    report("Rayleigh-Ritz", 0, 1)
    part.ritz(problem.norm, core, first)
    seconds["Rayleigh-Ritz"] = seconds.get("Rayleigh-Ritz", 0.0) + time.perf_counter() - start


def dense_pairs(part: FilterPart, problem: Problem) -> None:
    """Every state of a small sector, by LAPACK."""
    require_memory(
        required_memory(part.sector.dim), f"LAPACK on a sector of {part.sector.dim:,} states", "Narrow the window."
    )
    matrix = problem.h.restricted(part.sector)
    energies, vectors = eigh(to_dense(matrix))
    part.set_all(energies, vectors, residual_norms(lambda x: matrix @ x, energies, vectors))


def _edges(
    window: Nearest | Interval, energies: list[np.ndarray], parts: list[FilterPart], core: tuple[float, float], problem: Problem
) -> tuple[float, float] | None:  # fmt: skip
    """The window's edges for these levels of all parts, or None when the filter does not reach far enough to tell."""
    if isinstance(window, Interval):
        return window.lower - problem.tie, window.upper + problem.tie
    reach = min((p.plan.tested for p in parts if p.plan is not None), default=np.inf) * (core[1] - window.target)
    answer = nearest_count(np.concatenate(energies), window.target, window.k, problem.tie, reach)
    return None if answer is None else (window.target - answer[1], window.target + answer[1])


def _block(part: FilterPart, edges: tuple[float, float], comm: Comm) -> Block:
    """The sector's states inside the window, moved to the front of the basis, and the rest of its memory freed."""
    kept = np.flatnonzero(part.good & (part.energies >= edges[0]) & (part.energies <= edges[1]))
    rows = part.operator.rows
    if part.operator.comm is None and comm is not None:  # every rank did the same work
        rows = share(part.sector.dim, comm)
    return Block(
        sector=part.sector,
        energies=part.energies[kept],
        kept=part.basis.keep(kept, rows),
        residuals=part.residuals[kept],
        rows=rows,
    )
