"""A thermometer in each bath of the diffusion paper in real time: exact dynamics beside the direct and the theory propagator.

C(t) = <tau^z(t) tau^z> in the state f(H)/Tr f(H), f a Gaussian about epsilon = 0 (Eqs. 2-5, 20, 21). Exactly by evolving
random vectors, and from all eigenstates; by Eq. 5 from the direct propagator, Eq. 7, and from the theory's, Eq. 20. Baths too
large for eigenstates are evolved only, and stand beside the theory of the largest bath that has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from bigbath.cluster.run import run
from bigbath.job import Ensemble, Job, load_job
from bigbath.models import TFIM, Imbrie, Levy
from bigbath.plots import save
from bigbath.plots.thermometer import plot_thermometer
from bigbath.progress import Report, silent
from bigbath.solvers import NoStates
from bigbath.statistics import standard_error, student
from bigbath.store import open_result
from bigbath.studies.page import table, with_error
from bigbath.studies.study_row import StudyRow

#: Bath sizes; the largest one with all eigenstates.
SIZES, WHOLE = (8, 10), 11
#: Random vectors, and realizations, of baths without eigenstates.
VECTORS, FEW = 4, 2
#: Largest difference of the theory from exact dynamics up to the time LATEST = 1/0.3 that counts as agreement, C(0) = 1: as
#: of A(kappa) at kappa >= 0.3.
AGREEMENT, LATEST = {"levy": 0.04, "tfim": 0.02, "imbrie": 0.02}, 1 / 0.3
#: Errors that "equal" means, and rounding.
ERRORS, ROUNDING = 4, 1e-9


@dataclass(frozen=True, kw_only=True)
class Instant(StudyRow):
    """C(t) of a model with L bath spins: disorder means with errors, of which three contain the mean with 99.73 %.

    ``exact``: evolved random vectors (the Levy model, whose matrix is dense and its spectrum wide: all eigenstates);
    ``vectors_error``: the part of its error that they make. ``from_states``: from all eigenstates. ``direct``: Eqs. 5 and 7, with the bound ``direct_error``. ``theory``: Eq. 20 at bath size ``theory_size``;
    ``difference`` = theory - exact, from the same realizations' eigenstates where they are known. None where there are none.
    """

    model: str
    size: int
    time: float
    realizations: int
    exact: float
    exact_error: float
    vectors_error: float
    from_states: float | None = None
    direct: float | None = None
    direct_error: float | None = None
    theory: float | None = None
    theory_size: int | None = None
    difference: float | None = None
    difference_error: float | None = None

    @property
    def vectors_agree(self) -> bool:
        """Whether random vectors and eigenstates give the same, and the direct propagator the same within its bound."""
        reach = ERRORS * self.vectors_error
        agree = self.from_states is None or abs(self.exact - self.from_states) <= reach + ROUNDING
        return agree and (
            self.direct is None
            or self.direct_error is None
            or abs(self.direct - self.exact) <= self.direct_error + reach
        )

    @property
    def verdict(self) -> str:
        """ "yes" or "no" for the theory at t <= 3.3, where errors are known, "-" elsewhere; "no" where exact ways differ."""
        if not self.vectors_agree:
            return "no"
        if self.difference is None or self.difference_error is None or self.time > LATEST:
            return "-"
        if not np.isfinite(self.difference_error):
            return "-"
        return "yes" if abs(self.difference) <= AGREEMENT[self.model] + 3 * self.difference_error else "no"


def job(model: Levy | TFIM | Imbrie, realizations: int | None = None) -> Job:
    """The job of one bath: with all eigenstates up to L = 11, else by random vectors alone; the Levy model never by these."""
    base = load_job(Path(__file__).with_name("jobs") / "diffusion_time.toml")
    evolution = base.measure.evolution
    assert evolution is not None
    if model.L <= WHOLE:
        ensemble = Ensemble(realizations=realizations or base.ensemble.realizations)
        if isinstance(model, Levy):
            base = replace(base, measure=replace(base.measure, evolution=replace(evolution, vectors=None)))
        return replace(base, model=model, ensemble=ensemble)
    evolution = replace(evolution, direct=None, vectors=VECTORS)
    return replace(
        base, model=model, bath=None, spectrum=replace(base.spectrum, window=NoStates()),
        measure=replace(base.measure, evolution=evolution), ensemble=Ensemble(realizations=realizations or FEW),
    )  # fmt: skip


def thermometer(
    directory: Path,
    report: Report = silent,
    *,
    sizes: Sequence[int] | None = None,
    realizations: int | None = None,
) -> tuple[list[Instant], Path]:
    """Compute every bath in ``directory``, or take it from there; rows, and the figure that was drawn.

    The Levy model is a dense matrix and is left out beyond L = 11.
    """
    rows: list[Instant] = []
    for kind in (Levy, TFIM, Imbrie):
        theory: list[Instant] = []
        for size in sorted(set(sizes or SIZES)):
            if kind is Levy and size > WHOLE:
                continue
            model = kind(L=size)
            chosen = job(model, realizations)
            output = directory / f"thermometer_{model.name}_L{size}_R{chosen.ensemble.realizations}.h5"
            run(chosen, output, report=lambda label, *n, m=model: report(f"{m.name}, L = {m.L}, {label}", *n))
            found = instants(model.name, size, open_result(output).dataset)
            if found[0].theory is not None:
                theory = found
            elif theory:
                found = [_beside(one, other) for one, other in zip(found, theory, strict=True)]
            rows += found
    target = directory / "diffusion_time.png"
    save(plot_thermometer(rows), target)
    return rows, target


def instants(name: str, size: int, ds: xr.Dataset) -> list[Instant]:
    """Rows of one bath from the realizations of a result."""
    count = ds.sizes["realization"]
    by_vectors = "autocorrelation_evolved" in ds
    evolved = (ds.autocorrelation_evolved if by_vectors else ds.autocorrelation).values
    own = ds.autocorrelation_evolved_error.values if by_vectors else np.zeros_like(evolved)
    of_vectors = np.sqrt((own**2).sum(axis=0)) / count
    scatter = _error(evolved)
    rows = []
    for k, time in enumerate(ds.time.values):
        row = Instant(
            model=name, size=size, time=float(time), realizations=count, exact=float(evolved[:, k].mean()),
            exact_error=float(scatter[k]), vectors_error=float(of_vectors[k]),
        )  # fmt: skip
        if "autocorrelation_theory" in ds:
            difference = ds.autocorrelation_theory.values - ds.autocorrelation.values
            row = replace(
                row, from_states=float(ds.autocorrelation.values[:, k].mean()),
                direct=float(ds.autocorrelation_direct.values[:, k].mean()),
                direct_error=float(4 * ds.p_time_direct_error.values[:, k].mean()),
                theory=float(ds.autocorrelation_theory.values[:, k].mean()), theory_size=size,
                difference=float(difference[:, k].mean()), difference_error=float(_error(difference)[k]),
            )  # fmt: skip
        rows.append(row)
    return rows


def _error(values: np.ndarray) -> np.ndarray:
    """Error (T,) of the mean over realizations (R, T), NaN for one."""
    return standard_error(values.T) * (student(len(values)) if len(values) > 1 else np.nan)


def _beside(row: Instant, smaller: Instant) -> Instant:
    """A bath without theory beside that of a smaller one: other realizations, so that both scatters count."""
    assert smaller.theory is not None and smaller.difference_error is not None
    error = float(np.hypot(row.exact_error, np.hypot(smaller.exact_error, smaller.difference_error)))
    return replace(
        row,
        theory=smaller.theory,
        theory_size=smaller.size,
        difference=smaller.theory - row.exact,
        difference_error=error,
    )


def page(rows: Sequence[Instant]) -> str:
    """The rows as Markdown: two lines a bath, C(t) and theory - exact in per cent of C(0), a column a time."""
    times = sorted({row.time for row in rows})
    lines = []
    for model, size in dict.fromkeys((row.model, row.size) for row in rows):
        mine = {row.time: row for row in rows if (row.model, row.size) == (model, size)}
        verdicts = {row.verdict for row in mine.values()} - {"-"}
        verdict = "" if not verdicts else "no" if "no" in verdicts else "yes"
        name = f"{model} {size}, {next(iter(mine.values())).realizations} realizations"
        lines.append([name, "C(t)", *(with_error(mine[t].exact, mine[t].exact_error) for t in times), ""])
        if mine[times[0]].difference is not None:
            beside = mine[times[0]].theory_size
            what = "theory − C, %" if beside == size else f"theory at L = {beside} − C, %"
            cells = [
                with_error(100 * (mine[t].difference or 0.0), 100 * (mine[t].difference_error or np.nan)) for t in times
            ]
            lines.append(["", what, *cells, verdict])
    return table(["bath", "t =", *(f"{t:g}" for t in times), "verdict"], lines)
