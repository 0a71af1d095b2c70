"""The entropy paper beyond its size: Figs. 1(b), 3 and 5 of the ring for N = 11 ... 21 without eigenstates of H.

Shell averages come from stochastic traces (``spectral.shell_average``). They cannot show how the states of one bath shell
differ: for the spread of chi, single bath eigenstates are found by the filter up to N = 17 and sent through one Chebyshev
run each. Up to N = 15 the same numbers are computed from all eigenstates for comparison.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from bigbath.broadening import distribution, system_states
from bigbath.broadening.density_of_states import Gaussian, kappa
from bigbath.broadening.entropy import lorentzian_entropy, observational
from bigbath.broadening.shells import Shells
from bigbath.errors import JobError
from bigbath.models import Ring, SpinComposite, draw
from bigbath.operators import build
from bigbath.plots import save
from bigbath.plots.sizes import plot_sizes
from bigbath.progress import Report, silent
from bigbath.solvers import Filter, Nearest, Whole, solve
from bigbath.spectral import (
    ShellAverage,
    ShellParameters,
    ShellVectors,
    Windows,
    fit_smeared,
    shell_average,
    shell_parameters,
    smeared_distribution,
    state_moments,
)
from bigbath.spectral.chebyshev import gaussians
from bigbath.studies.beside_exact import BesideExact
from bigbath.studies.kept import write_arrays
from bigbath.studies.sampled import sampled

#: Sizes, shell width of H (the paper's), standard deviations of the shells' edges and of the windows on the bath.
SIZES, WIDTH, SIGMA, BATH_SIGMA = (11, 13, 15, 17, 19, 21), 0.5, 0.1, 0.2
#: The smallest ring whose bath reaches all energies of the figure.
SMALLEST = 9
#: Bath energies of the figure; those of the table, and that of the single states.
ENERGIES, SHOWN, LEVEL = np.arange(-8.0, 9.0, 2.0), (-4.0, 0.0, 4.0), 0.0
#: Random vectors: at least so many, and as many as make this number of bath states in all.
VECTORS, SAMPLE = 16, 2**18
#: Single bath states; the largest ring that gets them; the largest with all eigenstates; bins of their exact distribution.
STATES, LARGEST_STATES, LARGEST_EXACT, FINE = 64, 17, 15, 0.02
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Point(BesideExact):
    """One number of one size: ``error`` is a standard error; ``exact``: from all eigenstates, None where there are none."""

    name: str
    N: int
    value: float
    error: float
    exact: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Singles:
    """Single bath states: ``chi``, ``observational`` (m, D_S); ``shannon`` (m, D_S) when all eigenstates are known."""

    chi: np.ndarray
    observational: np.ndarray
    shannon: np.ndarray | None = None

    @classmethod
    def of(cls, shells: Shells, P: np.ndarray, shannon: np.ndarray | None = None) -> "Singles":
        """Fit P (m, D_S, S) over shells."""
        chi = np.array([[fit_smeared(shells, row, SIGMA)[1] for row in state] for state in P])
        return cls(chi=chi, observational=observational(P, shells.count), shannon=shannon)

    @property
    def spread(self) -> float:
        """Standard deviation of chi over the states, mean of the branches."""
        return float(self.chi.std(axis=0, ddof=1).mean())

    @property
    def spread_error(self) -> float:
        """Its standard error, by jackknife over the states."""
        m = self.chi.shape[0]
        others = np.stack([np.delete(self.chi, k, axis=0).std(axis=0, ddof=1).mean() for k in range(m)])
        return float(np.sqrt((m - 1) * others.var()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Size:
    """What is known about one ring."""

    model: Ring
    average: ShellAverage
    parameters: ShellParameters
    exact: ShellParameters | None
    singles: Singles | None
    exact_singles: Singles | None

    def predicted(self, i: int) -> np.ndarray:
        """Eq. 49 with the fitted centre and chi of branch ``i`` (B,)."""
        N = self.model.N
        density = Gaussian(sites=N, kappa=kappa(self.model.g, self.model.h, sites=N, bonds=N))
        return lorentzian_entropy(self.parameters.centre[i], self.parameters.chi[i], density)


def sizes(directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None) -> tuple[list[Point], Path]:
    """Compute every size in ``directory``, or go on there; rows, and the figure that was drawn."""
    if sizes and min(sizes) < SMALLEST:
        raise JobError(f"--sizes {min(sizes)}: the bath has levels at |eps| = {ENERGIES.max():g} from N = {SMALLEST}")
    known = [size(Ring(N=N), directory, report) for N in sizes or SIZES]
    rows = [row for one in known for row in points(one)]
    target = directory / "entropy_sizes.png"
    save(plot_sizes(known, ENERGIES), target)
    return rows, target


def size(model: Ring, directory: Path, report: Report = silent) -> Size:
    """One ring: shell averages, single bath states and exact numbers as far as its size allows."""
    composite = draw(model)
    assert isinstance(composite, SpinComposite)
    report(f"preparing N = {model.N}", 0, 1)
    vectors = ShellVectors.of(composite, ENERGIES, bath_sigma=BATH_SIGMA, sigma=SIGMA)
    number = max(VECTORS, SAMPLE // vectors.bath_dim)
    files = [_file(f"moments{r:03d}", model, directory) for r in range(number)]
    moments = sampled(vectors, files, SEED, report, f"random vectors N = {model.N}")
    average = shell_average(vectors, moments, width=WIDTH)
    singles = exact = exact_singles = None
    if model.N <= LARGEST_STATES:
        P = _single_states(model, composite, vectors, directory, report)
        singles = Singles.of(average.shells, P)
    if model.N <= LARGEST_EXACT:
        exact, exact_singles = _exact(model, composite, vectors, directory, report)
    return Size(
        model=model, average=average, parameters=shell_parameters(average), exact=exact, singles=singles,
        exact_singles=exact_singles,
    )  # fmt: skip


def points(one: Size) -> list[Point]:
    """The rows of one size: shell averages at the energies ``SHOWN``, then single states."""
    N, found, exact = one.model.N, one.parameters, one.exact
    bare = ENERGIES + system_states(draw(one.model)).energies[:, None]
    rows = []
    for name, attribute, offset, scale in (
        ("chi", "chi", 0.0 * bare, 1.0),
        ("Delta", "centre", bare, 1.0),
        ("S_obs/N", "observational", 0.0 * bare, 1.0 / N),
    ):
        value = scale * (getattr(found, attribute) - offset)
        error = scale * getattr(found, f"{attribute}_error")
        true = scale * (getattr(exact, attribute) - offset) if exact else None
        for i, level in product(range(bare.shape[0]), SHOWN):
            b = int(np.abs(ENERGIES - level).argmin())
            rows.append(
                Point(
                    name=f"{name}, eps = {level:g}, i = {i + 1}", N=N, value=float(value[i, b]), error=float(error[i, b]),
                    exact=None if true is None else float(true[i, b]),
                )
            )  # fmt: skip
    return rows if one.singles is None else rows + _single_points(N, one.singles, one.exact_singles)


def _single_points(N: int, found: Singles, exact: Singles | None) -> list[Point]:
    """Means over the single states, and the spread of chi; their errors are those of a sample of ``STATES`` states."""
    rows = []
    for name, attribute, scale in (("mean chi", "chi", 1.0), ("mean S_obs/N", "observational", 1.0 / N)):
        value = scale * getattr(found, attribute)
        true = scale * float(getattr(exact, attribute).mean()) if exact else None
        error = float(value.std(ddof=1) / np.sqrt(value.size))
        rows.append(Point(name=f"{name}, single states", N=N, value=float(value.mean()), error=error, exact=true))
    spread = exact.spread if exact else None
    return [
        *rows,
        Point(name="spread of chi, single states", N=N, value=found.spread, error=found.spread_error, exact=spread),
    ]


def _file(kind: str, model: Ring, directory: Path) -> Path:
    """Where a part is kept; its name changes with every setting that it depends on."""
    settings = (model, WIDTH, SIGMA, BATH_SIGMA, ENERGIES.tolist(), STATES, LEVEL, FINE, SEED)
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    return directory / f"sizes_N{model.N}_{kind}_{key}.npz"


def _single_states(
    model: Ring, composite: SpinComposite, vectors: ShellVectors, directory: Path, report: Report
) -> np.ndarray:
    """P (m, D_S, S) of the bath eigenstates nearest ``LEVEL``, by one Chebyshev run each."""
    file = _file("states", model, directory)
    if not file.exists():
        window = Nearest(target=LEVEL, k=STATES)
        bath = solve(build(composite, "B"), window, engine=Filter(), symmetries=(), report=report).require_complete()
        degree = vectors.h.degree(SIGMA)
        moments = np.empty((bath.energies.size, vectors.system_dim, degree))
        for mu, state in enumerate(bath.vectors().T):
            report(f"single states N = {model.N}", mu, bath.energies.size)
            for i, products in enumerate(vectors.branches[0].states):
                moments[mu, i] = state_moments(vectors.h, products.embedded(state), degree)
        write_arrays(file, {"moments": moments})
    with np.load(file) as stored:
        return stored["moments"] @ Windows(vectors.h, width=WIDTH, sigma=SIGMA).series.T


def _exact(
    model: Ring, composite: SpinComposite, vectors: ShellVectors, directory: Path, report: Report
) -> tuple[ShellParameters, Singles]:
    """The same from all eigenstates, through their distributions over bins much finer than ``SIGMA``."""
    file = _file("exact", model, directory)
    if not file.exists():
        bath = solve(build(composite, "B"), Whole(), report=report)
        states = solve(build(composite), Whole(), report=report)
        d = distribution(states, bath, system_states(composite), width=FINE, report=report)
        filled, chosen = d.shells.filled, np.sort(np.argsort(np.abs(bath.energies - LEVEL))[:STATES])
        near = gaussians(bath.energies, ENERGIES, BATH_SIGMA)
        mean = np.tensordot(near / near.sum(axis=1, keepdims=True), d.P, axes=1).swapaxes(0, 1)
        arrays = {"energy": d.shells.energy, "count": d.shells.count, "mean": mean, "single": d.P[chosen]}
        write_arrays(file, {k: v[..., filled] for k, v in arrays.items()} | {"shannon": d.shannon[chosen]})

    def smeared(stored: Mapping[str, np.ndarray], name: str) -> tuple[Shells, np.ndarray]:
        bins = stored["energy"], stored["count"], stored[name]
        return smeared_distribution(*bins, extremes=vectors.h.extremes, width=WIDTH, sigma=SIGMA)

    with np.load(file) as stored:
        shells, mean = smeared(stored, "mean")
        _, single = smeared(stored, "single")
        average = ShellAverage(
            shells=shells, P=mean, smear=float(np.hypot(SIGMA, BATH_SIGMA)), samples=mean[None][:0], counts=mean[:0, 0],
        )  # fmt: skip
        return shell_parameters(average), Singles.of(shells, single, stored["shannon"])
