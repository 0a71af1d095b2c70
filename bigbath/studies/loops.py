"""Why the theory fails: the same models with surrogate couplings, of which each theory says the same, or knows all.

Random signs leave every theory as it is and take loops out of the exact propagator. Gaussian elements of the same local
covariance take strong single elements out of both (``diffusion.surrogate``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bigbath.broadening import SystemStates, system_states
from bigbath.diffusion import autocorrelation, direct_superpropagator, interaction_elements
from bigbath.diffusion.cavity import bond_memory
from bigbath.diffusion.ladder import ladder_of
from bigbath.diffusion.surrogate import COUPLINGS, Coupling, composite_of, coupled
from bigbath.models import TFIM, Custom, Imbrie, disorder_stream
from bigbath.operators import build
from bigbath.plots import save
from bigbath.plots.loops import plot_loops
from bigbath.progress import Report, silent
from bigbath.solvers import Dense, Whole, solve
from bigbath.statistics import standard_error
from bigbath.studies.kept import write_arrays
from bigbath.studies.page import table, with_error
from bigbath.studies.study_row import StudyRow

#: Bath spins of the chains, realizations and Laplace variables; epsilon = 0.
SIZES, REALIZATIONS, KAPPA, SEED = (8,), 40, (0.1, 0.3, 1.0, 3.0), 1
#: Elements of two levels: a population and a coherence that stay, and a coherence that is turned over.
ELEMENTS = {"1,1 from 1,1": (0, 0, 0, 0), "1,2 from 1,2": (0, 1, 0, 1), "1,2 from 2,1": (0, 1, 1, 0)}
#: Smallest elements of a larger thermometer that count, in units of the largest.
LARGER = 1 / 20
#: With random signs a theory should be right to so much at kappa >= RELIABLE.
AGREEMENT, RELIABLE = 0.02, 0.3


def two_spins(g: float, shared: bool, L: int = 8) -> Custom:
    """Two spins on a disordered chain, L in all: sigma^x sigma^x and sigma^z sigma^z at sites of their own, or both at each."""
    own = (("xx", ((g, 0, 2),)), ("zz", ((g, 1, 5),)))
    both = (("xx", ((g, 0, 2), (g, 1, 5))), ("zz", ((g, 0, 2), (g, 1, 5))))
    return Custom(
        L=L,
        system_sites=2,
        system=(("z", ((0.45, 0), (0.8, 1))), ("xx", ((0.3, 0, 1),)), ("x", ((0.2, 0),))),
        bath=(("zz", tuple((1.0, j, j + 1) for j in range(2, L - 1))), ("x", tuple((0.9, j) for j in range(2, L)))),
        interaction=both if shared else own,
        disorder=(("z", "bath", -1.0, 1.0),),
    )


#: Thermometers of four levels, at one kappa.
PAIRS = {
    "two spins, 0.2": two_spins(0.2, False), "two spins, 0.4": two_spins(0.4, False), "two spins, 0.4, shared sites": two_spins(0.4, True),
}  # fmt: skip
PAIR_KAPPA = (0.5,)


@dataclass(frozen=True, kw_only=True)
class Difference(StudyRow):
    """theory / exact - 1 of the disorder means of one quantity at epsilon = 0, and its standard error.

    ``coupling``: V as it is, or a surrogate. ``quantity``: an element of the propagator (its real part, as nearly all of
    it is real), "A", or of a set of elements that one which is worst for V as it is, and the median of the moduli (its
    ``error`` is None).
    """

    model: str
    coupling: Coupling
    quantity: str
    theory: str
    kappa: float
    difference: float
    error: float | None
    realizations: int

    @property
    def verdict(self) -> str:
        """Whether the theory is right once loops are taken out: within 2 %, or three standard errors beyond; "-" elsewhere."""
        if self.coupling != "random signs" or self.error is None or self.kappa < RELIABLE:
            return "-"
        return "no" if abs(self.difference) > AGREEMENT + 3 * self.error else "yes"


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Of one realization and coupling: ``exact``, ``ladder`` (D_S, D_S, D_S, D_S, K), and A with bond ``memory`` (K,)."""

    exact: np.ndarray
    ladder: np.ndarray
    memory: np.ndarray


def found_of(
    system: SystemStates, bath: np.ndarray, V: np.ndarray, kappa: Sequence[float], known: Found | None = None
) -> Found:
    """Exact propagator and theories of levels and elements ``V`` (D_S, N, D_S, N); the theories of ``known`` where given.

    Bond memory is of two levels that V always flips; NaN else.
    """
    composite = composite_of(system.energies, bath, V)
    states = solve(build(composite), Whole(), engine=Dense())
    exact = direct_superpropagator(states, system_states(composite), [0.0], kappa).D[..., 0, :]
    if known is not None:
        return replace(known, exact=exact)
    ladder = ladder_of(system.energies, bath, V, [0.0], kappa).D[..., 0, :]
    return Found(exact=exact, ladder=ladder, memory=_memory(system.energies, bath, V, np.array(kappa)))


def _memory(system: np.ndarray, bath: np.ndarray, V: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """A with bond memory (K,); NaN where it does not apply or did not converge."""
    strength = np.abs(V) ** 2
    if system.size != 2 or strength[0, :, 0].max() > 1e-20 * strength.max():
        return np.full(kappa.size, np.nan)
    source = np.repeat([1.0, -1.0], bath.size)
    levels = (system[:, None] + bath).ravel()
    solution = bond_memory(levels, strength.reshape(levels.size, -1), 0.5j * kappa, source)
    return np.where(solution.converged, source @ solution.Y / bath.size, np.nan)


def realization(
    model: Imbrie | TFIM | Custom, number: int, kappa: Sequence[float], directory: Path
) -> dict[Coupling, Found]:
    """All couplings of one realization, from ``directory`` where it is known."""
    key = hashlib.sha256(repr((model, number, tuple(kappa), SEED)).encode()).hexdigest()[:10]
    file = directory / f"loops_{key}.npz"
    if not file.exists():
        composite = model.composite(disorder_stream(SEED, number))
        bath, system = solve(build(composite, "B"), Whole(), engine=Dense()), system_states(composite)
        V = interaction_elements(composite, bath, system)
        stream = np.random.default_rng([SEED, number])
        found: dict[Coupling, Found] = {}
        for coupling in COUPLINGS:
            same = found["as it is"] if coupling == "random signs" else None
            found[coupling] = found_of(system, bath.energies, coupled(coupling, V, stream), kappa, same)
        write_arrays(file, {f"{c}/{name}": value for c, f in found.items() for name, value in vars(f).items()})
    with np.load(file) as stored:
        return {c: Found(**{name: stored[f"{c}/{name}"] for name in Found.__annotations__}) for c in COUPLINGS}


def rows_of(name: str, found: Sequence[dict[Coupling, Found]], kappa: Sequence[float]) -> list[Difference]:
    """Rows of one model from its realizations."""
    rows = []
    for k, value in enumerate(kappa):
        for coupling in COUPLINGS:
            exact, ladder, memory = (
                np.stack([getattr(f[coupling], part)[..., k] for f in found]) for part in ("exact", "ladder", "memory")
            )
            common = {"model": name, "coupling": coupling, "kappa": value, "realizations": len(found)}
            if exact.shape[1] > 2:
                rows += _elements(exact, ladder, _Chosen.of(found, k), common)
                continue
            for element, at in ELEMENTS.items():
                rows.append(_row(exact[:, *at], ladder[:, *at], quantity=element, theory="ladder", **common))
            A, by_ladder = (autocorrelation(np.einsum("raabb->abr", D).real) for D in (exact, ladder))
            for theory, values in (("ladder", by_ladder), ("bond memory", memory)):
                rows.append(_row(A, values, quantity="A", theory=theory, **common))
    return rows


def _row(exact: np.ndarray, theory_values: np.ndarray, **names: object) -> Difference:
    """One row of paired values (R,)."""
    difference, error = _differences(exact, theory_values)
    return Difference(difference=float(difference.real), error=float(error), **names)  # type: ignore[arg-type]


def _differences(exact: np.ndarray, theory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mean of theory / mean of exact - 1, and the standard error of its real part, of paired values (R, ...)."""
    each = (theory - exact) / exact.mean(axis=0)
    return each.mean(axis=0), standard_error(np.moveaxis(each.real, 0, -1))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Chosen:
    """Flat numbers of elements of a larger thermometer: ``sets`` by name, and of each the ``worst`` for V as it is."""

    sets: dict[str, np.ndarray]
    worst: dict[str, int]

    @classmethod
    def of(cls, found: Sequence[dict[Coupling, Found]], k: int) -> "_Chosen":
        """All probabilities, and all elements above ``LARGER`` of the largest, at the k-th kappa."""
        exact, ladder = (
            np.stack([getattr(f["as it is"], part)[..., k] for f in found]) for part in ("exact", "ladder")
        )
        size, number = np.abs(exact.mean(axis=0)), np.arange(exact[0].size).reshape(exact.shape[1:])
        sets = {
            "probability": np.einsum("aabb->ab", number).ravel(),
            "larger element": number[size > LARGER * size.max()],
        }
        difference = np.abs(_differences(exact, ladder)[0]).ravel()
        return cls(sets=sets, worst={name: int(n[difference[n].argmax()]) for name, n in sets.items()})


def _elements(exact: np.ndarray, ladder: np.ndarray, chosen: _Chosen, common: dict) -> list[Difference]:
    """The element of each set that is worst for V as it is, and the median of the set, of paired values (R, D_S, D_S, D_S, D_S)."""
    difference, error = (x.ravel() for x in _differences(exact, ladder))
    rows = []
    for name, numbers in chosen.sets.items():
        at = chosen.worst[name]
        for which, d, e in (
            ("worst", difference[at].real, error[at]),
            ("median", np.median(np.abs(difference[numbers])), None),
        ):
            rows.append(
                Difference(
                    quantity=f"{name}, {which}",
                    theory="ladder",
                    difference=float(d),
                    error=None if e is None else float(e),
                    **common,
                )
            )
    return rows


def loops(
    directory: Path, report: Report = silent, *, sizes: Sequence[int] | None = None, realizations: int = REALIZATIONS
) -> tuple[list[Difference], Path]:
    """Rows of both chains and of the thermometers of two spins, and a plot; realizations are kept in ``directory``."""
    chains = {f"{m.name}, L = {m.L}": m for L in sizes or SIZES for m in (Imbrie(L=L), TFIM(L=L))}
    rows = []
    for models, kappa in ((chains, KAPPA), (PAIRS, PAIR_KAPPA)):
        for name, model in models.items():
            found = []
            for number in range(realizations):
                report(name, number, realizations)
                found.append(realization(model, number, kappa, directory))
            rows += rows_of(name, found, kappa)
    target = directory / "diffusion_loops.png"
    save(plot_loops([row for row in rows if row.model in chains]), target)
    return rows, target


def page(rows: Sequence[Difference]) -> str:
    """The rows as Markdown, per cent: chains with a column a kappa, then the larger thermometers."""
    lines, kappas = [], list(dict.fromkeys(r.kappa for r in rows if r.model not in PAIRS))
    for model, quantity, theory, coupling in dict.fromkeys((r.model, r.quantity, r.theory, r.coupling) for r in rows):
        mine = [r for r in rows if (r.model, r.quantity, r.theory, r.coupling) == (model, quantity, theory, coupling)]
        if model not in PAIRS:
            lines.append([f"{model}: {quantity}, {theory}", coupling, *map(_cell, mine), _verdict(mine)])
    chains = table(["", "coupling", *(f"κ = {kappa:g}" for kappa in kappas), "verdict"], lines)
    names = list(dict.fromkeys(r.quantity for r in rows if r.model in PAIRS))
    lines = []
    for model, coupling in dict.fromkeys((r.model, r.coupling) for r in rows if r.model in PAIRS):
        mine = [r for r in rows if (r.model, r.coupling) == (model, coupling)]
        lines.append([model, coupling, *map(_cell, mine), _verdict(mine)])
    head = [f"κ = {PAIR_KAPPA[0]:g}", "coupling", *names, "verdict"]
    counts = sorted({r.realizations for r in rows})
    return f"{chains}\n\n{table(head, lines)}\n\nRealizations: {', '.join(map(str, counts))}."


def _cell(row: Difference) -> str:
    """Per cent, with its error where there is one."""
    return f"{100 * row.difference:.1f}" if row.error is None else with_error(100 * row.difference, 100 * row.error)


def _verdict(rows: Sequence[Difference]) -> str:
    """ "no" if one is, "yes" if one is, else nothing."""
    verdicts = {row.verdict for row in rows}
    return next((word for word in ("no", "yes") if word in verdicts), "")
