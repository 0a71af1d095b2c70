"""Entropies with fluctuations of the ring beyond the size whose spectrum fits: single bath states, a sector of H at a time.

A bath state that is even under the reflection reaches the even eigenstates of H only. These lie in sectors of momentum,
D/N states each, which are diagonalised one after the other: of each only p_n of a few bath states is kept. With all
sectors the entropies of these states are exact. The sector of momentum 0, the share s of all even levels, shows a part of
them: entropies of p_n over its sum there, plus ln 1/s. It is half as large as the others and reaches further in N. All are
compared with Porter-Thomas fluctuations about the measured shells, and with the prediction from |V|^2 alone, for which
|V|^2 comes from traces (``spectral.strength``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import entr

from bigbath.broadening import distribution, system_states
from bigbath.broadening.entropy import observational
from bigbath.broadening.porter_thomas import cumulative, reduced_moments, renyi2_of_shells, shannon_of_shells
from bigbath.broadening.prediction import coupled_states, predicted_entropies
from bigbath.broadening.self_consistent import solve_spectra
from bigbath.errors import JobError
from bigbath.kernels import bin_powers
from bigbath.models import Composite, Ring, draw
from bigbath.operators import build
from bigbath.plots import save
from bigbath.plots.fluctuations import plot_fluctuations
from bigbath.progress import Report, silent
from bigbath.solvers import Dense, Eigenstates, Filter, Nearest, Whole, solve
from bigbath.spaces import sectors
from bigbath.spectral.strength import BathShells
from bigbath.studies.kept import write_arrays
from bigbath.studies.page import table
from bigbath.studies.prediction import BODY, DISTANCE, FREEDOM, LEVELS, MOMENTS, NATS, Prediction

#: Spins in all; even bath states nearest the middle of the bath's spectrum; shells of H.
SIZES, STATES, WIDTH = (11, 13, 15, 17), 32, 0.5
#: The smallest ring whose shells hold enough levels.
SMALLEST = 11
#: |V|^2 alone: width of the bath's shells; random vectors, and as many bath states in all at least; energies of the mean;
#: cells of energy, reach beyond the bare spectrum in units of the largest (<V^2>)^(1/2), change below which a state has settled.
SHELL, VECTORS, SAMPLE, NEAR, CELLS, REACH, SETTLED = 0.5, 4, 2**15, 0.5, 240, 3.0, 1e-3
EVEN, SEED = {"reflection": 1}, 1
#: The largest ring with all sectors; of larger ones that of momentum 0 alone.
LARGEST_EXACT = 15
#: The smallest whose sector of momentum 0 holds enough levels in a shell.
SMALLEST_SECTOR = 15


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """``p``: (m, D_S, k) of m even bath states over the ``energy`` (k,) of even eigenstates of H, in no order.

    ``share``: k over the number of all even levels; p sums up to 1.
    """

    energy: np.ndarray
    p: np.ndarray
    share: float = 1.0

    def shells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probability (m, D_S, S) in each filled shell of H, its even levels (S,), and the shell of each level (k,)."""
        number = np.floor((self.energy - self.energy.min()) / WIDTH + 0.5).astype(int)
        _, number = np.unique(number, return_inverse=True)
        count = np.bincount(number)
        return self.p @ np.eye(count.size)[number], count, number


def weights(model: Ring, directory: Path, report: Report = silent, *, momentum: int | None = None) -> Weights:
    """p_n over all even sectors of H, or that of one ``momentum``, each kept in ``directory``."""
    composite = draw(model)
    even = [sector for sector in sectors(build(composite)) if dict(sector.labels)["reflection"] == 1]
    chosen = [sector for sector in even if momentum in (None, dict(sector.labels)["momentum"])]
    files = [_file(model, dict(sector.labels), directory) for sector in chosen]
    if not all(file.exists() for file in files):
        report(f"bath states of N = {model.N}", 0, 1)
        window = Nearest(target=0.0, k=STATES)
        bath = solve(build(composite, "B"), window, engine=Filter(), sector=EVEN).require_complete()
        for done, (sector, file) in enumerate(zip(chosen, files, strict=True)):
            report(f"sectors of N = {model.N}", done, len(chosen))
            if not file.exists():
                write_arrays(file, _in_sector(composite, bath, dict(sector.labels)))
    parts = [np.load(file) for file in files]
    p = np.concatenate([part["p"] for part in parts], axis=-1)
    return Weights(
        energy=np.concatenate([part["energy"] for part in parts]),
        p=p / p.sum(axis=-1, keepdims=True),
        share=sum(sector.dim for sector in chosen) / sum(sector.dim for sector in even),
    )


def _file(model: Ring, label: dict[str, int], directory: Path) -> Path:
    """Where one sector is kept; its name changes with every setting that it depends on."""
    key = hashlib.sha256(repr((model, STATES, sorted(label.items()))).encode()).hexdigest()[:10]
    return directory / f"fluctuations_N{model.N}_{key}.npz"


def _in_sector(composite: Composite, bath: Eigenstates, label: dict[str, int]) -> dict[str, np.ndarray]:
    """Energies (k,) and p_n (m, D_S, k) of all eigenstates in one sector of H."""
    states = solve(build(composite), Whole(), engine=Dense(), sector=label)
    d = distribution(states, bath, system_states(composite), width=WIDTH, keep=True)
    return {"energy": d.energy, "p": d.p[:STATES]}


@dataclass(frozen=True, kw_only=True)
class FromStrength:
    """Entropies from |V|^2 alone, means over the levels of the bath with |eps| < ``NEAR`` and the branches."""

    own: float
    von_neumann: float
    renyi2: float


def from_strength(model: Ring) -> FromStrength:
    """Eqs. 27-30 with |V|^2 between shells of the bath; half of the levels of H are even, up to the sectors' dimensions."""
    composite = draw(model)
    shells = BathShells.of(composite, width=SHELL)
    number = max(VECTORS, SAMPLE // shells.bath.operator.dim)
    found = shells.strength([shells.traces(np.random.default_rng([SEED, r])) for r in range(number)])
    reach = REACH * float(np.sqrt(found.strength.sums(np.ones(found.bare.shape), own=True).max()))
    support = (float(found.bare.min()) - reach, float(found.bare.max()) + reach)
    spectra = solve_spectra(found.strength, found.bare, support, cells=CELLS, tolerance=SETTLED)
    entropies = predicted_entropies(spectra, coupled_states(found.strength), FREEDOM, count=found.count)
    near = np.abs(found.energy) < NEAR
    share = np.log(sum(s.dim for s in sectors(build(composite), use=("reflection",), only=EVEN)) / build(composite).dim)
    means = {
        name: float(found.count[near] @ getattr(entropies, name)[near].mean(axis=1) / found.count[near].sum() + share)
        for name in ("own", "von_neumann", "renyi2")
    }
    return FromStrength(**means)


def rows_of(model: Ring, found: Weights, closed: FromStrength) -> list[Prediction]:
    """Measured and predicted numbers of one ring: means over the bath states and both branches."""
    P, count, number = found.shells()
    elsewhere = -np.log(found.share)
    measured = {
        "S_own": float(observational(P, count).mean() + elsewhere),
        "S_vN": float(entr(found.p).sum(axis=-1).mean() + elsewhere),
        "S_2": float(-np.log((found.p**2).sum(axis=-1)).mean() + elsewhere),
    }
    own = np.broadcast_to(count, P.shape)
    predicted = {
        "S_own from |V|^2 alone": ("S_own", closed.own),
        "S_vN from the shells' P and Porter-Thomas": ("S_vN", shannon_of_shells(P, own, FREEDOM).mean() + elsewhere),
        "S_vN from |V|^2 alone": ("S_vN", closed.von_neumann),
        "S_2 from the shells' P and Porter-Thomas": ("S_2", renyi2_of_shells(P, own, FREEDOM).mean() + elsewhere),
        "S_2 from |V|^2 alone": ("S_2", closed.renyi2),
    }
    rows = [
        Prediction(name=name, N=model.N, measured=measured[of], predicted=float(value), limit=NATS)
        for name, (of, value) in predicted.items()
    ]
    y = body(found, P, count, number)
    powers = np.zeros((found.p[..., 0].size, count.size, 3))
    bin_powers(found.p.reshape(len(powers), -1), number, powers)
    powers = powers.reshape(*P.shape, 3)
    ratios = reduced_moments(P, powers, own, FREEDOM)[_body(found, P, count, number)].mean(axis=0)
    rows += [
        Prediction(
            name=f"<p^{q}>/<p>^{q} over Porter-Thomas", N=model.N, measured=float(r), predicted=1.0, limit=MOMENTS
        )
        for q, r in zip((2, 3, 4), ratios, strict=True)
    ]
    y.sort()
    distance = np.abs((np.arange(y.size) + 0.5) / y.size - cumulative(y, FREEDOM)).max()
    name = "largest distance of the cumulative distributions"
    return [*rows, Prediction(name=name, N=model.N, measured=float(distance), predicted=0.0, limit=DISTANCE)]


def _body(found: Weights, P: np.ndarray, count: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Shells (m, D_S, S) within ``BODY`` half widths of each distribution's median that hold enough levels."""
    energy = np.bincount(number, found.energy) / count
    summed = np.cumsum(P, axis=-1)
    quartiles = [energy[(summed < q).sum(axis=-1)] for q in (0.25, 0.5, 0.75)]  # of a Lorentzian: median -+ chi
    width = np.median(quartiles[2] - quartiles[0]) / 2
    return (np.abs(energy - quartiles[1][..., None]) < BODY * width) & (count >= LEVELS)


def body(found: Weights, P: np.ndarray, count: np.ndarray, number: np.ndarray) -> np.ndarray:
    """p_n over its mean in the shell, of all states in the shells of the bodies."""
    inside = _body(found, P, count, number)[..., number] & (found.p > 0)
    return (found.p / (P / count)[..., number])[inside]


def fluctuations(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None
) -> tuple[list[Prediction], Path]:
    """Rows of every size, and the figure: the distribution of the largest ring, differences against N."""
    if sizes and (min(sizes) < SMALLEST or any(N % 2 == 0 for N in sizes)):
        raise JobError(f"--sizes: odd numbers of spins from N = {SMALLEST}, so that momenta k and -k are pairs")
    rows: list[Prediction] = []
    y = np.empty(0)
    for N in sizes or SIZES:
        model = Ring(N=N)
        report(f"|V|^2 of N = {N}", 0, 1)
        closed = from_strength(model)
        if N <= LARGEST_EXACT:
            found = weights(model, directory, report)
            rows += rows_of(model, found, closed)
        else:
            found = weights(model, directory, report, momentum=0)
        if N >= SMALLEST_SECTOR:
            part = weights(model, directory, report, momentum=0)
            rows += [replace(row, name=f"{row.name}, momentum 0") for row in rows_of(model, part, closed)]
        y = body(found, *found.shells())
    target = directory / "entropy_fluctuations.png"
    save(plot_fluctuations(rows, y, FREEDOM), target)
    return rows, target


def page(rows: Sequence[Prediction]) -> str:
    """The rows as Markdown: measured; predicted, a column a size, with the verdict of the largest."""
    sizes = sorted({row.N for row in rows})
    cells = {(row.name, row.N): row for row in rows}
    lines = []
    for name in dict.fromkeys(row.name for row in rows):
        mine = [cells.get((name, N)) for N in sizes]
        numbers = ["" if row is None else f"{row.measured:.3f}; {row.predicted:.3f}" for row in mine]
        lines.append(
            [name.replace("|V|^2", "\\|V\\|²"), *numbers, [row for row in mine if row is not None][-1].verdict]
        )
    return table(["measured; predicted", *(f"N = {N}" for N in sizes), "verdict, largest N"], lines)
