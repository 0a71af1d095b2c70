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
from bigbath.errors import ImpossibleRequest
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.resources import require_memory
from bigbath.solvers import petsc
from bigbath.solvers.eigenstates import RESIDUAL, Block, Eigenstates, assess
from bigbath.solvers.problem import Problem
from bigbath.solvers.window import Interval, Levels, Whole, merge_intervals, nearest_count
from bigbath.spaces import Sector

#: Offsets from a target that coincides with a level, in units of ||H||: a level at distance x from the shift leaves
#: states at distance d with residuals of about 1e-16 d^2 / x.
NUDGES = (0.0, 1e-7, -3e-7, 1e-6, 1e-4)


@choice
class ShiftInvert:
    """SLEPc Krylov-Schur with shift-and-invert by an LDL^T factorisation (real PETSc).

    ``tol``: SLEPc's relative tolerance in the inverted spectrum. ``certify``: count the levels at the window's edges
    (two more factorisations); without it the result is "unverified". ``slice``: states solved for at a time in an
    interval. ``factor``: "mumps", "blocks" (dense blocks, half of MUMPS's memory for spins without conserved
    magnetisation, shared evenly by ranks), or "auto": the one that needs less memory. ``options``: raw ``-eps_* -st_*
    -mat_mumps_* -bv_* -ds_*`` options.
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


@dataclass(eq=False)
class _SectorProblem:
    """One sector on its communicator, and every state of it that has been found so far."""

    sector: Sector
    matrix: petsc.DistributedMatrix
    estimate: petsc.FactorEstimate
    tol: float
    report: Report
    energies: np.ndarray = field(default_factory=lambda: np.empty(0))
    vectors: np.ndarray = field(init=False)
    iterations: int = 0
    factorisations: int = 0

    def __post_init__(self) -> None:
        self.inertia = petsc.Inertia(self.matrix)
        first, last = self.matrix.rows
        self.vectors = np.empty((last - first, 0), order="F")

    @property
    def exhausted(self) -> bool:
        return self.energies.size >= self.sector.dim

    def search(self, sigma: float, nev: int, *, fresh: bool) -> float:
        """Find ``nev`` states near ``sigma``; returns how far from it they reach (infinite: all there are).

        ``fresh``: forget earlier states; otherwise look only for states orthogonal to them.
        """
        known = None if fresh or self.energies.size == 0 else self.vectors
        self.report(f"factorisation, {self.sector}", 0, 1)
        solver = petsc.KrylovSchur(self.matrix)
        energies, vectors = solver.run(sigma, nev, self.tol, known=known, report=self.report)
        self.iterations += solver.iterations
        self.factorisations += solver.factorisations
        if known is not None:
            energies = np.concatenate([self.energies, energies])
            vectors = np.hstack([self.vectors, vectors])
        order = np.argsort(energies, kind="stable")
        self.energies, self.vectors = energies[order], np.asfortranarray(vectors[:, order])
        if self.exhausted:
            return np.inf
        return float(np.abs(self.energies - sigma).max()) if self.energies.size else 0.0

    def count(self, lo: float, hi: float) -> int:
        """Number of levels in (lo, hi), by inertia."""
        self.report(f"counting levels, {self.sector}", 0, 1)
        counted = self.inertia.below(hi) - self.inertia.below(lo)
        self.inertia.close()  # two factorisations at a time would double the memory
        return counted

    def inside(self, lo: float, hi: float) -> np.ndarray:
        """Which of the states found lie in [lo, hi]."""
        return np.flatnonzero((self.energies >= lo) & (self.energies <= hi))

    def keep(self, edges: tuple[tuple[float, float], ...]) -> None:
        """Drop the states outside all of the intervals."""
        picked = np.unique(np.concatenate([self.inside(lo, hi) for lo, hi in edges]))
        self.energies, self.vectors = self.energies[picked], np.asfortranarray(self.vectors[:, picked])

    def block(self) -> Block:
        residuals = self.matrix.residuals(self.energies, self.vectors)
        return Block(
            sector=self.sector, energies=self.energies, vectors=self.vectors, residuals=residuals, rows=self.matrix.rows
        )


def solve_shift_invert(
    problem: Problem, engine: ShiftInvert, comm: Comm = None, report: Report = silent
) -> Eigenstates:
    """The window's states, each sector by Krylov-Schur, counted at the window's edges.

    Raises MissingCapability without a real PETSc, ImpossibleRequest when a factorisation or the states do not fit
    into memory, JobError for a raw option that SLEPc does not read.
    """
    start = time.perf_counter()
    with petsc.options(engine.options):
        parts = []
        for sector in problem.sectors:
            matrix, estimate = petsc.distribute(problem.h.restricted(sector), comm, engine.chosen_factor)
            parts.append(_SectorProblem(sector, matrix, estimate, engine.tol, report))
        largest = max(parts, key=lambda p: p.estimate.bytes_per_rank)
        petsc.require_factor_memory(largest.estimate, largest.sector.dim, comm)
        edges, counted = _find(parts, problem, engine, report)
    for part in parts:
        part.keep(edges)
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
) -> tuple[tuple[tuple[float, float], ...], int | None]:
    """Fill the sectors with the window's states; the window's edges and how many levels they were counted to hold."""
    window, tie = problem.window, problem.tie
    if isinstance(window, Interval | Whole):
        lo, hi = _interval(window, problem)
        counted = sum([_slices(p, lo, hi, engine, report, tie) for p in parts])
        if not engine.certify:
            return ((lo, hi),), None
        return ((lo, hi),), sum(p.sector.dim for p in parts) if isinstance(window, Whole) else counted
    targets = [(e, 1) for e in window.energies] if isinstance(window, Levels) else [(window.target, window.k)]
    found = [_nearest(parts, target, k, problem, engine, report) for target, k in targets]
    edges = merge_intervals([interval for interval, _, _ in found])
    for part, pieces in zip(parts, zip(*(states for _, _, states in found), strict=True), strict=True):
        _collect(part, list(pieces), edges, tie)
    if not engine.certify:
        return edges, None
    if len(edges) == len(found):  # no two intervals overlap: their counts add up
        return edges, sum(count or 0 for _, count, _ in found)
    return edges, sum(part.count(lo, hi) for part in parts for lo, hi in edges)


def _interval(window: Interval | Whole, problem: Problem) -> tuple[float, float]:
    if isinstance(window, Interval):
        return window.lower - problem.tie, window.upper + problem.tie
    return problem.extremes[0] - 1e-3 * problem.norm, problem.extremes[1] + 1e-3 * problem.norm


def _nearest(
    parts: list[_SectorProblem], target: float, k: int, problem: Problem, engine: ShiftInvert, report: Report
) -> tuple[tuple[float, float], int | None, list[tuple[np.ndarray, np.ndarray]]]:
    """The k states nearest ``target`` over all sectors: their interval, the count, and each sector's states."""
    dim, tie = sum(p.sector.dim for p in parts), problem.tie
    wanted = [min(p.sector.dim, int((1.0 if len(parts) == 1 else 1.2) * k * p.sector.dim / dim) + 4) for p in parts]
    reach = [0.0] * len(parts)
    pending = set(range(len(parts)))
    for _ in range(40):
        for i in sorted(pending):
            reach[i] = _search_nudged(parts[i], target, wanted[i], problem)
        pooled = np.concatenate([p.energies for p in parts])
        answer = nearest_count(pooled, target, k, tie, min(reach))
        if answer is None:  # the sectors that reach least far must look farther
            limit = min(reach)
            pending = {i for i in range(len(parts)) if reach[i] <= limit + tie}
            for i in pending:
                wanted[i] = min(parts[i].sector.dim, 2 * wanted[i])
            continue
        lo, hi = target - answer[1], target + answer[1]
        if not engine.certify:
            counted = None
            break
        missing = {}
        counts = [p.count(lo, hi) for p in parts]
        for i, (p, n) in enumerate(zip(parts, counts, strict=True)):
            if n > p.inside(lo, hi).size:
                missing[i] = n - p.inside(lo, hi).size
        counted = sum(counts)
        if not missing:
            break
        report(f"{sum(missing.values())} more states counted than found, searching on", 0, 1)
        for i, n in missing.items():
            parts[i].search(target, n + 4, fresh=False)
        pending = set()
    else:
        raise ImpossibleRequest(
            f'shift-invert cannot settle the window of {k} states at {target:g}; use engine = "dense"'
        )
    states = []
    for p in parts:
        picked = p.inside(lo, hi)
        states.append((p.energies[picked], np.asfortranarray(p.vectors[:, picked])))
    return (lo, hi), counted, states


def _search_nudged(part: _SectorProblem, target: float, nev: int, problem: Problem) -> float:
    """Search from ``target``, or from a little beside it when it coincides with a level; reach from ``target``."""
    for nudge in NUDGES:
        sigma = target + nudge * problem.norm
        try:
            reach = part.search(sigma, nev, fresh=True)
        except ImpossibleRequest:
            if nudge == NUDGES[-1]:
                raise
            continue
        residuals = part.matrix.residuals(part.energies, part.vectors)
        if residuals.size and residuals.max() <= RESIDUAL * problem.norm:
            break
    return reach - abs(nudge) * problem.norm


def _collect(
    part: _SectorProblem,
    pieces: list[tuple[np.ndarray, np.ndarray]],
    edges: tuple[tuple[float, float], ...],
    tie: float,
) -> None:
    """Join one sector's states from several targets, each level once."""
    part.energies, part.vectors = pieces[0]
    for energies, vectors in pieces[1:]:
        new = np.array([j for j, e in enumerate(energies) if not np.any(np.abs(part.energies - e) <= tie)], dtype=int)
        part.energies = np.concatenate([part.energies, energies[new]])
        part.vectors = np.hstack([part.vectors, vectors[:, new]])
    order = np.argsort(part.energies, kind="stable")
    part.energies, part.vectors = part.energies[order], np.asfortranarray(part.vectors[:, order])


def _slices(part: _SectorProblem, lo: float, hi: float, engine: ShiftInvert, report: Report, tie: float) -> int:
    """Every state of one sector in (lo, hi), slice by slice; returns the number counted by inertia."""
    below = {x: part.inertia.below(x) for x in (lo, hi)}
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
        wide = [i for i in wide if cuts[i + 1] - cuts[i] > 100 * tie]
        if not wide:
            break
        for i in reversed(wide):
            middle = cuts[i] + 0.5078125 * (cuts[i + 1] - cuts[i])
            below[middle] = part.inertia.below(middle)
            cuts.insert(i + 1, middle)
    part.inertia.close()
    pieces = []
    for a, b in zip(cuts[:-1], cuts[1:], strict=True):
        n = below[b] - below[a]
        report(f"slice [{a:.4g}, {b:.4g}] of {part.sector}", below[a] - below[lo], max(expected, 1))
        if n == 0:
            continue
        part.search((a + b) / 2, n + max(2, n // 20), fresh=True)
        for _ in range(5):
            missing = n - part.inside(a, b).size
            if missing <= 0:
                break
            part.search((a + b) / 2, missing + 4, fresh=False)
        picked = part.inside(a, b)
        pieces.append((part.energies[picked], part.vectors[:, picked]))
    part.energies = np.concatenate([e for e, _ in pieces]) if pieces else np.empty(0)
    part.vectors = (
        np.asfortranarray(np.hstack([v for _, v in pieces])) if pieces else np.empty((last - first, 0), order="F")
    )
    return expected
