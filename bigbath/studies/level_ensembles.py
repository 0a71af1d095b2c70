"""Gap ratios, form factors and Thouless times of the levels of one size against one swept parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bigbath.cluster.run import run
from bigbath.job import Job
from bigbath.progress import Report
from bigbath.statistics import (
    FormFactor,
    ThoulessTime,
    amplitude,
    averaged,
    gaussian_filter,
    random_levels,
    standard_error,
    thouless_time,
    unfolded,
)
from bigbath.statistics.form_factor import weighted
from bigbath.store import open_result
from bigbath.studies.crossings import Crossing, CrossingRow, crossing, crossing_of_samples, crossing_row
from bigbath.studies.study_row import StudyRow
from bigbath.tasks import coordinates

#: Decades of tau of the running mean of form factors that are shown.
DECADES = 0.1
#: Names of the two quantities that cross.
RATIO, THOULESS = "r", "t_Th/t_H"


@dataclass(frozen=True, kw_only=True, eq=False)
class Amplitudes:
    """``Z`` (R, m) of the realizations at times ``tau`` (m,), ``norms`` (R,) = sum of f^2 of each."""

    tau: np.ndarray
    Z: np.ndarray
    norms: np.ndarray

    def averaged(self) -> FormFactor:
        """The form factor as a running mean, with errors."""
        return averaged(self.tau, self.Z, self.norms, DECADES)

    def thouless(self) -> ThoulessTime:
        """The Thouless time of the connected part."""
        return thouless_time(self.tau, self.Z, self.norms, connected=len(self.Z) > 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """One size with ``dim`` levels, at the values ``x`` (n,) of the swept ``parameter``, a list entry for each.

    ``gap_ratio``: of the realizations (R,). ``floor``: Thouless time of as many random matrices with as many levels,
    unfolded alike: the smallest that the method can tell.
    """

    L: int
    dim: int
    parameter: str
    x: np.ndarray
    gap_ratio: list[np.ndarray]
    amplitudes: list[Amplitudes]
    thouless: list[ThoulessTime]
    floor: ThoulessTime


@dataclass(frozen=True, kw_only=True)
class Point(StudyRow):
    """One size and value of the swept parameter: means over realizations and standard errors."""

    parameter: str
    value: float
    L: int
    realizations: int
    gap_ratio: float
    gap_ratio_error: float
    thouless: float
    thouless_error: float

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data, with the value under the parameter's name."""
        row = super().as_dict()
        return {row.pop("parameter"): row.pop("value")} | row


@dataclass(frozen=True, kw_only=True)
class Floor(StudyRow):
    """The smallest Thouless time that can be told: of random matrices of the same dimension, by the same analysis."""

    name: str
    L: int
    levels: int
    thouless: float
    thouless_error: float


def measured(job: Job, L: int, output: Path, report: Report) -> Levels:
    """Run the job of one size with one sector and one swept key, or open its result; the job is written beside it."""
    output.with_suffix(".toml").write_text(job.to_toml())
    run(job, output, report=lambda label, *n: report(f"L = {L}, {label}", *n))
    assert job.sweep is not None and job.measure.form_factor is not None
    ((key, values),) = job.sweep.values().items()
    result = open_result(output)
    at = [point[key] for point in coordinates(result.job)]  # it may hold more values, and realizations, which are used
    found: dict[float, list[tuple]] = {value: [] for value in values}
    for task, ds in result.tasks.items():
        if at[task.point] not in found:
            continue
        Z = ds.form_factor_real.values[0] + 1j * ds.form_factor_imag.values[0]
        found[at[task.point]].append((ds.gap_ratio.values[0], Z, ds.form_factor_norm.values[0]))
        tau, dim = ds.tau.values, ds.sizes["state"]
    ratios, amplitudes = [], []
    for rows in found.values():
        ratio, Z, norm = zip(*rows, strict=True)
        ratios.append(np.array(ratio))
        amplitudes.append(Amplitudes(tau=tau, Z=np.array(Z), norms=np.array(norm)))
    return Levels(
        L=L, dim=dim, parameter=key.rpartition(".")[2], x=np.array(list(found)), gap_ratio=ratios,
        amplitudes=amplitudes, thouless=[a.thouless() for a in amplitudes],
        floor=_of_random_matrices(dim, min(map(len, ratios)), tau, job.measure.form_factor.degree, job.measure.form_factor.eta),
    )  # fmt: skip


def _of_random_matrices(n: int, R: int, tau: np.ndarray, degree: int, eta: float) -> ThoulessTime:
    stream = np.random.default_rng(n)
    levels = [unfolded(random_levels(n, stream), degree) for _ in range(R)]
    weights = [gaussian_filter(e, eta) for e in levels]
    Z = np.array([amplitude(e, f, tau) for e, f in zip(levels, weights, strict=True)])
    return Amplitudes(tau=tau, Z=Z, norms=np.array([f @ f for f in weights])).thouless()


def rows_of(found: Sequence[Levels]) -> tuple[list[Point], list[CrossingRow], list[Floor]]:
    """Points, crossings of successive sizes and floors of all sizes."""
    points = [
        Point(
            parameter=m.parameter, value=float(x), L=m.L, realizations=r.size, gap_ratio=float(r.mean()),
            gap_ratio_error=float(standard_error(r)), thouless=t.tau, thouless_error=t.error,
        )
        for m in found
        for x, r, t in zip(m.x, m.gap_ratio, m.thouless, strict=True)
    ]  # fmt: skip
    crossings = [row for small, large in pairwise(found) for row in crossings_of(small, large)]
    floors = [
        Floor(name=f"random matrices, L = {m.L}", L=m.L, levels=m.dim, thouless=m.floor.tau, thouless_error=m.floor.error)
        for m in found
    ]  # fmt: skip
    return points, crossings, floors


def crossings_of(small: Levels, large: Levels) -> list[CrossingRow]:
    """Where the larger system stops to be the more chaotic one, by its gap ratio and by its Thouless time.

    In the direction of more disorder, or of couplings of shorter range.
    """
    order = np.argsort(small.x if small.parameter == "W" else -small.x)
    x = small.x[order]
    a, b = ([m.gap_ratio[n] for n in order] for m in (small, large))
    s, t = ([m.thouless[n] for n in order] for m in (small, large))
    times = np.array([p.tau - q.tau for p, q in zip(s, t, strict=True)])
    # independent ensembles: any sample of one size goes with any of the other
    drawn = np.array([p.samples - q.samples[::-1] for p, q in zip(s, t, strict=True)]).T
    found: dict[str, Crossing] = {RATIO: crossing(x, a, b), THOULESS: crossing_of_samples(x, times, drawn)}
    return [crossing_row(quantity, (small.L, large.L), c) for quantity, c in found.items()]


def difference(rows: Sequence[CrossingRow], L: tuple[int, int]) -> tuple[float, float]:
    """Where the Thouless times of two sizes cross minus where their gap ratios do, with its standard error."""
    ratio, time = (next(c for c in rows if c.L == L and c.quantity == q) for q in (RATIO, THOULESS))
    return time.at - ratio.at, float(np.hypot(time.error, ratio.error))


def thouless_at(levels: Levels, where: CrossingRow) -> tuple[float, float]:
    """t_Th/t_H at a crossing, joined by straight lines, and its error, with that of the place."""
    order = np.argsort(levels.x)
    taus, errors = (np.array([getattr(t, name) for t in levels.thouless])[order] for name in ("tau", "error"))
    at = where.at + where.error * np.array([-1, 0, 1])
    low, tau, high = np.interp(at, levels.x[order], taus, left=np.nan, right=np.nan)
    return float(tau), float(np.hypot((high - low) / 2, np.interp(where.at, levels.x[order], errors)))


def fall(small: ThoulessTime, large: ThoulessTime) -> tuple[float, float]:
    """t_Th/t_H of the larger system over that of the smaller one, with its standard error from the samples."""
    ratio = large.tau / small.tau
    drawn = np.log(large.samples / small.samples[::-1])
    drawn = drawn[np.isfinite(drawn)]
    return ratio, float(ratio * drawn.std()) if drawn.size else float("nan")


def ratio_to(amplitudes: Amplitudes, expected: np.ndarray, window: tuple[float, float]) -> tuple[float, float]:
    """Mean of K_connected/``expected`` over a ``window`` of tau, with its standard error over realizations (jackknife)."""
    R = len(amplitudes.Z)
    inside = (amplitudes.tau >= window[0]) & (amplitudes.tau <= window[1])

    def mean(counts: np.ndarray) -> np.ndarray:
        connected = weighted(counts, amplitudes.Z[:, inside], amplitudes.norms)[1]
        return (connected / expected[inside]).mean(axis=1)

    without = mean(1 - np.eye(R))
    return float(mean(np.ones((1, R)))[0]), float(np.sqrt((R - 1) * np.var(without)))
