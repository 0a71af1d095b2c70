"""Where the Lorentzian law of the entropy paper holds and where it must fail: the same job for other models.

The paper needs a bath that is not integrable: then neighbouring states have the same chi, and a product state takes a fixed
share of the levels that its shells offer to its symmetry sector: exp(-0.73) = 0.48 if the p_n of a shell fluctuate as Porter
and Thomas say. Both are measured against N. A width below the shells is not resolved: then the law is not tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.special import rel_entr

from bigbath.cluster.run import run
from bigbath.job import Ensemble, load_job
from bigbath.measure import MeasureDistribution
from bigbath.models import Imbrie, Model, Ring
from bigbath.plots import save
from bigbath.plots.laws import plot_laws
from bigbath.progress import Report, silent
from bigbath.store import open_result
from bigbath.studies.study_row import StudyRow

#: Spins in all; disorder realizations.
SIZES, REALIZATIONS = (9, 11, 13), 2
#: The law holds with at least this share of converged fits and of reached levels, and at most this spread of chi.
FITTED, SHARE, SPREAD = 0.9, 0.2, 0.35
#: It is tested when the shells resolve chi of at least this share of the states.
RESOLVED = 0.5


def cases(N: int) -> dict[str, tuple[Model, float]]:
    """Models of ``N`` spins with the width of their shells: about chi."""
    return {
        "ring": (Ring(N=N), 0.5),
        "ring, h = 0": (Ring(N=N, h=0.0), 0.5),
        "ring, g = 0": (Ring(N=N, g=0.0), 0.5),
        "Imbrie, W = 2": (Imbrie(L=N - 1), 0.2),
        "Imbrie, W = 2, fine shells": (Imbrie(L=N - 1), 0.05),
        "Imbrie, W = 12": (Imbrie(L=N - 1, W=12.0), 0.2),
    }


@dataclass(frozen=True, kw_only=True)
class Law(StudyRow):
    """One model and size, over the initial states within one standard deviation of the middle of the bath's spectrum.

    ``chi``: median, of Lorentzians integrated over the shells. ``chi_points``: the same with the paper's, taken at the
    shells' mean energies. ``resolved``: share of states with ``chi`` above the shells' width. ``spread``: half the
    difference of the quartiles of chi (in standard deviations of a normal distribution) over the median. ``fitted``: share
    of converged fits. ``rms``: median residual over the largest P. ``share``: mean of exp(S_vN - S_obs), S_obs with the
    levels of the state's own symmetry sector: the share of its shells' levels that a product state reaches.
    ``gap_ratio``: largest symmetry sector.
    """

    model: str
    N: int
    realizations: int
    chi: float
    chi_points: float
    resolved: float
    spread: float
    fitted: float
    rms: float
    share: float
    gap_ratio: float

    @property
    def verdict(self) -> str:
        """Whether the law "holds" or "fails", or is "unresolved": the widths are below the shells'."""
        if self.share < SHARE:
            return "fails"
        if self.resolved < RESOLVED:
            return "unresolved"
        return "holds" if self.fitted >= FITTED and self.spread <= SPREAD else "fails"


def laws(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int = REALIZATIONS
) -> tuple[list[Law], Path]:
    """Compute every model and size in ``directory``, or go on there; rows, and the figure that was drawn."""
    rows, last = [], {}
    base = load_job(Path(__file__).with_name("jobs") / "entropy_models.toml")
    for N in sizes or SIZES:
        for name, (model, width) in cases(N).items():
            number = realizations if model.disordered else 1
            measure = replace(base.measure, distribution=MeasureDistribution(shell_width=width))
            job = replace(base, title=name, model=model, ensemble=Ensemble(realizations=number), measure=measure)
            output = directory / f"entropy_{name.replace(', ', '_').replace(' = ', '')}_N{N}_R{number}.h5"
            run(job, output, report=lambda label, *n, name=name, N=N: report(f"{name}, N = {N}, {label}", *n))
            chosen = [middle(ds) for ds in open_result(output).realizations.values()]
            rows.append(law(name, N, chosen))
            last[name] = chosen[0]
    target = directory / "entropy_laws.png"
    save(plot_laws(rows, last), target)
    return rows, target


def middle(ds: xr.Dataset) -> xr.Dataset:
    """Initial states within one standard deviation of the middle of the bath's spectrum."""
    e = ds.bath_energy.values
    return ds.isel(bath_state=np.abs(e - e.mean()) < e.std())


def own_entropy(ds: xr.Dataset) -> np.ndarray:
    """Observational entropy (bath_state, branch) with the levels that symmetry lets each state reach."""
    own = ds.own_shell_count.values
    return -np.sum(rel_entr(ds.P.values, np.maximum(own, 1)), axis=-1)


def law(name: str, N: int, realizations: Sequence[xr.Dataset]) -> Law:
    """The row of one model and size."""

    def pooled(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([v.ravel() for v in values])

    low, chi, high = np.quantile(pooled([ds.chi_integrated.values for ds in realizations]), (0.25, 0.5, 0.75))
    share = [np.exp(ds.shannon.values - own_entropy(ds)) for ds in realizations]
    largest = [int(np.bincount(ds.sector_index.values).argmax()) for ds in realizations]
    return Law(
        model=name, N=N, realizations=len(realizations), chi=float(chi),
        chi_points=float(np.median(pooled([ds.chi.values for ds in realizations]))),
        resolved=float(pooled([ds.fit_resolved_integrated.values for ds in realizations]).mean()),
        spread=float((high - low) / 1.349 / chi),
        fitted=float(pooled([ds.fit_converged_integrated.values for ds in realizations]).mean()),
        rms=float(np.median(pooled([(ds.fit_rms_integrated / ds.P.max("shell")).values for ds in realizations]))),
        share=float(pooled(share).mean()),
        gap_ratio=float(np.mean([ds.gap_ratio.values[s] for ds, s in zip(realizations, largest, strict=True)])),
    )  # fmt: skip
