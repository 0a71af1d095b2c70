"""Entropies with their fluctuations, predicted from |V|^2 alone, against the data: the ring for several N.

The entropy paper asks for "the variance and higher moments of p_n inside a shell" to understand the von Neumann entropy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.broadening.density_of_states import Gaussian, kappa
from bigbath.broadening.entropy import lorentzian_entropy, observational
from bigbath.broadening.porter_thomas import (
    cumulative,
    reduced_moments,
    renyi2_of_shells,
    shannon_deficit,
    shannon_of_shells,
)
from bigbath.broadening.regression import branches
from bigbath.cluster.run import run
from bigbath.errors import JobError
from bigbath.job import load_job
from bigbath.models import Ring
from bigbath.plots import save
from bigbath.plots.prediction import plot_prediction
from bigbath.progress import Report, silent
from bigbath.store import open_result
from bigbath.studies.study_row import StudyRow

#: Spins in all; initial states with bath energies nearer to 0; real eigenvectors.
SIZES, WINDOW, FREEDOM = (11, 13, 15), 4.0, 1
#: Moments are of shells nearer to the centre than this many widths, with at least so many levels.
BODY, LEVELS = 2.0, 20
#: The smallest ring whose shells hold so many.
SMALLEST = 11
#: A prediction agrees within so many nats; moments and the distribution are Porter-Thomas within so much.
NATS, MOMENTS, DISTANCE = 0.1, 0.15, 0.05


@dataclass(frozen=True, kw_only=True)
class Prediction(StudyRow):
    """Means over the initial states: ``measured`` and ``predicted``, and ``limit`` of the difference for the verdict "yes"."""

    name: str
    N: int
    measured: float
    predicted: float
    limit: float

    accepted = True

    @property
    def verdict(self) -> str:
        """Whether the two agree, "yes" or "no"."""
        return "yes" if abs(self.predicted - self.measured) <= self.limit else "no"

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data, with the difference and the verdict."""
        return super().as_dict() | {"difference": self.predicted - self.measured}


def prediction(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None
) -> tuple[list[Prediction], Path]:
    """Compute every size in ``directory``, or take it from there; rows, and the figure that was drawn."""
    if sizes and min(sizes) < SMALLEST:
        raise JobError(f"--sizes {min(sizes)}: shells hold enough levels for fluctuations from N = {SMALLEST}")
    base = load_job(Path(__file__).with_name("jobs") / "entropy_whole.toml")
    rows: list[Prediction] = []
    last: tuple[xr.Dataset, Ring] | None = None
    for N in sizes or SIZES:
        model = Ring(N=N)
        output = directory / ("entropy_whole.h5" if model == base.model else f"entropy_whole_N{N}.h5")
        run(replace(base, model=model), output, report=lambda label, *n, N=N: report(f"N = {N}, {label}", *n))
        last = open_result(output).realizations[0], model
        rows += predictions(*last)
    assert last is not None
    target = directory / "entropy_prediction.png"
    save(draw(rows, last[0]), target)
    return rows, target


def draw(rows: Sequence[Prediction], ds: xr.Dataset) -> Figure:
    """The figure of ``rows``, with the distribution of the largest ring."""
    return plot_prediction(rows, ds, fluctuations(ds), FREEDOM)


def predictions(ds: xr.Dataset, model: Ring) -> list[Prediction]:
    """The rows of one ring, from the result of the job "entropy_whole" with that ring."""
    one = ds.isel(bath_state=np.abs(ds.bath_energy.values) < WINDOW)
    P, own = one.P.values, one.own_shell_count.values
    smooth = observational(P, ds.shell_count.values)
    measured = {"S_obs": smooth.mean(), "S_vN": float(one.shannon.mean()), "S_2": float(one.renyi2.mean())}
    of_shells = {
        "S_vN": shannon_of_shells(P, own, FREEDOM).mean(),
        "S_2": renyi2_of_shells(P, own, FREEDOM).mean(),
    }
    closed = {
        "S_obs": float(one.observational_closed.mean()),
        "S_vN": float(one.von_neumann_closed.mean()),
        "S_2": float(one.renyi2_closed.mean()),
    }
    entropies = {
        "S_obs by Eq. 49 with the fits": ("S_obs", eq_49(ds, model)),
        "S_vN by Eq. 49 less fluctuations of all levels": ("S_vN", eq_49(ds, model) - shannon_deficit(FREEDOM)),
        **{f"{name} from the shells' P and Porter-Thomas": (name, value) for name, value in of_shells.items()},
        **{f"{name} from |V|^2 alone": (name, value) for name, value in closed.items()},
    }
    rows = [
        Prediction(name=name, N=model.N, measured=float(measured[of]), predicted=float(value), limit=NATS)
        for name, (of, value) in entropies.items()
    ]
    moments = body_moments(one)
    rows += [
        Prediction(
            name=f"<p^{q}>/<p>^{q} over Porter-Thomas", N=model.N, measured=float(value), predicted=1.0, limit=MOMENTS
        )
        for q, value in zip((2, 3, 4), moments, strict=True)
    ]
    distance = np.abs(empirical(fluctuations(ds)) - cumulative(np.sort(fluctuations(ds)), FREEDOM)).max()
    return [
        *rows,
        Prediction(
            name="largest distance of the cumulative distributions", N=model.N, measured=float(distance), predicted=0.0,
            limit=DISTANCE,
        ),
    ]  # fmt: skip


def eq_49(ds: xr.Dataset, model: Ring) -> float:
    """Mean of Eq. 49 over the initial states of the window, with the regressions of the fits and their mean chi."""
    epsilon = ds.bath_energy.values
    near = np.abs(epsilon) < WINDOW
    lines = branches(epsilon, ds.system_energy.values, ds.centre.values, ds.chi.values)
    centre = np.stack([line.centre(epsilon[near]) for line in lines], axis=1)
    density = Gaussian(sites=model.N, kappa=kappa(model.g, model.h, sites=model.N, bonds=model.N))
    return float(lorentzian_entropy(centre, np.full(centre.shape, float(ds.chi.mean())), density).mean())


def body_moments(one: xr.Dataset) -> np.ndarray:
    """Mean of the reduced moments (3,) over states and those of their shells that hold the body of the distribution."""
    own = one.own_shell_count.values
    ratios = reduced_moments(one.P.values, one.shell_powers.values, own, FREEDOM)
    away = np.abs(one.shell_energy.values - one.centre.values[..., None])
    body = (away < BODY * float(one.chi.median())) & (own >= LEVELS)
    return ratios[body].mean(axis=0)


def fluctuations(ds: xr.Dataset) -> np.ndarray:
    """p_n over its mean in the shell, of the kept states, both branches, and the shells of their bodies."""
    kept = ds.isel(bath_state=ds.kept_bath_state.values)
    number = np.digitize(ds.energy.values, ds.shell_lower_edge.values) - 1
    found = []
    for state in range(kept.sizes["bath_state"]):
        one = kept.isel(bath_state=state)
        mean = one.P.values / np.maximum(one.own_shell_count.values, 1)
        for branch in range(kept.sizes["branch"]):
            p = ds.p.isel(kept_state=state, branch=branch).values
            near = np.abs(ds.energy.values - float(one.centre[branch])) < BODY * float(ds.chi.median())
            near &= (p > 0) & (one.own_shell_count.values[branch, number] >= LEVELS)
            found.append(p[near] / mean[branch, number[near]])
    return np.concatenate(found)


def empirical(values: np.ndarray) -> np.ndarray:
    """Cumulative distribution of ``values`` at their sorted places (n,)."""
    return (np.arange(values.size) + 0.5) / values.size
