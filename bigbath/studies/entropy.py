"""The entropy paper (Huang & Cai): its jobs, its figures and its printed numbers."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath import plots
from bigbath.broadening import Shells, fit_lorentzian
from bigbath.broadening.density_of_states import Gaussian, kappa
from bigbath.broadening.entropy import lorentzian_entropy, observational
from bigbath.broadening.interaction import SquareWave, fit_square_wave
from bigbath.broadening.regression import Branch, branches
from bigbath.broadening.self_consistent import coarse_grained
from bigbath.cluster.run import run
from bigbath.job import Job, load_job
from bigbath.models import Ring
from bigbath.plots import save
from bigbath.progress import Report, silent
from bigbath.store import Result, open_result
from bigbath.studies.claim import Claim
from bigbath.studies.entropy_sector import page, sector
from bigbath.studies.fluctuations import fluctuations
from bigbath.studies.fluctuations import page as fluctuations_page
from bigbath.studies.laws import laws
from bigbath.studies.measured import Measured, measured
from bigbath.studies.page import Page
from bigbath.studies.prediction import prediction
from bigbath.studies.production import page as production_page
from bigbath.studies.production import production
from bigbath.studies.sizes import sizes
from bigbath.studies.table import Row

#: Largest rms difference, over the mean of the fits, and smallest correlation that are an agreement (Fig. 4); largest mean
#: difference of two entropies that are close, nats (Fig. 5).
AGREE, CORRELATED, CLOSE = 0.1, 0.8, 0.1
#: Claims are about bath states nearer to the middle than this.
MIDDLE = 8.0
#: The bath level at which Fig. 2 shows the interaction.
LEVEL = 0.583


def job(name: str) -> Job:
    """A ready job of this study: "entropy_fig1", "entropy_whole"."""
    return load_job(Path(str(files("bigbath.studies") / "jobs" / f"{name}.toml")))


def computed(name: str, directory: Path, report: Report = silent) -> Result:
    """The result of a ready job in ``directory``, where it is computed if it is not there."""
    output = directory / f"{name}.h5"
    run(job(name), output, report=report)
    return open_result(output)


def rows_1(result: Result) -> list[Row]:
    """Every number that the paper prints for Fig. 1."""
    ds = result.realizations[0]
    rows = [
        Row(name="E_1", paper="-1.055", ours=float(ds.system_energy.sel(branch=1))),
        Row(name="E_2", paper="1.055", ours=float(ds.system_energy.sel(branch=2))),
    ]
    printed = {0.582787: ("0.583", "-0.986", "0.606"), 6.324326: ("6.324", "4.661", "0.753")}
    for energy, (level, centre, chi) in printed.items():
        one = ds.isel(bath_state=int(np.abs(ds.bath_energy.values - energy).argmin())).sel(branch=1)
        rows += [
            Row(name="bath level epsilon_mu", paper=level, ours=float(one.bath_energy)),
            Row(name=f"centre a + Delta at epsilon_mu = {level}", paper=centre, ours=float(one.centre)),
            Row(name=f"width chi at epsilon_mu = {level}", paper=chi, ours=float(one.chi)),
        ]
    return rows


def square_wave(ds: xr.Dataset, i: int, j: int, level: float = LEVEL) -> SquareWave:
    """Fit of F^2_{i,j} at the bath level nearest ``level``; branches counted from 1."""
    mu = int(np.abs(ds.bath_energy.values - level).argmin())
    strengths = ds.F2.isel(bath_state=mu).sel(branch=i, other_branch=j)
    return fit_square_wave(ds.bath_shell_energy.values, strengths.values)


def rows_2(result: Result) -> list[Row]:
    """Interaction strength in bath shells with the tanh fit, and the channel sums of Eq. 42 (mean over the bath)."""
    ds = result.realizations[0]
    cross, same = square_wave(ds, 1, 2), square_wave(ds, 1, 1)
    channel = ds.channel.mean("bath_state")
    rows = [
        Row(name="F12^2 amplitude", paper="0.133", ours=cross.amplitude),
        Row(name="F12^2 slope", paper="1.930", ours=cross.slope),
        Row(name="F12^2 lower edge (minus)", paper="2.985", ours=cross.lower),
        Row(name="F12^2 upper edge", paper="4.216", ours=cross.upper),
        Row(name="F11^2 amplitude", paper="0.001", ours=same.amplitude),
        Row(name="V_12, mean over mu", paper="1.982", ours=float(channel.sel(branch=1, other_branch=2))),
        Row(name="V_11, mean over mu", paper="0.018", ours=float(channel.sel(branch=1, other_branch=1))),
        Row(name="V_22, mean over mu", paper="0.018", ours=float(channel.sel(branch=2, other_branch=2))),
    ]
    return rows


def regressions(ds: xr.Dataset) -> tuple[Branch, ...]:
    """Eq. 40 for both branches, over all initial states alike."""
    return branches(ds.bath_energy.values, ds.system_energy.values, ds.centre.values, ds.chi.values)


def from_peaks(ds: xr.Dataset) -> xr.Dataset:
    """``ds`` with the fits that start from each distribution's highest shell, as the paper's did: not always the best ones."""
    edges = ds.shell_lower_edge.values
    shells = Shells(
        width=ds.attrs["shell_width"], first=0, edges=np.append(edges, edges[-1] + ds.attrs["shell_width"]),
        energy=ds.shell_energy.values, count=ds.shell_count.values,
    )  # fmt: skip
    fit = fit_lorentzian(shells, ds.P.values, from_peak=True)
    pair = ("bath_state", "branch")
    return ds.assign(centre=(pair, fit.centre), chi=(pair, fit.chi), fit_rms=(pair, fit.rms))


def rows_3(result: Result) -> list[Row | Claim]:
    """Width and shift of all 2^15 initial states, and their regressions (Eq. 40), from fits that start at the highest shell."""
    ds = result.realizations[0]
    paper = from_peaks(ds)
    printed = {1: ("0.998", "-1.610", "-0.002", "-0.555"), 2: ("0.998", "1.608", "-0.002", "0.553")}
    rows: list[Row | Claim] = []
    for (i, (slope, intercept, drift, shift)), line in zip(printed.items(), regressions(paper), strict=True):
        rows += [
            Row(name=f"a + Delta slope, i = {i}", paper=slope, ours=line.centre.slope),
            Row(name=f"a + Delta intercept, i = {i}", paper=intercept, ours=line.centre.intercept),
            Row(name=f"Delta_{i} slope", paper=drift, ours=line.shift.slope),
            Row(name=f"Delta_{i} intercept", paper=shift, ours=line.shift.intercept),
        ]
    local = float((paper.fit_rms > ds.fit_rms * (1 + 1e-6)).mean())
    best = ", ".join(f"Delta_{i + 1} intercept {line.shift.intercept:.5f}" for i, line in enumerate(regressions(ds)))
    return [
        *rows,
        Row(name="mean chi", paper="0.632", ours=float(paper.chi.mean())),
        Claim(
            name="share of fits from the highest shell that are not the best", claim="least squares", ours=local, limit=0.0,
            note=f"with the best fits: {best}, mean chi {float(ds.chi.mean()):.5f}",
        ),
    ]  # fmt: skip


def rows_4(result: Result) -> list[Row | Claim]:
    """Self-consistency: reconstructed against fitted parameters, and the coarse-grained Eqs. 45, 46."""
    ds = result.realizations[0]
    wave = square_wave(ds, 1, 2)
    bandwidth = wave.lower + wave.upper
    channel = float(ds.channel.mean("bath_state").sel(branch=1, other_branch=2))
    at, wide, narrow = (coarse_grained(channel, bandwidth, eta) for eta in (ds.attrs["eta"], bandwidth / 2, 2.4))
    rows = [
        Row(name="bandwidth Delta_I", paper="7.2", ours=bandwidth),
        Row(name="chi of Eqs. 45, 46", paper="0.67", ours=at.chi),
        Row(name="Delta_2 of Eqs. 45, 46", paper="0.46", ours=at.delta),
        Row(name="chi, lower bound (eta = Delta_I/2)", paper="0.42", ours=wide.chi),
        Row(name="chi, upper bound (eta = 2.4)", paper="0.69", ours=narrow.chi),
        Row(name="-Delta_1, lower bound (eta = 2.4)", paper="0.41", ours=narrow.delta),
        Row(
            name="-Delta_1, upper bound (eta = Delta_I/2)",
            paper="0.65",
            ours=wide.delta,
            note=f"Eqs. 45, 46 give {wide.delta:.3f} at eta = Delta_I/2 = {bandwidth / 2:.1f}; 0.65 does not follow from them",
        ),
    ]
    return [*rows, *claims_4(ds)]


def claims_4(ds: xr.Dataset) -> list[Claim]:
    """The "remarkable agreement" of Fig. 4, branch 2: differences of the states, not of their mean, where fits are resolved."""
    one = ds.isel(bath_state=np.abs(ds.bath_energy.values) < MIDDLE).sel(branch=2)
    one = one.isel(bath_state=one.fit_resolved.values > 0)
    shift = one.centre - one.bath_energy - one.system_energy - one.V_diagonal
    claims = []
    for name, fitted, other in (
        ("chi", one.chi, one.chi_reconstructed),
        ("Delta - V", shift, one.shift_reconstructed),
    ):
        rms = float(np.sqrt(((other - fitted) ** 2).mean()) / abs(fitted.mean()))
        correlation = float(np.corrcoef(fitted, other)[0, 1])
        bias = float(other.mean() / fitted.mean() - 1)
        note = f"mean {100 * bias:+.1f} %, correlation {correlation:.2f}; eta = {ds.attrs['eta']:g} was chosen to fit"
        claims += [
            Claim(
                name=f"{name} reconstructed: rms difference / mean", claim="remarkable agreement", ours=rms, limit=AGREE, note=note
            ),
            Claim(
                name=f"{name} reconstructed: 1 - correlation", claim="remarkable agreement", ours=1 - correlation,
                limit=1 - CORRELATED, note=note,
            ),
        ]  # fmt: skip
    return claims


def entropies(ds: xr.Dataset, model: Ring) -> xr.Dataset:
    """Von Neumann, observational and predicted entropy (Eq. 49 with the regressions and mean chi) of each initial state."""
    pair = ("bath_state", "branch")
    density = Gaussian(sites=model.N, kappa=kappa(model.g, model.h, sites=model.N, bonds=model.N))
    centre = np.stack([line.centre(ds.bath_energy.values) for line in regressions(ds)], axis=1)
    predicted = lorentzian_entropy(centre, np.full(centre.shape, float(ds.chi.mean())), density)
    return xr.Dataset(
        {
            "von_neumann": (pair, ds.shannon.values),
            "observational": (pair, observational(ds.P.values, ds.shell_count.values)),
            "predicted": (pair, predicted),
        },
        coords={"bath_energy": ds.bath_energy, "branch": ds.branch},
    )


def rows_5(result: Result) -> list[Row | Claim]:
    """The constants of the densities of states (Eqs. 47, 57), and how close the entropies of Fig. 5 are to each other."""
    model = result.job.model
    assert isinstance(model, Ring)
    return [
        Row(name="kappa", paper="0.344", ours=kappa(model.g, model.h, sites=model.N, bonds=model.N)),
        Row(name="kappa'", paper="0.350", ours=kappa(model.g, model.h, sites=model.N - 1, bonds=model.N - 2)),
        *claims_5(result.realizations[0], model),
    ]


def claims_5(ds: xr.Dataset, model: Ring) -> list[Claim]:
    """Fig. 5: "Observational entropy closely matches theoretical estimates from eq. (49)", "Von Neumann shows reduced values"."""
    s = entropies(ds, model)
    s = s.isel(bath_state=np.abs(s.bath_energy.values) < MIDDLE)
    off = s.predicted - s.observational
    everywhere = entropies(ds, model)
    worst = float(np.abs(everywhere.predicted - everywhere.observational).max())
    without = float(
        np.abs(ds.observational_closed.values - everywhere.observational.values)[
            np.abs(ds.bath_energy.values) < MIDDLE
        ].mean()
    )
    return [
        Claim(
            name="Eq. 49 - observational entropy, mean |difference|", claim="closely matches", ours=float(np.abs(off).mean()),
            limit=CLOSE,
            note=f"mean {float(off.mean()):+.2f}, at most {worst:.2f} at the ends; the closed equations 27-30 are off by {without:.3f}",
        ),
        Claim(
            name="share of states with Eq. 49 nearer to the von Neumann entropy", claim="closer to observational entropy",
            ours=float((np.abs(off) > np.abs(s.predicted - s.von_neumann)).mean()), limit=0.0,
        ),
        Claim(
            name="share of states with S_vN > S_obs", claim="von Neumann entropy shows reduced values",
            ours=float((s.von_neumann > s.observational + 1e-10).mean()), limit=0.0,
        ),
    ]  # fmt: skip


def draw(number: int, result: Result) -> Figure:
    """The figure ``number`` from what its function returned."""
    ds = result.realizations[0]
    if number == 1:
        return plots.plot_distribution(ds, result.job.title)
    if number == 2:
        mu = int(np.abs(ds.bath_energy.values - LEVEL).argmin())
        return plots.plot_interaction(
            ds.isel(bath_state=mu), {(1, 2): square_wave(ds, 1, 2), (1, 1): square_wave(ds, 1, 1)}
        )
    if number == 3:
        return plots.plot_parameters(ds, [line.centre for line in regressions(ds)])
    if number == 4:
        return plots.plot_self_consistency(ds)
    return plots.plot_entropies(entropies(ds, result.job.model))  # type: ignore[arg-type]


_ROWS: dict[int, Callable[[Result], Sequence[Row | Claim]]] = {1: rows_1, 2: rows_2, 3: rows_3, 4: rows_4, 5: rows_5}


def figure(
    number: int, directory: Path, report: Report = silent, *, name: str = "entropy_whole"
) -> tuple[list[Row | Claim], Path]:
    """A figure from the job ``name``, computed in ``directory``: its rows, and the figure that was drawn."""
    result = computed(name, directory, report)
    target = directory / f"entropy_fig{number}.png"
    save(draw(number, result), target)
    return list(_ROWS[number](result)), target


def numbers(directory: Path, report: Report = silent) -> tuple[list[Measured], Path]:
    """Numbers of docs/theory-entropy.md that the paper does not print, from the same computation, and its result file."""
    result = computed("entropy_whole", directory, report)
    assert result.path is not None
    return measured(result.realizations[0], result.job.model), result.path  # type: ignore[arg-type]


#: Figure of the paper -> function (directory, report) that computes and draws it; all of them share one computation.
FIGURES = {str(number): partial(figure, number) for number in _ROWS}
#: Only when asked for: Fig. 1 from a smaller job, and figures that the paper does not have: other sizes; where the law holds;
#: numbers that are not printed; entropies with fluctuations and without parameters, also of single states up to N = 17; a
#: sector; growth in time.
ALONE = {
    "1": partial(figure, 1, name="entropy_fig1"), "sizes": sizes, "laws": laws, "numbers": numbers, "prediction": prediction,
    "fluctuations": fluctuations, "sector": sector, "production": production,
}  # fmt: skip
#: What these were called before they had names.
FORMER_NAMES = {"6": "sizes", "7": "laws", "8": "numbers", "9": "prediction", "10": "sector"}
PAGES: dict[str, Page] = {"sector": page, "production": production_page, "fluctuations": fluctuations_page}
