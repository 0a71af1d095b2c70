"""The entropy paper at fixed magnetisation: p_n, width and entropies of one spin of the XXZ ring in weak fields.

Site 0 is the system. Shell averages from stochastic traces at every size (``spectral.shell_average``); up to L = 16 the same
average, and single states, from all eigenstates of the sector: the job ``jobs/entropy_sector.toml``.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bigbath.broadening import system_states
from bigbath.broadening.entropy import observational, shannon
from bigbath.cluster.run import run
from bigbath.errors import JobError
from bigbath.job import Job, load_job
from bigbath.models import XXZ, draw
from bigbath.plots import save
from bigbath.plots.entropy_sector import plot_entropy_sector
from bigbath.progress import Report, silent
from bigbath.solvers import Filter
from bigbath.spectral import (
    ShellAverage,
    ShellParameters,
    ShellVectors,
    shell_average,
    shell_parameters,
    smeared_distribution,
)
from bigbath.spectral.chebyshev import gaussians
from bigbath.store import Result, open_result
from bigbath.studies.beside_exact import BesideExact
from bigbath.studies.page import table, with_error
from bigbath.studies.sampled import sampled

SIZES = (12, 14, 16, 18, 20)
#: Shell width of H, standard deviations of the shells' edges and of the windows on the bath: a quarter of the ring's in Pauli
#: matrices, whose couplings are four times as large.
WIDTH, SIGMA, BATH_SIGMA = 0.125, 0.025, 0.05
#: Bath energies of the figure; that of the rows and of the eigenstates.
ENERGIES, LEVEL = np.arange(-2.0, 1.01, 0.5), 0.0
#: Random vectors: at least so many, and as many as make this number of bath states in all.
VECTORS, SAMPLE = 16, 2**18
#: The largest ring with all eigenstates; from FILTERED on they are found by the filter, in SHELLS energy shells.
LARGEST_EXACT, FILTERED, SHELLS = 16, 16, 12
#: The spin's directions, and the magnetisation of the bath that goes with them.
SPINS = {"up": -1, "down": 1}


@dataclass(frozen=True, kw_only=True)
class Point(BesideExact):
    """One number of one size and direction of the spin: ``error`` is a standard error, None where there is none.

    ``exact``: the same average from all eigenstates, None without.
    """

    name: str
    L: int
    spin: str
    value: float
    error: float | None
    exact: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FromEigenstates:
    """What all eigenstates say of one direction of the spin, at bath energy LEVEL.

    ``average``: P (1, 1, S) through the same Gaussians as the shell average. ``observational``, ``von_neumann``: (m,) entropies of
    the single product states; ``weight``: (m,) of their bath levels in the average, sum 1.
    """

    average: ShellAverage
    observational: np.ndarray
    von_neumann: np.ndarray
    weight: np.ndarray

    def mean(self, values: np.ndarray) -> tuple[float, float]:
        """Weighted mean over the bath levels and its standard error."""
        mean = float(self.weight @ values)
        return mean, float(np.sqrt(self.weight**2 @ (values - mean) ** 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Size:
    """What is known about one ring. ``branch``: {direction of the spin: number of its branch}."""

    L: int
    dim: int
    branch: dict[str, int]
    average: ShellAverage
    parameters: ShellParameters
    exact: dict[str, FromEigenstates]


def sector(directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None) -> tuple[list[Point], Path]:
    """Compute every size in ``directory``, or go on there; rows, and the figure that was drawn."""
    for L in sizes or SIZES:
        if L % 2 or not 8 <= L <= 30:
            raise JobError(f"--sizes: a ring at magnetisation 0 has an even number of spins, 8 ... 30 here, not {L}")
    known = [size(L, directory, report) for L in sorted(set(sizes or SIZES))]
    rows = [row for one in known for row in points(one)]
    target = directory / "entropy_sector.png"
    save(plot_entropy_sector(known, ENERGIES, LEVEL), target)
    return rows, target


def job_of(L: int) -> Job:
    """The job of the eigenstates of one size."""
    base = load_job(Path(__file__).with_name("jobs") / "entropy_sector.toml")
    assert isinstance(base.model, XXZ)
    spectrum = base.spectrum if L < FILTERED else replace(base.spectrum, engine=Filter(), shells=SHELLS)
    return replace(base, model=replace(base.model, L=L), spectrum=spectrum)


def size(L: int, directory: Path, report: Report = silent) -> Size:
    """One ring: shell averages, and the same from all eigenstates as far as its size allows."""
    job = job_of(L)
    composite = draw(job.model, seed=job.ensemble.seed)
    report(f"preparing L = {L}", 0, 1)
    vectors = ShellVectors.of(
        composite, ENERGIES, bath_sigma=BATH_SIGMA, sigma=SIGMA, sector=job.spectrum.sector
    )  # fmt: skip
    settings = (job.model, job.ensemble.seed, WIDTH, SIGMA, BATH_SIGMA, ENERGIES.tolist())
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    number = max(VECTORS, SAMPLE // vectors.bath_dim)
    files = [directory / f"sector_L{L}_moments{r:03d}_{key}.npz" for r in range(number)]
    moments = sampled(vectors, files, job.ensemble.seed, report, f"random vectors L = {L}")
    average = shell_average(vectors, moments, width=WIDTH)
    up = int(np.abs(system_states(composite).vectors[0]).argmax())
    exact = {}
    if L <= LARGEST_EXACT:
        output = directory / f"sector_L{L}.h5"
        run(job, output, report=lambda label, *n: report(f"L = {L}, {label}", *n))
        exact = from_eigenstates(open_result(output))
    return Size(
        L=L, dim=vectors.h.operator.dim, branch={"up": up, "down": 1 - up}, average=average,
        parameters=shell_parameters(average), exact=exact,
    )  # fmt: skip


def from_eigenstates(result: Result) -> dict[str, FromEigenstates]:
    """Averages and single states of a job's result, for each direction of the spin."""
    found = {}
    for point, spin in enumerate(SPINS):  # in the order of the sweep
        parts = [ds for task, ds in sorted(result.tasks.items(), key=lambda item: item[0].shell) if task.point == point]
        energy = np.concatenate([ds.energy.values for ds in parts])
        branch = int(parts[0].norm.values.sum(axis=0).argmax())
        p = np.concatenate([ds.p.values[:, branch] for ds in parts], axis=1)
        assert np.allclose(p.sum(axis=1), 1, atol=1e-8), "energy shells of all eigenstates hold every product state"
        weight = gaussians(parts[0].bath_energy.values, np.array([LEVEL]), BATH_SIGMA)[0]
        weight /= weight.sum()
        extremes = parts[0].attrs["E_min"], parts[0].attrs["E_max"]
        every = np.ones(energy.size)
        shells, P = smeared_distribution(energy, every, p, extremes=extremes, width=WIDTH, sigma=SIGMA)
        mean = (weight @ P)[None, None]
        found[spin] = FromEigenstates(
            average=ShellAverage(
                shells=shells, P=mean, smear=float(np.hypot(SIGMA, BATH_SIGMA)), samples=mean[None][:0], counts=mean[:0, 0],
            ),
            observational=observational(P, shells.count), von_neumann=shannon(p), weight=weight,
        )  # fmt: skip
    return found


def points(one: Size) -> list[Point]:
    """The rows of one size at bath energy LEVEL."""
    b, rows = int(np.abs(ENERGIES - LEVEL).argmin()), []
    for spin, i in one.branch.items():
        exact = one.exact.get(spin)
        true = shell_parameters(exact.average) if exact else None
        for name, attribute in (("chi", "chi"), ("centre", "centre"), ("S_obs of the average", "observational")):
            value, error = (float(getattr(one.parameters, a)[i, b]) for a in (attribute, f"{attribute}_error"))
            known = None if true is None else float(getattr(true, attribute)[0, 0])
            rows.append(Point(name=name, L=one.L, spin=spin, value=value, error=error, exact=known))
        rows.append(Point(name="rms of the fit", L=one.L, spin=spin, value=float(one.parameters.rms[i, b]), error=None))
        if exact:
            for name, values in (
                ("S_obs, single states", exact.observational),
                ("S_vN, single states", exact.von_neumann),
            ):
                value, error = exact.mean(values)
                rows.append(Point(name=name, L=one.L, spin=spin, value=value, error=error))
    return rows


def page(rows: Sequence[Point]) -> str:
    """The rows as Markdown: a line a number, a column a size; beside it in brackets [...] the exact number and its verdict."""
    sizes = sorted({p.L for p in rows})
    lines = []
    for name, spin in dict.fromkeys((p.name, p.spin) for p in rows):
        mine = {p.L: p for p in rows if (p.name, p.spin) == (name, spin)}
        lines.append([f"{name}, {spin}", *(_cell(mine[L]) if L in mine else "" for L in sizes)])
    return table(["", *(f"L = {L}" for L in sizes)], lines)


def _cell(point: Point) -> str:
    value = f"{point.value:.4f}" if point.error is None else with_error(point.value, point.error)
    return value if point.exact is None else f"{value} [{point.exact:.4f}: {point.verdict}]"
