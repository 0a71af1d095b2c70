"""Entropy production in time of the entropy paper's ring: growth, plateau, steady state, fluctuations against Eq. 51.

The observational entropy S(t) by (level of the system, energy shell of the bath) starts from product states, a bath
eigenstate in the middle of its spectrum times each level. With p(t) the probabilities of the shells and p their time average,
which are those of the dephased state, S of p exceeds the mean of S(t) by the mean of sum p(t) ln(p(t)/p): nearly
(1/2) sum var/p, and never more than sum var/p.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from bigbath.cluster.run import run
from bigbath.errors import JobError
from bigbath.job import Job, Spectrum, load_job
from bigbath.measure.dynamics import Shots
from bigbath.measure.initial_state import BathShell
from bigbath.models import Ring
from bigbath.plots import save
from bigbath.plots.production import plot_production
from bigbath.progress import Report, silent
from bigbath.solvers import Nearest, NoStates
from bigbath.store import open_result
from bigbath.studies.page import table
from bigbath.studies.study_row import StudyRow

#: Sizes by default; the largest ring with its whole spectrum, with that of its bath, with one state of the bath, and at all.
SIZES, EXACT, SHARP, ONE_STATE, LARGEST = (9, 11, 13), 13, 15, 17, 21
#: Energies of the initial state are resolved by sigma; shots of each amplitude, whose exact values are used.
SIGMA, COUNTED = 0.25, 1000
#: Late times begin here and are this far apart: further than a fluctuation lasts.
LATE, APART = 50.0, 5.0
#: Late times of rings with sharp shells, and with smeared ones, of which every STEP-th early time is kept.
COUNT, FEW, STEP = 120, 10, 4
#: Sigma of the smeared shells' edges; of the energy of a typical bath state; random vectors for volumes then.
SMEARING, SPREAD, VECTORS = 0.125, 0.05, 4
#: Chebyshev moments that give S_2 of the initial state: many more than 2 pi a rho of the levels that it reaches.
MOMENTS = {15: 600_000, 17: 2_400_000}
#: Standard errors that "equal" means; blocks of late times that errors come from, since slow beats of levels correlate times.
ERRORS, BLOCKS = 3, 8


@dataclass(frozen=True, kw_only=True)
class Production(StudyRow):
    """A number of one initial state, "up" or "down" in energy: ``branch`` of the system at t = 0.

    ``expected``: what it is compared with; ``lower``, ``upper``: between which it must lie. None where there is none.
    """

    name: str
    N: int
    branch: int
    value: float
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None

    @property
    def verdict(self) -> str:
        """ "yes" or "no" where there are limits, else ""."""
        if self.lower is None and self.upper is None:
            return ""
        above = self.lower is None or self.value >= self.lower
        return "yes" if above and (self.upper is None or self.value <= self.upper) else "no"


def production(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None
) -> tuple[list[Production], Path]:
    """Compute every size in ``directory``, or take it from there; rows, and the figure that was drawn."""
    rows: list[Production] = []
    found: dict[int, dict[int, xr.Dataset]] = {}
    for N in sizes or SIZES:
        if not 5 <= N <= LARGEST:
            raise JobError(f"--sizes: rings of 5 to {LARGEST} spins, not {N}")
    for N in sorted(set(sizes or SIZES)):
        output = directory / f"entropy_production_N{N}.h5"
        run(job(N), output, report=lambda label, *n, N=N: report(f"N = {N}, {label}", *n))
        result = open_result(output)
        found[N] = {task.point + 1: ds for task, ds in sorted(result.tasks.items())}
        rows += [row for branch, ds in found[N].items() for row in rows_of(N, branch, ds)]
    target = directory / "entropy_production.png"
    save(plot_production(found, LATE, renyi2), target)
    return rows, target


def job(N: int) -> Job:
    """The job of one ring: the steady state up to N = 13, sharp shells up to N = 15, else smeared shells and fewer times.

    At N = 15 and 17 S_2 of the initial state comes from the mean of the survival probability over all times.
    Beyond N = 17 the bath begins in a typical state of a narrow energy shell, since one eigenstate would take an hour and more.
    """
    base = load_job(Path(__file__).with_name("jobs") / "entropy_production.toml")
    assert base.measure.dynamics is not None
    dynamics = replace(base.measure.dynamics, shots=Shots(sigma=SIGMA, count=COUNTED))
    sharp = N <= SHARP
    early = dynamics.instants if sharp else dynamics.instants[::STEP]
    times = tuple(np.concatenate([early, LATE + APART * np.arange(COUNT if sharp else FEW)]).tolist())
    dynamics = replace(dynamics, times=times, smearing=None if sharp else SMEARING, survival_moments=MOMENTS.get(N))
    if N <= EXACT:
        return replace(base, model=Ring(N=N), measure=replace(base.measure, dynamics=dynamics))
    assert base.bath is not None
    bath: Spectrum | None = base.bath
    if not sharp:
        bath = replace(base.bath, window=Nearest(target=0.0, k=1), symmetries=())
    if N > ONE_STATE:
        dynamics, bath = replace(dynamics, initial=BathShell(width=SPREAD), volume_vectors=VECTORS), None
    return replace(
        base, model=Ring(N=N), measure=replace(base.measure, dynamics=dynamics),
        spectrum=replace(base.spectrum, window=NoStates()), bath=bath,
    )  # fmt: skip


def rows_of(N: int, branch: int, ds: xr.Dataset) -> list[Production]:
    """The rows of one initial state from the result of its job."""
    S, t = ds.observational_entropy.values, ds.t.values
    late = t >= LATE
    mean, fluctuation = float(S[late].mean()), float(S[late].std())
    numbers = {
        "S_obs at t = 0": S[0],
        "S_obs, mean of late times": mean,
        "S_obs/N, mean of late times": mean / N,
        "S_obs, standard deviation at late times": fluctuation,
        "time at 90 % of the growth": rise(t, S, mean),
    }
    rows = [Production(name=name, N=N, branch=branch, value=float(value)) for name, value in numbers.items()]
    least = float((S - ds.entanglement_t.values).min())
    rows.append(Production(name="smallest S_obs(t) - S_vN of the system", N=N, branch=branch, value=least, lower=-1e-9))
    return rows + (
        steady_rows(N, branch, ds) if "observational_entropy_steady" in ds else estimated_rows(N, branch, ds)
    )


def estimated_renyi2(ds: xr.Dataset) -> float:
    """S_2 of the weights w_n of the initial state from its energy shells alone, an estimate.

    sum w^2 is 3 sum p_s^2/V_s where the weights scatter about a smooth curve as squares of real normal numbers (Porter & Thomas),
    p_s the probability and V_s the number of states of a shell that the initial state can reach. With an eigenstate of the bath it
    is even or odd under the ring's reflection and reaches half of them.
    """
    p, volumes = ds.shot_probability_exact.values, ds.shot_volume.values / (2 if "bath_energy" in ds.coords else 1)
    held = (p > 1e-12) & (volumes > 0.5)
    return float(-np.log(3 * np.sum(p[held] ** 2 / volumes[held])))


def renyi2(ds: xr.Dataset) -> float:
    """S_2 of the weights of the initial state: from all eigenstates, from long times, or estimated."""
    known = [float(ds[name]) for name in ("renyi2_steady", "renyi2_initial") if name in ds]
    return known[0] if known else estimated_renyi2(ds)


def estimated_rows(N: int, branch: int, ds: xr.Dataset) -> list[Production]:
    """Late times against Eq. 51 where the spectrum is not known: with S_2 from long times, or else with an estimate."""
    late = ds.isel(t=ds.t.values >= LATE)
    exact = float(ds.renyi2_initial) if "renyi2_initial" in ds else None
    bound = float(np.exp(-renyi2(ds)))
    of = "exp(-S_2), estimated" if exact is None else "exp(-S_2)"
    shell = "shell" if N <= SHARP else "smeared shell"
    own = float(late.population.values[:, branch - 1].var())
    largest = float(late.shell_probability_t.values.var(axis=0).max())

    def row(name: str, value: float) -> Production:
        return Production(name=name, N=N, branch=branch, value=value, expected=bound, upper=bound)

    return [
        Production(
            name="S_2, estimated; expected: that of the weights",
            N=N,
            branch=branch,
            value=estimated_renyi2(ds),
            expected=exact,
        ),
        row(f"variance of the initial level's population; expected below: {of}", own),
        row(f"largest variance of a level and {shell}; expected below: {of}", largest),
    ]


def steady_rows(N: int, branch: int, ds: xr.Dataset) -> list[Production]:
    """Late times against the dephased state and Eq. 51."""
    late = ds.isel(t=ds.t.values >= LATE)
    steady, bound = float(ds.observational_entropy_steady), float(np.exp(-ds.renyi2_steady))
    p, average = late.shell_probability_t.values, ds.shell_probability_t_steady.values
    squares = ((p - average) ** 2).mean(axis=0)
    held = average > 1e-12
    relative = float((squares[held] / average[held]).sum())
    S = late.observational_entropy.values
    deficit, error = steady - float(S.mean()), block_error(S)
    level = late.population.values[:, branch - 1]
    population, own = float(ds.population_steady[branch - 1]), block_error(level)
    of_population = float(((level - population) ** 2).mean())

    def row(name: str, value: float, **more: float) -> Production:
        return Production(name=name, N=N, branch=branch, value=value, **more)

    return [
        row("S_2, estimated; expected: that of the weights", estimated_renyi2(ds), expected=float(ds.renyi2_steady)),
        row("S_obs of the steady state", steady),
        row(
            "steady S_obs - late mean; expected: sum var/p / 2", deficit, expected=relative / 2,
            lower=-ERRORS * error, upper=relative + ERRORS * error,
        ),
        row(
            "late mean of the initial level's population; expected: steady", float(level.mean()), expected=population,
            lower=population - ERRORS * own, upper=population + ERRORS * own,
        ),
        row("its mean square fluctuation; expected below: exp(-S_2), Eq. 51", of_population, expected=bound, upper=bound),
        row("largest one of a level and shell; expected below: exp(-S_2)", float(squares.max()), expected=bound, upper=bound),
    ]  # fmt: skip


def block_error(values: np.ndarray) -> float:
    """Standard error of the mean of correlated values (T,), from the scatter of the means of their blocks."""
    blocks = np.array([block.mean() for block in np.array_split(values, BLOCKS)])
    return float(blocks.std(ddof=1) / np.sqrt(BLOCKS))


def rise(t: np.ndarray, S: np.ndarray, late: float, share: float = 0.9) -> float:
    """First time at which S has made ``share`` of the way from S(0) to ``late``, by straight lines; NaN if never."""
    level = S[0] + share * (late - S[0])
    above = np.flatnonzero(level <= S)
    if not above.size or above[0] == 0:
        return float("nan")
    k = above[0]
    return float(t[k - 1] + (level - S[k - 1]) * (t[k] - t[k - 1]) / (S[k] - S[k - 1]))


def page(rows: Sequence[Production]) -> str:
    """The rows as Markdown: a line a number, a column a size, both initial levels; what is expected in brackets."""
    sizes = sorted({row.N for row in rows})
    cells = {(row.name, row.N, row.branch): row for row in rows}
    lines = []
    for name in dict.fromkeys(row.name for row in rows):
        here = [[cells[name, N, b] for b in (1, 2) if (name, N, b) in cells] for N in sizes]
        verdicts = {row.verdict for column in here for row in column if row.verdict}
        verdict = "" if not verdicts else "no" if "no" in verdicts else "yes"
        lines.append([name, *("; ".join(map(_cell, column)) for column in here), verdict])
    return table(["levels 1; 2 at t = 0", *(f"N = {N}" for N in sizes), "verdict"], lines)


def _cell(row: Production) -> str:
    return f"{row.value:.3g}" + ("" if row.expected is None else f" ({row.expected:.3g})")
