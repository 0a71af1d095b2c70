"""Spectral form factor and Thouless time where thermalisation fails: random-field Heisenberg ring, and quantum sun.

t_Th/t_H as in Suntajs, Bonca, Prosen and Vidmar, Phys. Rev. E 102, 062144 (2020), at magnetisation 0. The quantum sun of
Suntajs and Vidmar, arXiv 2203.15816, thermalises for alpha above 1/sqrt(2) in the limit of many spins.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bigbath.errors import JobError
from bigbath.job import Job, load_job
from bigbath.models import XXZ, QuantumSun
from bigbath.plots import save
from bigbath.plots.references import GOE, POISSON
from bigbath.plots.statistics import plot_sun, plot_transition
from bigbath.progress import Report, silent
from bigbath.statistics import expected_form_factor, plateau_time
from bigbath.studies.crossings import CrossingRow
from bigbath.studies.judged import Judged
from bigbath.studies.level_ensembles import (
    RATIO,
    THOULESS,
    Floor,
    Levels,
    Point,
    difference,
    fall,
    measured,
    ratio_to,
    rows_of,
    thouless_at,
)
from bigbath.studies.page import Page, table, with_error

#: Realizations of each size; the sizes of the ring that are not asked for.
RING = {8: 400, 10: 400, 12: 400, 14: 30}
SIZES = (8, 10, 12)
SUN = {8: 100, 9: 60, 10: 30}
#: Weak and strong disorder, where form factors are compared with random matrices and with independent levels.
WEAK, STRONG = 1.0, 5.0
#: Times of that comparison, in units of the Heisenberg time: K of random matrices is 0.3 ... 0.74.
WINDOW = (0.2, 0.6)
#: alpha where the quantum sun thermalises and where it does not, and the theory's critical one.
CHAOTIC, FROZEN, CRITICAL = 0.95, 0.5, 1 / np.sqrt(2)

#: Any row of this study.
Row = Point | CrossingRow | Floor | Judged


def transition(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int | None = None
) -> tuple[list[Row], Path]:
    """The ring: every size in ``directory``, or go on there; points, crossings, floors, claims, and the figure."""
    for L in sizes or SIZES:
        if L % 2 or not 8 <= L <= 14:
            raise JobError(
                f"--sizes: whole spectra of a ring at magnetisation 0 with enough levels are those of 8, 10, 12 and "
                f"14 spins, not {L}"
            )
    base = load_job(Path(__file__).with_name("jobs") / "statistics.toml")
    assert isinstance(base.model, XXZ)
    found = [
        _measured(replace(base, model=replace(base.model, L=L)), L, realizations or RING[L], directory, report)
        for L in sorted(set(sizes or SIZES))
    ]
    points, crossings, floors = rows_of(found)
    target = directory / "statistics_transition.png"
    save(plot_transition(found, points, crossings, (WEAK, STRONG)), target)
    return [*points, *floors, *crossings, *claims_of_ring(found, crossings)], target


def sun(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int | None = None
) -> tuple[list[Row], Path]:
    """The quantum sun with a grain of 3 spins, L in all; as ``transition``."""
    for L in sizes or SUN:
        if not 6 <= L <= 12:
            raise JobError(f"--sizes: whole spectra of the quantum sun are for 6 ... 12 spins here, not {L}")
    base = load_job(Path(__file__).with_name("jobs") / "statistics_sun.toml")
    assert isinstance(base.model, QuantumSun)
    found = [
        _measured(replace(base, model=replace(base.model, L=L)), L, realizations or SUN.get(L, 50), directory, report)
        for L in sorted(set(sizes or SUN))
    ]
    points, crossings, floors = rows_of(found)
    target = directory / "statistics_sun.png"
    save(plot_sun(found, points, CRITICAL), target)
    return [*points, *floors, *crossings, *claims_of_sun(points, crossings)], target


def _measured(job: Job, L: int, realizations: int, directory: Path, report: Report) -> Levels:
    job = replace(job, ensemble=replace(job.ensemble, realizations=realizations))
    return measured(job, L, directory / f"statistics_{job.model.name}_L{L}_R{realizations}.h5", report)


def claims_of_ring(found: Sequence[Levels], crossings: Sequence[CrossingRow]) -> list[Judged]:
    """t_Th/t_H falls with L at weak disorder, is the plateau's at strong one, crosses where gap ratios do, and what it is there; K beside
    both laws."""
    rows, name, last = [], "ring", found[-1]
    weak, strong = (int(np.argmin(np.abs(last.x - W))) for W in (WEAK, STRONG))
    for small, large in zip(found, found[1:], strict=False):
        sizes = f"L = {small.L} and {large.L}"
        ratio, error = fall(small.thouless[weak], large.thouless[weak])
        falls = f"W = {WEAK:g}: t_Th/t_H falls with L; ratio of {sizes}"
        rows.append(Judged(name=name, claim=falls, kind="below", ours=ratio, error=error, expected=1))
        apart, error = difference(crossings, (small.L, large.L))
        where = f"t_Th/t_H crosses at the W where r does; difference for {sizes}"
        rows.append(Judged(name=name, claim=where, kind="is", ours=apart, error=error, expected=0))
        tau, error = thouless_at(large, next(c for c in crossings if c.quantity == RATIO and c.L == (small.L, large.L)))
        reached = f"L = {large.L}: t_Th/t_H over that of independent levels, at the W where r of {sizes} crosses"
        rows.append(Judged(
            name=name, claim=reached, kind="is", ours=tau / plateau_time(), error=error / plateau_time(), expected=1,
            note="rings of these sizes are between both limits there",
        ))  # fmt: skip
    late = last.thouless[strong]
    plateau = f"W = {STRONG:g}, L = {last.L}: t_Th/t_H is that of independent levels"
    rows.append(Judged(name=name, claim=plateau, kind="is", ours=late.tau, error=late.error, expected=plateau_time()))
    still = (
        f"levels of a finite ring still repel a little: r = {np.mean(last.gap_ratio[strong]):.4f} beside {POISSON:.4f}"
    )
    for number, W, kind, words, note in (
        (weak, WEAK, "goe", "random matrices", ""),
        (strong, STRONG, "poisson", "independent levels", still),
    ):
        amplitudes = last.amplitudes[number]
        ratio, error = ratio_to(amplitudes, expected_form_factor(kind, amplitudes.tau), WINDOW)
        claim = f"W = {W:g}, L = {last.L}: connected K over that of {words}, tau = {WINDOW[0]} ... {WINDOW[1]}"
        rows.append(Judged(name=name, claim=claim, kind="is", ours=ratio, error=error, expected=1, note=note))
    return rows  # fmt: skip


def claims_of_sun(points: Sequence[Point], crossings: Sequence[CrossingRow]) -> list[Judged]:
    """Random matrices at alpha = 0.95, independent levels at 0.5, crossings at 1/sqrt(2)."""
    name, largest = "sun", max(p.L for p in points)
    at = {p.value: p for p in sorted(points, key=lambda p: p.L)}
    rows = [
        Judged(
            name=name, claim=f"alpha = {alpha:g}, L = {largest}: r is that of {words}", kind="is",
            ours=at[alpha].gap_ratio, error=at[alpha].gap_ratio_error, expected=r, note=note,
        )
        for alpha, r, words, note in (
            (CHAOTIC, GOE, "random matrices", ""),
            (FROZEN, POISSON, "independent levels", "levels of so few spins still repel a little"),
        )
    ]  # fmt: skip
    rows += [
        Judged(
            name=name, claim=f"{c.quantity} of L = {c.L[0]} and {c.L[1]} crosses at alpha = 1/sqrt(2)", kind="is",
            ours=c.at, error=c.error, expected=float(CRITICAL),
        )
        for c in crossings
    ]  # fmt: skip
    return rows


def page(rows: Sequence[Row]) -> str:
    """The rows as Markdown: points by parameter and size, floors, crossings, claims; errors of the last digits in brackets."""
    points = [r for r in rows if isinstance(r, Point)]
    parameter, sizes = points[0].parameter, sorted({p.L for p in points})
    lines = []
    for value in sorted({p.value for p in points}):
        mine = {p.L: p for p in points if p.value == value}
        lines.append(
            [f"{value:g}"]
            + [with_error(mine[L].gap_ratio, mine[L].gap_ratio_error) for L in sizes]
            + [with_error(mine[L].thouless, mine[L].thouless_error) for L in sizes]
        )
    floors = {r.L: r for r in rows if isinstance(r, Floor)}
    shown = [with_error(floors[L].thouless, floors[L].thouless_error) for L in sizes]
    lines.append(["random matrices", *[""] * len(sizes), *shown])
    rest = [str(L) for L in sizes[1:]]
    head = [parameter, f"r, L = {sizes[0]}", *rest, f"{THOULESS}, L = {sizes[0]}", *rest]
    made = {L: min(p.realizations for p in points if p.L == L) for L in sizes}
    crossings = [r for r in rows if isinstance(r, CrossingRow)]
    across = [
        [q, *(with_error(c.at, c.error) + f", {c.found:.0%}" for c in crossings if c.quantity == q)]
        for q in (RATIO, THOULESS)
    ]
    pairs = list(dict.fromkeys(c.L for c in crossings))
    claims = [
        [r.claim, with_error(r.ours, r.error), ("" if r.kind == "is" else "below ") + f"{r.expected:.4g}", f"fails: {r.note}" if r.note and r.verdict == "fails" else r.verdict]
        for r in rows
        if isinstance(r, Judged)
    ]  # fmt: skip
    text = ["Realizations: " + ", ".join(f"{n} at L = {L}" for L, n in made.items()) + ".", "", table(head, lines)]
    if crossings:
        text += ["", table([f"{parameter} at the crossing of", *(f"L = {a}, {b}" for a, b in pairs)], across)]
    return "\n".join([*text, "", table(["claim", "ours", "expected", "verdict"], claims)])


FIGURES = {"transition": transition, "sun": sun}
ALONE: dict[str, object] = {}
FORMER_NAMES: dict[str, str] = {}
PAGES: dict[str, Page] = {"transition": page, "sun": page}
