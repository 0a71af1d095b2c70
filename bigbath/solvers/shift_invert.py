"""Shift-and-invert: SLEPc Krylov-Schur on an LDL^T factorisation, certified by inertia at the window's edges.

Each symmetry sector is a problem of its own; the window is a property of all of them together. Time and memory are
the factorisation's: about D^2 bytes for D states of spins on the L-cube.
"""

import time
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.errors import ImpossibleRequest, IncompleteWindow
from bigbath.kernels.lapack import eigh
from bigbath.operators import to_dense
from bigbath.progress import Report, silent
from bigbath.ranks import Comm, same
from bigbath.resources import memory_limit, require_memory
from bigbath.solvers import petsc
from bigbath.solvers.dense import Dense, required_memory, solve_dense
from bigbath.solvers.eigenstates import Block, Eigenstates, assess
from bigbath.solvers.forecast import Forecast, expected_states
from bigbath.solvers.problem import Problem
from bigbath.solvers.real_form import as_real, once, real_form, twice
from bigbath.solvers.window import (
    RESIDUAL,
    Interval,
    Levels,
    Whole,
    allowed_residual,
    around,
    merge_intervals,
    nearest_count,
)
from bigbath.spaces import Sector

#: Offsets from a shift that coincides with a level, in units of ||H||, or of 1000 widths of a narrow slice: a level at distance
#: x from the shift leaves states at distance d with residuals of about 1e-16 d^2 / x.
NUDGES = (0.0, 1e-7, -3e-7, 1e-6, 1e-4)

#: How far from levels they are counted, in units of ||H||: more than the rounding of each factorisation.
APART = {"mumps": 1e-11, "blocks": 1e-9}

#: How many times farther from an interval's ends levels are counted, where one lies exactly at the first such energy.
FARTHER = (1.0, 1.37, 1.73)

#: A level, or a search without end, that has more than this share of a sector's states goes to LAPACK.
SHARE = 0.2

#: Of a forecast: seconds before it solves; multiplications of a factorisation a second; bytes of the factor that
#: solutions read, and operations of the orthogonalisation, a second.
STARTUP, RATE, BANDWIDTH, FLOPS = 0.05, 4e9, 7e9, 1.4e10

#: An interval of energies.
Range = tuple[float, float]


@choice
class ShiftInvert:
    """SLEPc Krylov-Schur with shift-and-invert by an LDL^T factorisation (real PETSc).

    ``tol``: SLEPc's relative tolerance in the inverted spectrum. ``certify``: count the levels at the window's edges
    (two more factorisations); without it the result is "unverified". ``slice``: states solved for at a time in an
    interval. ``factor``: "mumps", "blocks" (dense blocks, half of MUMPS's memory for spins without conserved
    magnetisation, shared evenly by ranks), or "auto": the one that needs less memory. ``options``: raw ``-eps_* -st_*
    -mat_mumps_* -bv_* -ds_*`` options.

    >>> import bigbath as bb
    >>> bb.Spectrum(window=bb.Nearest(k=100), engine=bb.ShiftInvert()).engine.kind
    'shift-invert'
    """

    kind: Literal["shift-invert"] = "shift-invert"
    tol: Annotated[float, Field(gt=0, lt=1e-3)] = 2e-11
    certify: bool = True
    slice: Annotated[int, Field(ge=1)] = 200
    factor: Literal["auto", "mumps", "blocks"] = "auto"
    options: str = ""

    @model_validator(mode="after")
    def _options_are_of_the_factor(self) -> "ShiftInvert":
        if self.factor == "blocks" and "mat_mumps_" in self.options:
            raise ValueError('-mat_mumps_* options have no effect on factor = "blocks"; use factor = "mumps"')
        return self

    @property
    def chosen_factor(self) -> Literal["auto", "mumps", "blocks"]:
        """``factor``; "mumps" where options for MUMPS are given."""
        return "mumps" if "mat_mumps_" in self.options else self.factor

    def refuses(self, problem: Problem) -> str | None:
        """Without a real PETSc with SLEPc."""
        missing = petsc.available()
        return missing or None

    def forecast(self, problem: Problem) -> Forecast:
        """Time grows as D^3 and as the states wanted, times D^2; memory as D^2.

        How the factor fills is known for a real H on all configurations of spins, a cube. For other matrices a full factor is
        the bound: only an analysis of the matrix would tell, which ``bigbath estimate`` makes.
        """
        h, copies = problem.h, problem.copies
        whole = sum(s.dim for s in problem.sectors)
        states = expected_states(h, problem.window, whole)
        seconds, needed = STARTUP, 0
        for sector in problem.sectors:
            n = copies * sector.dim
            is_cube = bool(h.terms) and sector.is_everything and copies == 1
            multiplications, factor = (n**3 / 75, 2 * n * n) if is_cube else (n**3 / 6, 4 * n * n)
            solutions = 2.6 * copies * states * sector.dim / whole + 40
            seconds += (3 if self.certify else 1) * multiplications / RATE + solutions * 2 * factor / BANDWIDTH
            seconds += 4 * n * solutions**2 / FLOPS
            needed = max(needed, factor + int(8 * solutions * n))
        return Forecast(seconds=seconds, bytes=needed)

    def solve(self, problem: Problem, comm: Comm = None, report: Report = silent) -> Eigenstates:
        """See ``solve_shift_invert``."""
        return solve_shift_invert(problem, self, comm, report)


@dataclass(eq=False)
class _SectorProblem:
    """One sector on its communicator, and every state of it that has been found so far.

    ``problem``: what it is a part of. ``matrix``: of a complex Hamiltonian its real form, in which each level is there
    twice; so it is in ``energies`` and ``vectors``. ``exhausted``: every state of the sector has been found.
    """

    problem: Problem
    sector: Sector
    matrix: petsc.DistributedMatrix
    estimate: petsc.FactorEstimate
    tol: float
    report: Report
    energies: np.ndarray = field(default_factory=lambda: np.empty(0))
    vectors: np.ndarray = field(init=False)
    exhausted: bool = False
    iterations: int = 0
    factorisations: int = 0

    def __post_init__(self) -> None:
        self.inertia = petsc.Inertia(self.matrix)
        first, last = self.matrix.rows
        self.vectors = np.empty((last - first, 0), order="F")

    @property
    def dim(self) -> int:
        """Dimension of ``matrix``."""
        return self.problem.copies * self.sector.dim

    @property
    def apart(self) -> float:
        """How far from levels they are counted."""
        return APART[self.estimate.by] * self.problem.norm

    def search(self, sigma: float, nev: int, scale: float, *, fresh: bool) -> float:
        """Find ``nev`` states near ``sigma``; returns how far from it they reach (infinite: all there are).

        A shift that coincides with a level is moved a little, in units of ``scale``. ``fresh``: forget earlier states;
        otherwise look only for states orthogonal to them.
        """
        if self.exhausted:
            return np.inf
        known = None if fresh or self.energies.size == 0 else self.vectors
        for nudge in NUDGES:
            try:
                energies, vectors = self._pairs(sigma + nudge * scale, nev, known)
            except ImpossibleRequest:
                if nudge == NUDGES[-1]:
                    raise
                continue
            reach = float(np.abs(energies - sigma).max(initial=0.0))
            residuals = self.matrix.residuals(energies, vectors)
            if residuals.size and residuals.max() <= allowed_residual(self.problem.norm, ((-reach, reach),)):
                break
        if known is not None:
            energies = np.concatenate([self.energies, energies])
            vectors = np.hstack([self.vectors, vectors])
        order = np.argsort(energies, kind="stable")
        self.energies, self.vectors = energies[order], np.asfortranarray(vectors[:, order])
        self.exhausted = self.energies.size >= self.dim
        if self.exhausted:
            return np.inf
        return float(np.abs(self.energies - sigma).max(initial=0.0)) - 2 * abs(nudge) * scale

    def _pairs(self, shift: float, nev: int, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Pairs near a shift; energies are Rayleigh quotients where the inverted ones agree with them."""
        self.report(f"factorisation, {self.sector}", 0, 1)
        solver = petsc.KrylovSchur(self.matrix)
        energies, vectors = solver.run(shift, nev, self.tol, known=known, report=self.report)
        self.iterations += solver.iterations
        self.factorisations += solver.factorisations
        quotients = self.matrix.quotients(vectors)
        agree = np.abs(quotients - energies) <= RESIDUAL * self.problem.norm
        return np.where(agree, quotients, energies), vectors

    def lapack_fits(self) -> bool:
        """Whether there is memory to diagonalise the sector."""
        return required_memory(self.sector.dim, self.problem.h.dtype.itemsize) <= memory_limit()

    def diagonalise(self) -> None:
        """Every state of the sector, by LAPACK."""
        self.report(f"LAPACK, {self.sector}, {self.sector.dim:,} states", 0, 1)
        matrix = to_dense(self.problem.h.restricted(self.sector))
        self.energies, vectors = same(eigh(matrix), self.matrix.comm)
        if self.problem.copies == 2:
            self.energies, vectors = twice(self.energies, vectors)
        self.vectors = np.asfortranarray(vectors[slice(*self.matrix.rows)])
        self.exhausted = True

    def count(self, lo: float, hi: float) -> int:
        """Number of levels in (lo, hi), by inertia, or by having found all states."""
        if self.exhausted:
            return self.inside(lo, hi).size
        self.report(f"counting levels, {self.sector}", 0, 1)
        counted = self.inertia.below(hi) - self.inertia.below(lo)
        self.inertia.close()  # two factorisations at a time would double the memory
        return counted

    def inside(self, lo: float, hi: float) -> np.ndarray:
        """Which of the states found lie in [lo, hi]."""
        return np.flatnonzero((self.energies >= lo) & (self.energies <= hi))

    def keep(self, edges: tuple[Range, ...]) -> int:
        """Drop the states outside all of the intervals; returns how many."""
        picked = np.unique(np.concatenate([self.inside(lo, hi) for lo, hi in edges]))
        dropped = self.energies.size - picked.size
        self.energies, self.vectors = self.energies[picked], np.asfortranarray(self.vectors[:, picked])
        return dropped

    def block(self) -> Block:
        """The states, of a complex Hamiltonian complex ones."""
        energies, vectors, rows = self.energies, self.vectors, self.matrix.rows
        if self.problem.copies == 2:
            energies, vectors = once(energies, vectors, self.matrix.comm)
            residuals = self.matrix.residuals(energies, as_real(vectors))
            rows = (rows[0] // 2, rows[1] // 2)
        else:
            residuals = self.matrix.residuals(energies, vectors)
        return Block(sector=self.sector, energies=energies, kept=vectors, residuals=residuals, rows=rows)


def solve_shift_invert(
    problem: Problem, engine: ShiftInvert, comm: Comm = None, report: Report = silent
) -> Eigenstates:
    """The window's states, each sector by Krylov-Schur, counted near the window's edges.

    Raises MissingCapability without a real PETSc, ImpossibleRequest when a factorisation or the states do not fit
    into memory, JobError for a raw option that SLEPc does not read.
    """
    start = time.perf_counter()
    with petsc.options(engine.options):
        if problem.is_flat:
            states = solve_dense(problem, Dense(), comm, report)
            return states.with_evidence(engine="shift-invert (LAPACK, all levels are one)")
        parts = []
        for sector in problem.sectors:
            entries = problem.h.restricted(sector)
            entries = real_form(entries) if problem.copies == 2 else entries
            matrix, estimate = petsc.distribute(entries, comm, engine.chosen_factor, problem.copies)
            parts.append(_SectorProblem(problem, sector, matrix, estimate, engine.tol, report))
        largest = max(parts, key=lambda p: p.estimate.bytes_per_rank)
        petsc.require_factor_memory(largest.estimate, largest.dim, comm)
        edges, counted = _find(parts, problem, engine, report)
    blocks = [part.block() for part in parts if part.energies.size]
    where = f"{len(edges)} interval(s), {len(parts)} sector(s)"
    evidence = assess(
        "shift-invert",
        blocks,
        problem.norm,
        edges=edges,
        counted=counted,
        reason=f"inertia at the edges of {where} counts what was found"
        if engine.certify
        else "engine.certify = false: the levels were not counted",
        comm=comm,
        iterations=sum(p.iterations for p in parts),
        factorisations=sum(p.factorisations + p.inertia.factorisations for p in parts),
        seconds={"total": time.perf_counter() - start},
    )
    return Eigenstates(
        blocks=tuple(blocks), window=problem.window, extremes=problem.extremes, evidence=evidence, comm=comm
    )


def _find(
    parts: list[_SectorProblem], problem: Problem, engine: ShiftInvert, report: Report
) -> tuple[tuple[Range, ...], int | None]:
    """Fill the sectors with the window's states; the window's edges and how many levels they were counted to hold.

    Levels are counted in intervals a little wider than the window; what was found beside the window is then dropped.
    """
    window, apart, copies = problem.window, max(p.apart for p in parts), problem.copies
    counted: int | None
    if isinstance(window, Whole):
        edges: tuple[Range, ...] = (around(problem.extremes),)
        counted = sum([_slices(p, (edges[0],), engine, report) for p in parts])
        counted = sum(p.dim for p in parts)
    elif isinstance(window, Interval):
        edges = ((window.lower - problem.tie, window.upper + problem.tie),)
        wider = tuple((window.lower - times * apart, window.upper + times * apart) for times in FARTHER)
        counted = sum([_slices(p, wider, engine, report) for p in parts])
    else:
        targets = [(e, 1) for e in window.energies] if isinstance(window, Levels) else [(window.target, window.k)]
        targets = [(target, copies * k) for target, k in targets]
        found = [_nearest(parts, target, k, problem, engine, report) for target, k in targets]
        edges = merge_intervals([f.edges for f in found])
        wider = merge_intervals([f.wider for f in found])
        for number, part in enumerate(parts):
            _collect(part, [(f.wider, *f.states[number]) for f in found])
        counted = None
        if engine.certify and len(wider) == len(found):  # no two intervals overlap: their counts add up
            counted = sum(f.counted or 0 for f in found)
        elif engine.certify:
            counted = sum(part.count(lo, hi) for part in parts for lo, hi in wider)
    dropped = sum([p.keep(edges) for p in parts])
    return edges, (counted - dropped) // copies if engine.certify and counted is not None else None


@dataclass(frozen=True)
class _Found:
    """The states nearest a target: the window's ``edges``; those of the ``wider`` interval in which levels are ``counted``
    (None: they are not); and each sector's ``states`` there, energies and vectors."""

    edges: Range
    wider: Range
    counted: int | None
    states: list[tuple[np.ndarray, np.ndarray]]


def _nearest(
    parts: list[_SectorProblem], target: float, k: int, problem: Problem, engine: ShiftInvert, report: Report
) -> _Found:
    """The k states nearest ``target`` over all sectors."""
    dim, tie, apart = sum(p.dim for p in parts), problem.tie, max(p.apart for p in parts)
    wanted = [min(p.dim, int((1.0 if len(parts) == 1 else 1.2) * k * p.dim / dim) + 4) for p in parts]
    reach = [0.0] * len(parts)
    pending = set(range(len(parts)))
    for attempt in range(40):
        for i in sorted(pending):
            reach[i] = parts[i].search(target, wanted[i], problem.norm, fresh=True)
        pooled = np.concatenate([p.energies for p in parts])
        answer = nearest_count(pooled, target, k, tie, min(reach))
        outer = None if answer is None else nearest_count(pooled, target, answer[0], apart, min(reach))
        if answer is None or outer is None:  # the sectors that reach least far must look farther
            limit = min(reach)
            pending = {i for i in range(len(parts)) if reach[i] <= limit + tie}
            for i in pending:
                many = _crowd(parts[i], target, limit) if attempt and engine.certify else 0
                wanted[i] = min(parts[i].dim, max(2 * wanted[i], many + 4))
                _diagonalise_if_many(parts[i], wanted[i])
            continue
        lo, hi = target - outer[1], target + outer[1]
        if not engine.certify:
            counted = None
            break
        counts = [p.count(lo, hi) for p in parts]
        counted = sum(counts)
        missing = {i: n - p.inside(lo, hi).size for i, (p, n) in enumerate(zip(parts, counts, strict=True))}
        missing = {i: n for i, n in missing.items() if n > 0}
        if not missing:
            break
        report(f"{sum(missing.values())} more states counted than found, searching on", 0, 1)
        for i, n in missing.items():
            if _diagonalise_if_many(parts[i], n):
                reach[i] = np.inf
            else:
                parts[i].search(target, n + 4, problem.norm, fresh=False)
        pending = set()
    else:
        raise ImpossibleRequest(
            f'shift-invert cannot settle the window of {k} states at {target:g}; use engine = "dense"'
        )
    states = []
    for p in parts:
        picked = p.inside(lo, hi)
        states.append((p.energies[picked], np.asfortranarray(p.vectors[:, picked])))
    return _Found((target - answer[1], target + answer[1]), (lo, hi), counted, states)


def _crowd(part: _SectorProblem, target: float, reach: float) -> int:
    """How many levels of a sector lie as near the target as states have been found: one level may be all of them."""
    radius = reach + 2 * part.apart
    try:
        return part.count(target - radius, target + radius)
    except (IncompleteWindow, ImpossibleRequest):
        return 0


def _diagonalise_if_many(part: _SectorProblem, states: int) -> bool:
    """Have LAPACK find every state where so many are sought that it is faster; whether it did."""
    if part.exhausted or states <= SHARE * part.dim or not part.lapack_fits():
        return False
    part.diagonalise()
    return True


def _collect(part: _SectorProblem, pieces: list[tuple[Range, np.ndarray, np.ndarray]]) -> None:
    """Join one sector's states from several intervals, those where intervals overlap once."""
    energies, vectors, before = [], [], list[Range]()
    for interval, e, v in pieces:
        new = np.ones(e.size, dtype=bool)
        for lo, hi in before:
            new &= (e < lo) | (e > hi)
        energies.append(e[new])
        vectors.append(v[:, new])
        before.append(interval)
    part.energies = np.concatenate(energies)
    order = np.argsort(part.energies, kind="stable")
    part.energies, part.vectors = part.energies[order], np.asfortranarray(np.hstack(vectors)[:, order])


def _below(part: _SectorProblem, ranges: tuple[Range, ...]) -> tuple[Range, dict[float, int]]:
    """The first of several intervals at whose ends no level lies, and how many levels lie below each end."""
    for lo, hi in ranges:
        try:
            return (lo, hi), {x: part.inertia.below(x) for x in (lo, hi)}
        except (IncompleteWindow, ImpossibleRequest):
            if (lo, hi) == ranges[-1]:
                raise
    raise AssertionError("there is no interval")


def _slices(part: _SectorProblem, ranges: tuple[Range, ...], engine: ShiftInvert, report: Report) -> int:
    """Every state of one sector in the first interval that can be counted, slice by slice; returns their number by inertia."""
    (lo, hi), below = _below(part, ranges)
    expected = below[hi] - below[lo]
    first, last = part.matrix.rows
    require_memory(
        3 * expected * (last - first) * 8,
        f"the {expected:,} states of the interval [{lo:g}, {hi:g}] ({part.sector})",
        "Narrow the interval, or take the spectrum in several jobs.",
    )
    cuts = [lo, hi]
    while True:  # bisect by inertia until no slice holds more than engine.slice states
        wide = [i for i in range(len(cuts) - 1) if below[cuts[i + 1]] - below[cuts[i]] > engine.slice]
        wide = [i for i in wide if cuts[i + 1] - cuts[i] > 100 * part.apart]
        if not wide:
            break
        for i in reversed(wide):
            middle = cuts[i] + 0.5078125 * (cuts[i + 1] - cuts[i])
            below[middle] = part.inertia.below(middle)
            cuts.insert(i + 1, middle)
    part.inertia.close()
    slices = [(a, b, below[b] - below[a]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    most = max(n for *_, n in slices)
    if most > engine.slice and _diagonalise_if_many(part, most):  # a level that cannot be cut
        part.keep(((lo, hi),))
        return expected
    pieces = []
    for a, b, n in slices:
        report(f"slice [{a:.4g}, {b:.4g}] of {part.sector}", below[a] - below[lo], max(expected, 1))
        if n == 0:
            continue
        part.exhausted = False
        scale = min(part.problem.norm, 1e3 * (b - a))
        part.search((a + b) / 2, n + max(2, n // 20), scale, fresh=True)
        for _ in range(5):
            missing = n - part.inside(a, b).size
            if missing <= 0:
                break
            part.search((a + b) / 2, missing + 4, scale, fresh=False)
        picked = part.inside(a, b)
        pieces.append((part.energies[picked], part.vectors[:, picked]))
    part.energies = np.concatenate([e for e, _ in pieces]) if pieces else np.empty(0)
    part.vectors = (
        np.asfortranarray(np.hstack([v for _, v in pieces])) if pieces else np.empty((last - first, 0), order="F")
    )
    return expected
