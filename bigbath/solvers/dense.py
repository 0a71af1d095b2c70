"""LAPACK, one symmetry sector after the other: the embedded engine, and the reference for all others.

Time O(sum d^3) (about 60 s for d = 8256 on two cores), memory about 4 d^2 x 8 bytes of the largest sector.
"""

import time
from typing import Literal

import numpy as np
import scipy.sparse as sp

from bigbath.choice import choice
from bigbath.kernels.lapack import eigh
from bigbath.operators import to_dense
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.resources import require_memory
from bigbath.solvers.eigenstates import Block, Eigenstates, assess
from bigbath.solvers.forecast import Forecast, lapack_seconds
from bigbath.solvers.problem import Problem
from bigbath.solvers.window import Interval, Levels, Nearest, Whole, window_edges


@choice
class Dense:
    """Full diagonalisation of every sector with LAPACK's divide and conquer (``syevd``).

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=4)))
    >>> len(bb.solve(h, bb.Whole(), engine=bb.Dense()))
    32
    """

    kind: Literal["dense"] = "dense"

    def refuses(self, problem: Problem) -> str | None:
        """It takes everything."""
        return None

    def forecast(self, problem: Problem) -> Forecast:
        """Time grows as the cube, memory as the square of each sector, whatever the window."""
        h, dims = problem.h, [s.dim for s in problem.sectors]
        kept = sum(d * d for d in dims) if isinstance(problem.window, Whole) else 0
        return Forecast(
            seconds=sum(lapack_seconds(d, is_complex=h.is_complex) for d in dims),
            bytes=required_memory(max(dims), h.dtype.itemsize) + kept * h.dtype.itemsize,
        )

    def solve(self, problem: Problem, comm: Comm = None, report: Report = silent) -> Eigenstates:
        """See ``solve_dense``."""
        return solve_dense(problem, self, comm, report)


def required_memory(largest: int, itemsize: int = 8) -> int:
    """Bytes that the diagonalisation of one sector of dimension ``largest`` takes: matrix and workspace of syevd."""
    return 4 * largest * largest * itemsize


def solve_dense(problem: Problem, engine: Dense, comm: Comm = None, report: Report = silent) -> Eigenstates:
    """Every state of the window, certified by having diagonalised everything.

    With a communicator of several ranks each rank does the same work; spread realizations or sectors instead.
    """
    h, sectors, window = problem.h, problem.sectors, problem.window
    itemsize = 16 if h.is_complex else 8
    largest = max(s.dim for s in sectors)
    kept = sum(s.dim**2 for s in sectors) if isinstance(window, Whole) else 0
    what = f"LAPACK on a sector of {largest:,} states"
    require_memory(
        required_memory(largest, itemsize) + kept * itemsize, what, 'Use engine = "shift-invert", or more symmetries.'
    )
    start = time.perf_counter()
    spectra, blocks = [], []
    work, finished = sum(float(s.dim) ** 3 for s in sectors), 0.0
    for sector in sectors:
        report(f"LAPACK, {sector}, {sector.dim:,} states", finished, work)
        matrix = h.restricted(sector)
        energies, vectors = eigh(to_dense(matrix))
        spectra.append(energies)
        if not isinstance(window, Whole):  # keep only what can still belong to the window
            picked = _candidates(energies, window, 1e-6 * problem.norm)
            energies, vectors = energies[picked], np.asfortranarray(vectors[:, picked])
        residuals = _residuals(matrix, energies, vectors)
        blocks.append(Block(sector=sector, energies=energies, kept=vectors, residuals=residuals, rows=(0, sector.dim)))
        finished += float(sector.dim) ** 3
    report("LAPACK", work, work)
    spectrum = np.sort(np.concatenate(spectra))
    edges = window_edges(window, spectrum, problem.extremes, problem.tie)
    blocks = [b for b in (_inside(block, edges) for block in blocks) if b.energies.size]
    counted = sum(
        int(np.searchsorted(spectrum, hi, "right") - np.searchsorted(spectrum, lo, "left")) for lo, hi in edges
    )
    reason = f"LAPACK diagonalised all {spectrum.size:,} states of {len(sectors)} sector(s)"
    evidence = assess(
        "dense",
        blocks,
        problem.norm,
        edges=edges,
        counted=counted,
        reason=reason,
        seconds={"total": time.perf_counter() - start},
    )
    return Eigenstates(blocks=tuple(blocks), window=window, extremes=problem.extremes, evidence=evidence)


def _candidates(energies: np.ndarray, window: Nearest | Interval | Levels, margin: float) -> slice | np.ndarray:
    """States of one sector that can belong to the window, before the other sectors are known, and some more."""
    if isinstance(window, Interval):
        first = np.searchsorted(energies, window.lower - margin, "left")
        return slice(first, np.searchsorted(energies, window.upper + margin, "right"))
    near = [(e, 1) for e in window.energies] if isinstance(window, Levels) else [(window.target, window.k)]
    return np.unique(np.concatenate([_neighbours(energies, target, k, margin) for target, k in near]))


def _neighbours(energies: np.ndarray, target: float, k: int, margin: float) -> np.ndarray:
    distances = np.abs(energies - target)
    k = min(k, energies.size)
    return np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1] + margin)


def _inside(block: Block, edges: tuple[tuple[float, float], ...]) -> Block:
    """The states of a block that lie in one of the intervals."""
    keep = np.zeros(block.energies.size, dtype=bool)
    for lo, hi in edges:
        keep |= (block.energies >= lo) & (block.energies <= hi)
    if keep.all():
        return block
    return Block(
        sector=block.sector,
        energies=block.energies[keep],
        kept=np.asfortranarray(block.vectors[:, keep]),
        residuals=block.residuals[keep],
        rows=block.rows,
    )


def _residuals(matrix: sp.csr_array | np.ndarray, energies: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """||H v - E v|| for each column, a few hundred columns at a time."""
    norms = np.empty(energies.size)
    for start in range(0, energies.size, 256):
        part = slice(start, start + 256)
        norms[part] = np.linalg.norm(matrix @ vectors[:, part] - vectors[:, part] * energies[part], axis=0)
    return norms
