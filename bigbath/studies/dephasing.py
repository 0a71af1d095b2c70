"""Coherences of the thermometer, exactly and by the ladder of resolvents: what Sec. 6 of the diffusion paper asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from bigbath.cluster.run import run
from bigbath.job import Ensemble, Job, Spectrum
from bigbath.measure import Measures
from bigbath.measure.dephasing import MeasureDephasing
from bigbath.models import TFIM, Imbrie, Levy
from bigbath.plots import save
from bigbath.plots.diffusion import plot_dephasing
from bigbath.progress import Report, silent
from bigbath.solvers import Dense, Whole
from bigbath.store import open_result
from bigbath.studies.study_row import StudyRow

#: Bath sizes, realizations and Laplace variables; epsilon = 0.
SIZES, REALIZATIONS, KAPPA = (8,), 10, (0.1, 0.3, 1.0, 3.0)
#: (element, element_from): a population that stays, a coherence that stays, and one that is turned over.
ELEMENTS = (("1,1", "1,1"), ("1,2", "1,2"), ("1,2", "2,1"))
#: Largest relative difference at kappa >= RELIABLE that counts as agreement, of elements that stay.
AGREEMENT, RELIABLE = 0.05, 1.0


@dataclass(frozen=True, kw_only=True)
class Element(StudyRow):
    """Disorder means of one element of the propagator at epsilon = 0, ``exact`` and by the ``ladder``, their moduli.

    ``difference``: |ladder - exact|/|exact| of the complex means, ``difference_error`` the standard error of ladder -
    exact over |exact|. ``verdict``: "yes" or "no" for elements that stay at kappa >= 1, where 5 % are expected of all
    but the Levy model, whose heavy tails the ladder does not know; "-" elsewhere.
    """

    model: str
    size: int
    element: str
    kappa: float
    exact: float
    ladder: float
    difference: float
    difference_error: float
    realizations: int

    @property
    def verdict(self) -> str:
        """Whether the ladder agrees, within the tolerance or three standard errors beyond it."""
        to, origin = self.element.split(" from ")
        if self.kappa < RELIABLE or to != origin or self.model == "levy":
            return "-"
        return "yes" if self.difference <= AGREEMENT + 3 * self.difference_error else "no"


def job(model: Levy | TFIM | Imbrie, *, realizations: int) -> Job:
    """Exact and ladder propagator of one model."""
    whole = Spectrum(window=Whole(), engine=Dense())
    return Job(
        title=f"Dephasing: {model.name}, L = {model.L}",
        model=model,
        spectrum=whole,
        bath=whole,
        measure=Measures(dephasing=MeasureDephasing(kappa=KAPPA)),
        ensemble=Ensemble(realizations=realizations),
    )


def rows_of(name: str, size: int, ds: xr.Dataset) -> list[Element]:
    """Rows of one model and size from the realizations of a result file."""
    rows = []
    for to, origin in ELEMENTS:
        chosen = ds.sel(element=to, element_from=origin).isel(epsilon=0)
        exact, ladder = (
            chosen[f"{which}_real"].values + 1j * chosen[f"{which}_imag"].values
            for which in ("superpropagator", "ladder")
        )
        for k, kappa in enumerate(ds.kappa.values):
            size_of = abs(exact[:, k].mean())
            each = ladder[:, k] - exact[:, k]
            error = np.sqrt(each.var(ddof=1) / each.size) if each.size > 1 else np.nan
            rows.append(
                Element(
                    model=name, size=size, element=f"{to} from {origin}", kappa=float(kappa), exact=float(size_of),
                    ladder=float(abs(ladder[:, k].mean())), difference=float(abs(each.mean()) / size_of),
                    difference_error=float(error / size_of), realizations=each.size,
                )
            )  # fmt: skip
    return rows


def dephasing(
    directory: Path,
    report: Report = silent,
    *,
    sizes: Sequence[int] | None = None,
    realizations: int = REALIZATIONS,
) -> tuple[list[Element], Path]:
    """Rows of all three models, and a plot of the elements against kappa."""
    rows = []
    for size in sizes or SIZES:
        for model in (Levy(L=size), TFIM(L=size), Imbrie(L=size)):
            output = directory / f"dephasing_{model.name}_L{size}_R{realizations}.h5"
            run(job(model, realizations=realizations), output, report=report)
            rows += rows_of(model.name, size, open_result(output).dataset)
    target = directory / "diffusion_dephasing.pdf"
    save(plot_dephasing(rows), target)
    return rows, target
