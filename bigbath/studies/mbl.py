"""Localisation of the random-field Heisenberg ring (Luitz, Laflorencie and Alet, arXiv 1411.0660): r and entanglement.

Magnetisation 0, the middle of the sector's own spectrum. With weak disorder the gap ratio is that of random matrices and
the half-chain entanglement that of random states of the sector; with strong disorder levels are independent and the
entanglement does not grow with L.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from bigbath.cluster.run import run
from bigbath.conserved.charges import Charge
from bigbath.errors import JobError
from bigbath.job import load_job, point_jobs
from bigbath.measure import MeasureEntanglement
from bigbath.models import XXZ
from bigbath.plots import save
from bigbath.plots.mbl import plot_mbl
from bigbath.progress import Report, silent
from bigbath.solvers import Density
from bigbath.spaces import FixedCharges, bipartition
from bigbath.statistics import random_entropy
from bigbath.store import open_result
from bigbath.studies.crossings import Crossing, crossing

SIZES, REALIZATIONS = (8, 10, 12), 200
#: States of a window, at most, and at most this share of the sector.
STATES, SHARE = 50, 0.2
#: What is expected: the ratio of random matrices at W = WEAK for L >= 10, nearly that of independent levels at W = STRONG for
#: L >= 12.
WEAK, GOE, STRONG, LOCALISED = 1.0, 0.53, 8.0, 0.395
#: Standard errors that "within errors" means, and half of the last digit of GOE.
ERRORS, DIGITS = 3, 0.005


@dataclass(frozen=True, kw_only=True)
class Point:
    """One size and disorder: means over realizations of window averages and their standard errors.

    ``gap_ratio``; ``entanglement`` in nats of half of the ring; ``of_random``: that over the mean of random states.
    """

    L: int
    W: float
    realizations: int
    gap_ratio: float
    gap_ratio_error: float
    entanglement: float
    entanglement_error: float
    of_random: float

    @property
    def verdict(self) -> str:
        """ "yes" or "no" where the ratio must be that of random matrices or of independent levels, else ""."""
        if self.W == WEAK and self.L >= 10:
            return "yes" if abs(self.gap_ratio - GOE) <= max(ERRORS * self.gap_ratio_error, DIGITS) else "no"
        if self.W == STRONG and self.L >= 12:
            return "yes" if self.gap_ratio <= LOCALISED else "no"
        return ""

    @property
    def accepted(self) -> bool:
        """Whether nothing contradicts what is known."""
        return self.verdict != "no"

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data, with the verdict."""
        return asdict(self) | {"verdict": self.verdict}


@dataclass(frozen=True, kw_only=True)
class CrossingRow:
    """Where a quantity of two sizes crosses, with its standard error; ``found``: share of the resamplings that cross."""

    quantity: str
    name: str
    at: float
    error: float
    found: float

    accepted = True

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Window averages of the realizations (R,) of one size at each disorder of ``W`` (n,)."""

    L: int
    W: np.ndarray
    gap_ratio: list[np.ndarray]
    entanglement: list[np.ndarray]


def transition(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int = REALIZATIONS
) -> tuple[list[Point | CrossingRow], Path]:
    """Compute every size in ``directory``, or go on there; rows, crossings, and the figure that was drawn."""
    for L in sizes or SIZES:
        if L % 2 or not 6 <= L <= 20:
            raise JobError(f"--sizes: a ring at magnetisation 0 has an even number of spins, 6 ... 20 here, not {L}")
    found = [measured(L, directory, realizations, report) for L in sorted(set(sizes or SIZES))]
    rows: list[Point | CrossingRow] = [point for m in found for point in points(m)]
    crossings = [row for a, b in pairwise(found) for row in crossings_of(a, b)]
    rows += crossings
    target = directory / "mbl.png"
    save(plot_mbl([r for r in rows if isinstance(r, Point)], [c for c in crossings if c.quantity == "r"]), target)
    return rows, target


def measured(L: int, directory: Path, realizations: int, report: Report = silent) -> Measured:
    """Run the job of one size, or open its result."""
    base = load_job(Path(__file__).with_name("jobs") / "mbl.toml")
    assert isinstance(base.model, XXZ)
    k = min(STATES, int(SHARE * space(L).dim))
    job = replace(
        base,
        model=replace(base.model, L=L),
        spectrum=replace(base.spectrum, window=Density(epsilon=0.5, k=k)),
        measure=replace(base.measure, entanglement=MeasureEntanglement(cuts=(tuple(range(L // 2)),))),
        ensemble=replace(base.ensemble, realizations=realizations),
    )
    output = directory / f"mbl_L{L}_R{realizations}.h5"
    run(job, output, report=lambda label, *n: report(f"L = {L}, {label}", *n))
    W = [point.model.W for point in point_jobs(job) if isinstance(point.model, XXZ)]
    ratios: list[list[float]] = [[] for _ in W]
    entropies: list[list[float]] = [[] for _ in W]
    for task, ds in open_result(output).tasks.items():
        ratios[task.point].append(float(ds.gap_ratio.values.mean()))
        entropies[task.point].append(float(np.nanmean(ds.entanglement_cut.values)))
    return Measured(
        L=L, W=np.array(W), gap_ratio=[np.array(r) for r in ratios], entanglement=[np.array(s) for s in entropies]
    )


def points(m: Measured) -> list[Point]:
    """The rows of one size."""
    random = random_half(m.L)
    return [
        Point(
            L=m.L, W=float(W), realizations=r.size, gap_ratio=float(r.mean()), gap_ratio_error=error(r),
            entanglement=float(s.mean()), entanglement_error=error(s), of_random=float(s.mean()) / random,
        )
        for W, r, s in zip(m.W, m.gap_ratio, m.entanglement, strict=True)
    ]  # fmt: skip


def error(values: np.ndarray) -> float:
    """Standard error of the mean of independent realizations (R,); NaN for one."""
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")


def crossings_of(a: Measured, b: Measured) -> list[CrossingRow]:
    """Where the larger ring's gap ratio, and its entanglement over that of random states, fall below the smaller one's."""
    shares = [[s / random_half(m.L) for s in m.entanglement] for m in (a, b)]
    found: dict[str, Crossing] = {
        "r": crossing(a.W, a.gap_ratio, b.gap_ratio),
        "S/S_random": crossing(a.W, shares[0], shares[1]),
    }
    return [
        CrossingRow(quantity=quantity, name=f"crossing of L = {a.L} and {b.L}", at=c.at, error=c.error, found=c.found)
        for quantity, c in found.items()
    ]


def random_half(L: int) -> float:
    """Mean entanglement of half of the ring in random states of magnetisation 0."""
    return random_entropy([block.shape for block in bipartition(space(L), L, tuple(range(L // 2)))])


def space(L: int) -> FixedCharges:
    """The configurations of magnetisation 0."""
    return FixedCharges(sites=L, charges=(Charge(weights=(1,) * L),), values=(0,))


FIGURES = {"transition": transition}
ALONE: dict[str, object] = {}
FORMER_NAMES = {"1": "transition"}
