"""The diffusion paper (Lunkin): Figs. 3-5, direct evaluation against theory with errors over disorder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bigbath.cluster.run import run
from bigbath.errors import ImpossibleRequest
from bigbath.job import Ensemble, Job, Spectrum
from bigbath.measure import Measures
from bigbath.measure.cavity import MeasureCavity
from bigbath.measure.propagator import MeasurePropagator
from bigbath.models import TFIM, Imbrie, Levy
from bigbath.plots.diffusion import plot_autocorrelation, plot_collapse, plot_limits
from bigbath.plots.style import save
from bigbath.progress import Report, silent
from bigbath.solvers import Dense, Whole
from bigbath.statistics import standard_error, student
from bigbath.store import open_result
from bigbath.studies.dephasing import dephasing
from bigbath.studies.loops import loops
from bigbath.studies.loops import page as loops_page
from bigbath.studies.page import Page
from bigbath.studies.stochastic import StochasticStudy
from bigbath.studies.study_row import StudyRow
from bigbath.studies.thermometer import page as thermometer_page
from bigbath.studies.thermometer import thermometer

#: Figure -> model; the paper's parameters are the models' defaults.
MODELS = {3: Levy, 4: TFIM, 5: Imbrie}
#: Laplace variables, the paper's energy (the centre of the spectrum), bath sizes L and realizations.
KAPPA = (0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 3.0)
SIZES = {3: (8, 10, 11), 4: (8, 10, 12), 5: (8, 10, 12)}
REALIZATIONS = 30
#: Baths of more spins than this are not diagonalised: random vectors and sampled bath states of one realization.
LARGEST = 13
#: Random vectors, and bath states of a window, where several realizations share the work.
EACH_OF_SEVERAL = {"vectors": 16, "states": 12}
#: The same for the limits of Sec. 6.
LIMIT_SIZES, LIMIT_KAPPA = (6, 8, 10), (1e-4, 1e-3, 1e-2, 0.1, 1.0)
#: Largest relative difference of theory and direct evaluation at kappa >= RELIABLE that counts as agreement.
AGREEMENT, RELIABLE = {"levy": 0.04, "tfim": 0.02, "imbrie": 0.02}, 0.3
#: The same with the memory of single bonds; bonds |V_jk|^2 below WEAKEST carry no messages, an error of about 0.1 %.
MEMORY_AGREEMENT, WEAKEST = 0.005, 1e-3


@dataclass(frozen=True, kw_only=True)
class Point(StudyRow):
    """A(epsilon, kappa) of a model with L bath spins: disorder means with standard errors.

    ``difference``: theory / direct - 1 of the means, its error by jackknife over realizations, so that their common
    scatter cancels. ``level_spacing``: mean level spacing of H at epsilon. ``verdict``: "yes" or "no" at
    kappa >= 0.3, where the two should agree within 2 % (Levy: 4 %), "-" below. ``memory``: A with the memory of single
    bonds beside Eq. 20, of the Levy model, where it should agree within 0.5 %.
    """

    model: str
    size: int
    epsilon: float
    kappa: float
    direct: float
    direct_error: float
    theory: float
    theory_error: float
    difference: float
    difference_error: float
    level_spacing: float
    realizations: int
    memory: float | None = None
    memory_error: float | None = None
    memory_difference: float | None = None
    memory_difference_error: float | None = None

    @property
    def verdict(self) -> str:
        """Whether theory and direct evaluation agree, within the tolerance or three standard errors beyond it."""
        if self.kappa < RELIABLE:
            return "-"
        agrees = abs(self.difference) <= AGREEMENT[self.model] + 3 * self.difference_error
        if self.memory_difference is not None and self.memory_difference_error is not None:
            agrees &= abs(self.memory_difference) <= MEMORY_AGREEMENT + 3 * self.memory_difference_error
        return "yes" if agrees else "no"


def job(
    model: Levy | TFIM | Imbrie,
    *,
    realizations: int = REALIZATIONS,
    kappa: tuple[float, ...] = KAPPA,
    seed: int = 1,
    memory: bool = False,
) -> Job:
    """The job of one curve: whole spectra of H and H_B by LAPACK, propagator at epsilon = 0, bond memory if asked for."""
    whole = Spectrum(window=Whole(), engine=Dense())
    return Job(
        title=f"Lunkin, Thermalisation as Diffusion in Hilbert Space: {model.name}, L = {model.L}",
        model=model,
        spectrum=whole,
        bath=whole,
        measure=Measures(
            propagator=MeasurePropagator(kappa=kappa),
            cavity=MeasureCavity(kappa=kappa, weakest=WEAKEST) if memory else None,
        ),
        ensemble=Ensemble(seed=seed, realizations=realizations),
    )


def points(name: str, size: int, ds: xr.Dataset) -> list[Point]:
    """Rows of one model and size from the realizations of a result file."""
    n = ds.sizes["realization"]
    rows = []
    for e, epsilon in enumerate(ds.epsilon.values):
        for k, kappa in enumerate(ds.kappa.values):
            direct, theory = (ds[v].values[:, e, k] for v in ("A", "A_theory"))
            difference, difference_error = ratio(theory, direct)
            memory: dict[str, float] = {}
            if "A_memory" in ds:
                values = ds.A_memory.values[:, e, k]
                value, error = ratio(values, direct)
                memory = {
                    "memory": float(values.mean()), "memory_error": float(standard_error(values)),
                    "memory_difference": value - 1, "memory_difference_error": error,
                }  # fmt: skip
            rows.append(
                Point(
                    model=name, size=size, epsilon=float(epsilon), kappa=float(kappa),
                    direct=float(direct.mean()), direct_error=float(standard_error(direct)),
                    theory=float(theory.mean()), theory_error=float(standard_error(theory)),
                    difference=difference - 1, difference_error=difference_error,
                    level_spacing=float(ds.level_spacing.values[:, e].mean()), realizations=n, **memory,
                )
            )  # fmt: skip
    return rows


def large(
    model: Levy | TFIM | Imbrie, directory: Path, report: Report = silent, *, realizations: int = 1, **options: Any
) -> list[Point]:
    """Rows at epsilon = 0 without diagonalisation; ``options`` of ``StochasticStudy``, what is done is kept."""
    if isinstance(model, Levy):
        raise ImpossibleRequest(
            f"the Levy matrix is dense and cannot be sampled: take L <= {LARGEST}, and no --sampled"
        )
    study = StochasticStudy(model=model, **options)
    results = [study.run(directory, realization, report) for realization in range(realizations)]
    curves = [r.direct for r in results], [r.sampled.theory for r in results]
    rows = []
    for k, kappa in enumerate(study.kappa):
        direct, theory = (np.array([values[k] for values in each]) for each in curves)
        one = results[0].sampled
        errors = (results[0].direct_error[k], one.theory_error[k])
        difference, difference_error = one.difference[k] + 1, one.difference_error[k]
        if realizations > 1:
            errors = (standard_error(direct) * student(realizations), standard_error(theory) * student(realizations))
            difference, scatter = ratio(theory, direct)
            difference_error = scatter * student(realizations)
        rows.append(
            Point(
                model=model.name, size=model.L, epsilon=0.0, kappa=kappa,
                direct=float(direct.mean()), direct_error=float(errors[0]),
                theory=float(theory.mean()), theory_error=float(errors[1]),
                difference=float(difference - 1), difference_error=float(difference_error),
                level_spacing=float(np.mean([r.level_spacing for r in results])), realizations=realizations,
            )
        )  # fmt: skip
    return rows


def ratio(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Ratio of the means of paired values (R,), and its jackknife error."""
    n = a.size
    value = float(a.mean() / b.mean())
    if n < 2:
        return value, float("nan")
    left_out = (a.sum() - a) / (b.sum() - b)
    return value, float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))


def figure(
    number: int,
    directory: Path,
    report: Report = silent,
    *,
    sizes: Sequence[int] | None = None,
    realizations: int | None = None,
    sampled: bool = False,
) -> tuple[list[Point], Path]:
    """Compute Fig. 3 (Levy), 4 (TFIM) or 5 (Imbrie) in ``directory``: rows, and the figure that was drawn.

    Result files are kept by size there, so that sizes can be added and an interrupted run goes on. Baths of more than
    LARGEST spins, with ``sampled`` all, are sampled instead of diagonalised. ``realizations``: by default 30, where they
    are sampled 1.
    """
    rows: list[Point] = []
    for size in sizes or SIZES[number]:
        model = MODELS[number](L=size)
        if sampled or size > LARGEST:
            each = EACH_OF_SEVERAL if realizations and realizations > 1 else {}
            rows += large(model, directory, report, realizations=realizations or 1, **each)
            continue
        output = directory / f"diffusion_{model.name}_L{size}_R{realizations or REALIZATIONS}.h5"
        heavy_tails = isinstance(model, Levy)
        run(job(model, realizations=realizations or REALIZATIONS, memory=heavy_tails), output, report=report)
        rows += points(model.name, size, open_result(output).dataset)
    target = directory / f"diffusion_fig{number}.pdf"
    save(plot_autocorrelation(rows), target)
    return rows, target


def collapse(
    directory: Path,
    report: Report = silent,
    *,
    sizes: Sequence[int] | None = None,
    realizations: int | None = None,
) -> tuple[list[Point], Path]:
    """The rows of Figs. 3-5, and one plot of theory / direct - 1 against kappa over the level spacing."""
    figures = [figure(number, directory, report, sizes=sizes, realizations=realizations) for number in MODELS]
    rows = [row for found, _ in figures for row in found]
    target = directory / "diffusion_collapse.pdf"
    save(plot_collapse(rows), target)
    return rows, target


@dataclass(frozen=True, kw_only=True)
class Limit(StudyRow):
    """Typical level broadening of one model, size and kappa at epsilon = 0, and what the thermometer remembers.

    ``typical``: exp of the disorder mean of ln Gamma_typ. ``memory``: kappa A / (nu~_0 + nu~_1), 1 for a thermometer
    that never leaves its level, 0 for one that forgets it; each with its standard error.
    """

    model: str
    parameter: float
    size: int
    kappa: float
    typical: float
    typical_error: float
    memory: float
    memory_error: float
    level_spacing: float
    realizations: int


def limits(
    directory: Path,
    report: Report = silent,
    *,
    sizes: Sequence[int] | None = None,
    realizations: int = REALIZATIONS,
) -> tuple[list[Limit], Path]:
    """Sec. 6: where the typical broadening vanishes with kappa, Levy mu = 0.7 and Imbrie W = 12 (and the paper's).

    The paper has no figure for it; rows, and a plot of the typical broadening against kappa.
    """
    rows = []
    for size in sizes or LIMIT_SIZES:
        levy, imbrie = (
            [(Levy(L=size, mu=mu), mu) for mu in (1.5, 0.7)],
            [(Imbrie(L=size, W=W), W) for W in (2.0, 12.0)],
        )
        for model, parameter in levy + imbrie:
            output = directory / f"diffusion_{model.name}_{parameter:g}_L{size}_R{realizations}_limit.h5"
            run(job(model, realizations=realizations, kappa=LIMIT_KAPPA), output, report=report)
            rows += _limit_rows(model.name, parameter, size, open_result(output).dataset)
    target = directory / "diffusion_limits.pdf"
    save(plot_limits(rows), target)
    return rows, target


def _limit_rows(name: str, parameter: float, size: int, ds: xr.Dataset) -> list[Limit]:
    rows = []
    for k, kappa in enumerate(ds.kappa.values):
        logs = np.log(ds.Gamma_typical.values[:, 0, k])
        memory, memory_error = ratio(kappa * ds.A.values[:, 0, k], ds.nu.values[:, :, 0, k].sum(axis=1))
        typical = float(np.exp(logs.mean()))
        rows.append(
            Limit(
                model=name, parameter=parameter, size=size, kappa=float(kappa), typical=typical,
                typical_error=typical * float(standard_error(logs)), memory=memory, memory_error=memory_error,
                level_spacing=float(ds.level_spacing.values[:, 0].mean()), realizations=logs.size,
            )
        )  # fmt: skip
    return rows


#: Figure -> function (directory, report, sizes=...) that computes it: the paper's by their numbers, the limits of its Sec. 6,
#: and where the theory fails.
FIGURES: dict[str, Callable] = {
    **{str(number): partial(figure, number) for number in MODELS}, "limits": limits, "collapse": collapse,
}  # fmt: skip
#: Only when asked for: coherences of the thermometer, why the theory fails, and the thermometer in time.
ALONE: dict[str, Callable] = {"dephasing": dephasing, "loops": loops, "time": thermometer}
#: What these were called before they had names.
FORMER_NAMES = {"6": "limits", "7": "collapse", "8": "dephasing"}
PAGES: dict[str, Page] = {"loops": loops_page, "time": thermometer_page}
