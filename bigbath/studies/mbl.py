"""Localisation of the random-field Heisenberg ring (Luitz, Laflorencie and Alet, arXiv 1411.0660): r and entanglement.

Magnetisation 0, the middle of the sector's own spectrum. With weak disorder the gap ratio is that of random matrices and
the half-chain entanglement that of random states of the sector; with strong disorder levels are independent and the
entanglement does not grow with L.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from bigbath.statistics.errors import standard_error
from bigbath.store import open_result
from bigbath.studies.crossings import Crossing, CrossingRow, crossing, crossing_row
from bigbath.studies.page import Page, table, with_error
from bigbath.studies.study_row import StudyRow

SIZES, REALIZATIONS = (8, 10, 12, 14), 200
#: States of a window, at most, and at most this share of the sector.
STATES, SHARE = 50, 0.2
#: What is expected: the ratio of random matrices at W = WEAK for L >= 10, nearly that of independent levels at W = STRONG for
#: L >= 12.
WEAK, GOE, STRONG, LOCALISED = 1.0, 0.53, 8.0, 0.395
#: Standard errors that "within errors" means, and half of the last digit of GOE.
ERRORS, DIGITS = 3, 0.005
#: Entanglement that grows with L as that of random states does, and one that does not: slopes over that of random states.
LINEAR, CONSTANT = (0.9, 1.1), 0.05


@dataclass(frozen=True, kw_only=True)
class Point(StudyRow):
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
    def of_random_error(self) -> float:
        """Standard error of ``of_random``."""
        return self.entanglement_error * self.of_random / self.entanglement if self.entanglement else 0.0

    @property
    def verdict(self) -> str:
        """ "yes" or "no" where the ratio must be that of random matrices or of independent levels, else ""."""
        if self.W == WEAK and self.L >= 10:
            return "yes" if abs(self.gap_ratio - GOE) <= max(ERRORS * self.gap_ratio_error, DIGITS) else "no"
        if self.W == STRONG and self.L >= 12:
            return "yes" if self.gap_ratio <= LOCALISED else "no"
        return ""


@dataclass(frozen=True, kw_only=True)
class Growth(StudyRow):
    """Slope of the entanglement against L at one disorder, nats a spin, by weighted least squares, with its standard error.

    ``of_random``: over the slope of random states of the sector. ``deviation``: root mean square deviation from the straight
    line in standard errors, None for two sizes.
    """

    W: float
    name: str
    slope: float
    slope_error: float
    of_random: float
    deviation: float | None

    @property
    def verdict(self) -> str:
        """ "linear" at W = WEAK when the slope is that of random states, "constant" at W = STRONG when it vanishes; else "no"."""
        if self.W == WEAK:
            return "linear" if LINEAR[0] <= self.of_random <= LINEAR[1] else "no"
        if self.W == STRONG:
            small = CONSTANT * self.slope / self.of_random if self.of_random else 0.0
            return "constant" if abs(self.slope) <= max(ERRORS * self.slope_error, small) else "no"
        return ""


#: Any row of this study.
Row = Point | CrossingRow | Growth


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Window averages of the realizations (R,) of one size at each disorder of ``W`` (n,)."""

    L: int
    W: np.ndarray
    gap_ratio: list[np.ndarray]
    entanglement: list[np.ndarray]


def transition(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int = REALIZATIONS
) -> tuple[list[Row], Path]:
    """Compute every size in ``directory``, or go on there; rows, crossings, slopes, and the figure that was drawn.

    The job of each size is written beside its result: ``bigbath run JOB --output RESULT`` under mpirun, or in shares, does the
    work on many cores, and this function takes what it left. A result that has more than ``realizations`` is used whole.
    """
    for L in sizes or SIZES:
        if L % 2 or not 6 <= L <= 20:
            raise JobError(f"--sizes: a ring at magnetisation 0 has an even number of spins, 6 ... 20 here, not {L}")
    found = [measured(L, directory, realizations, report) for L in sorted(set(sizes or SIZES))]
    shown = [point for m in found for point in points(m)]
    crossings = [row for a, b in pairwise(found) for row in crossings_of(a, b)]
    target = directory / "mbl.png"
    save(plot_mbl(shown, crossings, {m.L: random_half(m.L) for m in found}), target)
    return [*shown, *crossings, *growth(shown)], target


def measured(L: int, directory: Path, realizations: int, report: Report = silent) -> Measured:
    """Run the job of one size, or open its result, which may have more realizations."""
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
    output = directory / f"mbl_L{L}.h5"
    output.with_suffix(".toml").write_text(job.to_toml())
    run(job, output, report=lambda label, *n: report(f"L = {L}, {label}", *n))
    result = open_result(output)
    W = [point.model.W for point in point_jobs(result.job) if isinstance(point.model, XXZ)]
    ratios: list[list[float]] = [[] for _ in W]
    entropies: list[list[float]] = [[] for _ in W]
    for task, ds in result.tasks.items():
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
            L=m.L, W=float(W), realizations=r.size, gap_ratio=float(r.mean()), gap_ratio_error=float(standard_error(r)),
            entanglement=float(s.mean()), entanglement_error=float(standard_error(s)), of_random=float(s.mean()) / random,
        )
        for W, r, s in zip(m.W, m.gap_ratio, m.entanglement, strict=True)
    ]  # fmt: skip


def crossings_of(a: Measured, b: Measured) -> list[CrossingRow]:
    """Where the larger ring's gap ratio, and its entanglement over that of random states, fall below the smaller one's."""
    shares = [[s / random_half(m.L) for s in m.entanglement] for m in (a, b)]
    found: dict[str, Crossing] = {
        "r": crossing(a.W, a.gap_ratio, b.gap_ratio),
        "S/S_random": crossing(a.W, shares[0], shares[1]),
    }
    return [crossing_row(quantity, (a.L, b.L), c) for quantity, c in found.items()]


def growth(shown: Sequence[Point]) -> list[Growth]:
    """How the entanglement grows with L at each disorder; none for one size or for one realization."""
    rows = []
    for W in sorted({p.W for p in shown}):
        mine = sorted((p for p in shown if p.W == W), key=lambda p: p.L)
        L, S, errors = (
            np.array([getattr(p, name) for p in mine]) for name in ("L", "entanglement", "entanglement_error")
        )
        if L.size < 2 or not np.all(errors > 0):
            continue
        basis = np.stack([L - L.mean(), np.ones(L.size)], axis=1)
        covariance = np.linalg.inv((basis / errors[:, None] ** 2).T @ basis)
        line = covariance @ basis.T @ (S / errors**2)
        random = np.polyfit(L, [random_half(size) for size in L], 1)[0]
        far = (S - basis @ line) / errors
        deviation = float(np.sqrt(far @ far / (L.size - 2))) if L.size > 2 else None
        rows.append(
            Growth(
                W=W, name="growth of S with L", slope=float(line[0]), slope_error=float(np.sqrt(covariance[0, 0])),
                of_random=float(line[0] / random), deviation=deviation,
            )
        )  # fmt: skip
    return rows


def random_half(L: int) -> float:
    """Mean entanglement of half of the ring in random states of magnetisation 0."""
    return random_entropy([block.shape for block in bipartition(space(L), L, tuple(range(L // 2)))])


def space(L: int) -> FixedCharges:
    """The configurations of magnetisation 0."""
    return FixedCharges(sites=L, charges=(Charge(weights=(1,) * L),), values=(0,))


def page(rows: Sequence[Row]) -> str:
    """The rows as Markdown: a line a disorder, a column a size; errors of the last digits in brackets."""
    shown = [r for r in rows if isinstance(r, Point)]
    sizes, slopes = sorted({p.L for p in shown}), {g.W: g for g in rows if isinstance(g, Growth)}
    lines = []
    for W in sorted({p.W for p in shown}):
        mine = {p.L: p for p in shown if p.W == W}
        verdicts = [f"r, L = {L}: {mine[L].verdict}" for L in sizes if mine[L].verdict]
        slope = slopes.get(W)
        verdicts += [f"S: {slope.verdict}"] if slope and slope.verdict else []
        lines.append(
            [f"{W:g}"]
            + [with_error(mine[L].gap_ratio, mine[L].gap_ratio_error) for L in sizes]
            + [with_error(mine[L].of_random, mine[L].of_random_error) for L in sizes]
            + [with_error(slope.slope, slope.slope_error) if slope else "", ", ".join(verdicts)]
        )
    rest = [str(L) for L in sizes[1:]]
    head = [f"r, L = {sizes[0]}", *rest, f"S/S_random, L = {sizes[0]}", *rest]
    made = {L: sorted({p.realizations for p in shown if p.L == L}) for L in sizes}
    counts = {L: f"{n[0]}" if len(n) == 1 else f"{n[0]} to {n[-1]}" for L, n in made.items()}
    text = [
        "Realizations: " + ", ".join(f"{n} at L = {L}" for L, n in counts.items()) + ".",
        "", table(["W", *head, "dS/dL", "verdict"], lines),
    ]  # fmt: skip
    crossings = [c for c in rows if isinstance(c, CrossingRow)]
    if crossings:
        pairs = list(dict.fromkeys(c.L for c in crossings))
        by_quantity = [
            [q, *(with_error(c.at, c.error) + f", {c.found:.0%}" for c in crossings if c.quantity == q)]
            for q in dict.fromkeys(c.quantity for c in crossings)
        ]
        text += ["", table(["W at the crossing of", *(f"L = {a}, {b}" for a, b in pairs)], by_quantity)]
    return "\n".join(text)


FIGURES = {"transition": transition}
ALONE: dict[str, object] = {}
FORMER_NAMES = {"1": "transition"}
PAGES: dict[str, Page] = {"transition": page}
