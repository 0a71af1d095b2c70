"""Measurement ``dynamics``: a state evolved in real time and what is seen of it (Tal-Ezer & Kosloff 1984)."""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.dynamics import (
    ObservationalEntropy,
    Propagator,
    autocorrelation,
    charge_sector,
    density_matrix,
    energy_shots,
    entanglement,
    imbalance,
    local,
    loschmidt,
    survival_mean,
)
from bigbath.dynamics.loschmidt import require_moments
from bigbath.dynamics.observed import observed
from bigbath.dynamics.shots import shell_volumes
from bigbath.dynamics.smeared import SmearedEntropy
from bigbath.dynamics.steady import steady_state
from bigbath.errors import IncompleteWindow, JobError, in_section
from bigbath.measure.context import Context
from bigbath.measure.initial_state import Configuration, Initial, Neel
from bigbath.measure.resolution import Resolution
from bigbath.models import SpinComposite
from bigbath.operators import Hamiltonian, build
from bigbath.solvers import Whole
from bigbath.spaces import Sector, everything, sectors

Observed = Literal[
    "populations", "density_matrix", "entanglement", "sigma_x", "sigma_y", "sigma_z", "energy", "imbalance",
    "survival", "observational_entropy",
]  # fmt: skip


#: Of these, and of the initial states, those that need sites.
OF_SITES = frozenset({"entanglement", "sigma_x", "sigma_y", "sigma_z", "imbalance", "neel", "configuration", "product"})


@choice
class TimeGrid:
    """``count`` times from ``start`` to ``stop``, equidistant or ("log") in equal ratios."""

    start: Annotated[float, Field(ge=0)] = 0.0
    stop: Annotated[float, Field(gt=0)]
    count: Annotated[int, Field(ge=2, le=1_000_000)]
    spacing: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _check(self) -> "TimeGrid":
        if self.start >= self.stop:
            raise ValueError(f"start = {self.start} must be less than stop = {self.stop}")
        if self.spacing == "log" and self.start == 0:
            raise ValueError('spacing = "log" needs start > 0')
        return self

    @property
    def values(self) -> np.ndarray:
        """All of them, ascending."""
        make = np.geomspace if self.spacing == "log" else np.linspace
        return make(self.start, self.stop, self.count)


@choice
class StringAutocorrelation:
    """Tr[A(t) A]/d of the Pauli string ``letters`` on ``sites``, from ``vectors`` random vectors with their error."""

    letters: str
    sites: tuple[Annotated[int, Field(ge=0)], ...]
    vectors: Annotated[int, Field(ge=2)] = 4
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _check(self) -> "StringAutocorrelation":
        if len(self.letters) != len(self.sites) or not self.letters or set(self.letters) - set("xyz"):
            raise ValueError(
                f'letters = {self.letters!r}: give one letter "x", "y" or "z" for each of {len(self.sites)} sites'
            )
        return self


@choice
class Shots:
    """P_sigma(E) of the initial state and its observational entropy by energy, from ``count`` outcomes for each amplitude.

    ``sigma``: resolution in energy, in units of the coupling. Shells are ``shell_width`` wide.
    """

    sigma: Annotated[float, Field(gt=0)]
    count: Annotated[int, Field(ge=2)]
    seed: Annotated[int, Field(ge=0)] = 1


@choice
class MeasureDynamics:
    """psi(t) from ``initial`` at ``times``, in the sector of ``[spectrum]``; without one a configuration's own charges are used.

    ``observe``: what is written at each time, [] for nothing. ``cut``: sites whose entanglement with the rest is taken; the system's when
    empty. ``shell_width``: of the bath's shells of the observational entropy; ``smearing``: sigma of their edges, where the
    bath's states are not computed, with volumes from ``volume_vectors`` random vectors. ``autocorrelation``: at infinite
    temperature, beside the evolution of ``initial``. ``survival_moments``: so many Chebyshev moments give the mean of the
    survival probability over all times, exp(-S_2) of the initial state, without eigenstates.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.XXZ(L=6, W=1.0), spectrum=bb.Spectrum(window="none"),
    ...              measure=bb.Measures(dynamics=bb.MeasureDynamics(times=[0.0, 1.0], observe=["imbalance"])))
    >>> job.measure.dynamics.initial.kind
    'neel'
    """

    needs_states: ClassVar[bool] = False

    initial: Initial = Neel()
    times: TimeGrid | Annotated[tuple[float, ...], Field(min_length=1)]
    observe: tuple[Observed, ...] = ("populations", "survival", "energy")
    cut: tuple[Annotated[int, Field(ge=0)], ...] = ()
    shell_width: Annotated[float, Field(gt=0)] = 0.5
    smearing: Annotated[float, Field(gt=0)] | None = None
    volume_vectors: Annotated[int, Field(ge=2)] = 8
    autocorrelation: StringAutocorrelation | None = None
    shots: Shots | None = None
    survival_moments: Annotated[int, Field(ge=1000)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "MeasureDynamics":
        t = self.instants
        if np.any(np.diff(np.abs(t)) < 0) or (np.any(t < 0) and np.any(t > 0)):
            raise ValueError("times must be in ascending order, away from 0")
        if not self.starts and self.autocorrelation is None:
            raise ValueError(
                "nothing to measure: name something in observe, or give autocorrelation, shots or survival_moments"
            )
        return self

    @property
    def evolves(self) -> bool:
        """Whether the initial state itself is evolved; the survival probability needs moments only."""
        return bool(set(self.observe) - {"survival"})

    @property
    def starts(self) -> bool:
        """Whether the initial state is needed."""
        return bool(self.observe) or self.shots is not None or self.survival_moments is not None

    @property
    def instants(self) -> np.ndarray:
        """Times (T,)."""
        return self.times.values if isinstance(self.times, TimeGrid) else np.array(self.times, dtype=float)

    def before(
        self, resolution: Resolution, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None
    ) -> None:
        """JobError for sites that the model does not have; ``sector_in`` says whether the labels are those of one sector."""
        composite = resolution.composite
        sites = composite.system_sites + composite.bath_sites if isinstance(composite, SpinComposite) else 0
        if not sites:
            asked = [f"observe: {name}" for name in self.observe if name in OF_SITES]
            asked += [f"initial: {self.initial.kind}"] if self.starts and self.initial.kind in OF_SITES else []
            asked += ["autocorrelation"] if self.autocorrelation is not None else []
            if asked:
                raise JobError(f"measure.dynamics.{asked[0]} needs a model of spins, which this is not")
        for key, named in (("cut", self.cut), ("autocorrelation.sites", getattr(self.autocorrelation, "sites", ()))):
            if sites and (outside := [site for site in named if site >= sites]):
                raise JobError(f"measure.dynamics.{key}: there is no site {outside[0]}; sites are 0 ... {sites - 1}")

    def sector_in(self, h: Hamiltonian, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None) -> Sector:
        """Where psi lives; ``symmetries``, ``sector`` as in ``[spectrum]``. JobError for labels of several sectors."""
        if sector:
            found = sectors(h, use=symmetries, only=dict(sector))
            if len(found) > 1:
                raise JobError(
                    f"measure.dynamics: spectrum.sector selects {len(found)} sectors, a state lives in one: give the labels "
                    f"of one, as {found[0]}, or set spectrum.symmetries = []"
                )
            return found[0]
        if self.starts and isinstance(self.initial, Neel | Configuration):
            return charge_sector(h, self.initial.spins)
        return everything(h.dim)

    def measure(self, context: Context) -> xr.Dataset:
        """A variable along ``t`` for each name in ``observe``, and ``state_error``, a bound on ||psi - psi_exact||."""
        h = build(context.composite)
        sector = context.evolved_in
        if sector is None:
            sector = self.sector_in(h, context.symmetries, context.sector)
        t, data = self.instants, dict[str, xr.Variable]()
        propagator = Propagator.of(h, sector)
        if self.starts:
            start = self.initial.state(context, sector, propagator)
            if self.survival_moments is not None:  # too few are refused before the evolution
                with in_section("measure.dynamics.survival_moments"):
                    require_moments(propagator, self.survival_moments)
            data |= self._observed(context, h, sector, propagator, start)
            if self.shots is not None:
                data |= self._shots(propagator, start)
            if self.survival_moments is not None:
                mean = survival_mean(propagator, start, moments=self.survival_moments, report=context.report)
                data |= {
                    "survival_mean": xr.Variable((), mean.value),
                    "survival_mean_error": xr.Variable((), mean.error),
                    "renyi2_initial": xr.Variable((), mean.renyi2),
                    "renyi2_initial_error": xr.Variable((), mean.renyi2_error),
                }
        if self.autocorrelation is not None:
            data |= self._autocorrelation(context, h, sector, t)
        time = xr.Variable("t", t, {"long_name": "time", "units": "1/coupling"})
        levels = np.arange(1, context.system.energies.size + 1)
        coords = {"t": time, "branch": levels, "other_branch": levels}
        found = xr.Dataset(data, coords=coords)
        return found.drop_vars([c for c in coords if not any(c in v.dims for v in data.values())])

    def _observed(
        self, context: Context, h: Hamiltonian, sector: Sector, propagator: Propagator, start: np.ndarray
    ) -> dict[str, xr.Variable]:
        """What ``observe`` names."""
        names: tuple[str, ...] = tuple(dict.fromkeys(self.observe))
        if not names:
            return {}
        t = self.instants
        coarse = self._coarse(context, sector) if "observational_entropy" in names else None
        functions = {
            name: self._function(name, context, h, sector, propagator)
            for name in names
            if name not in ("survival", "observational_entropy")
        }
        if coarse is not None:
            functions["observational_entropy"] = coarse.probabilities
        data = {}
        if "survival" in names:
            echo = loschmidt(propagator, start, t, report=context.report)
            data = {
                "loschmidt": _along(echo.amplitude, "Loschmidt amplitude"),
                "survival": _along(echo.survival, "survival probability"),
                "survival_error": _along(2 * echo.error, "bound on the error of the survival"),
            }
        bounds = propagator.plan(t, is_real=not np.iscomplexobj(start)).bounds
        if functions:
            checkpoint = context.checkpoint.named("dynamics")
            found = observed(propagator, start, t, functions, checkpoint=checkpoint, report=context.report)
            bounds = found.bounds
            for name, values in found.values.items():
                if name != "observational_entropy":
                    data |= self._variables(name, values, context, sector, start)
            if coarse is not None:
                data |= coarse_grained(coarse, found.values["observational_entropy"])
                data |= self._steady(coarse, context, sector, start)
        return {"state_error": _along(bounds, "bound on the error of the state"), **data}

    def _shots(self, propagator: Propagator, start: np.ndarray) -> dict[str, xr.Variable]:
        """The energy distribution of the initial state from a finite number of outcomes, and from infinitely many."""
        chosen = self.shots
        assert chosen is not None
        noisy = energy_shots(propagator, start, sigma=chosen.sigma, shots=chosen.count, seed=chosen.seed)
        exact = energy_shots(propagator, start, sigma=chosen.sigma)
        edges = exact.edges(self.shell_width)
        volumes, _ = shell_volumes(propagator, edges, chosen.sigma, vectors=self.volume_vectors)
        energies = edges[1] + self.shell_width * (np.arange(edges.size - 1) - 0.5)
        p, covariance = noisy.shells(edges)
        P, P_error = noisy.density(energies)
        S, ideal = noisy.entropy(edges, volumes), exact.entropy(edges, volumes)
        shells = {
            "shot_shell_energy": energies, "shot_density": P, "shot_density_error": P_error,
            "shot_density_exact": exact.density(energies)[0], "shot_probability": p,
            "shot_probability_error": np.sqrt(covariance.diagonal()), "shot_probability_exact": exact.shells(edges)[0],
            "shot_volume": volumes,
        }  # fmt: skip
        numbers = {
            "shot_entropy": S.value, "shot_entropy_error": S.error, "shot_entropy_exact": ideal.value,
            "shot_outcomes": float(noisy.outcomes),
        }  # fmt: skip
        variables = {name: xr.Variable("shot_shell", values) for name, values in shells.items()}
        return variables | {name: xr.Variable((), value) for name, value in numbers.items()}

    def _function(
        self, name: str, context: Context, h: Hamiltonian, sector: Sector, propagator: Propagator
    ) -> Callable[[np.ndarray], object]:
        """What is computed of each psi (d,)."""
        dims = context.composite.dims
        if name in ("populations", "density_matrix"):
            rho = density_matrix(sector, dims, context.system)
            return rho if name == "density_matrix" else lambda psi: rho(psi).diagonal().real
        if name == "entanglement":
            sites = self.cut or tuple(range(context.sites - dims[1].bit_length() + 1))
            return entanglement(sector, context.sites, sites)
        if name == "energy":
            return propagator.energy
        return local(sector, context.sites, "z" if name == "imbalance" else name[-1])

    def _coarse(self, context: Context, sector: Sector) -> ObservationalEntropy | SmearedEntropy:
        """The bath's shells, exact or smeared."""
        dims = context.composite.dims
        if context.bath is not None and self.smearing is None:
            return ObservationalEntropy.of(sector, dims, context.system, context.bath, self.shell_width)
        if self.smearing is None:
            raise JobError(
                "measure.dynamics: observational_entropy needs the bath's states, [bath] with window = \"whole\", or "
                "smearing = sigma of the shells' edges"
            )  # fmt: skip
        return SmearedEntropy.of(
            build(context.composite, "B"), sector, dims, context.system,
            width=self.shell_width, smearing=self.smearing, vectors=self.volume_vectors,
        )  # fmt: skip

    def _variables(
        self, name: str, values: np.ndarray, context: Context, sector: Sector, start: np.ndarray
    ) -> dict[str, xr.Variable]:
        """The labelled arrays of one name from its values at all times."""
        if name == "populations":
            return {"population": _along(values, "population of the system's level", "branch")}
        if name == "density_matrix":
            return {"rho_S": _along(values, "reduced density matrix", "branch", "other_branch")}
        if name == "entanglement":
            return {"entanglement_t": _along(values, "entanglement entropy")}
        if name == "energy":
            return {"energy_t": _along(values, "mean energy", units="coupling")}
        if name == "imbalance":
            first = local(sector, context.sites, "z")(start)
            return {"imbalance_t": _along(imbalance(np.vstack([first, values]))[1:], "imbalance")}
        return {f"{name}_t": _along(values, f"<σ^{name[-1]}>", "site")}

    def _steady(self, observed: object, context: Context, sector: Sector, start: np.ndarray) -> dict[str, xr.Variable]:
        """The steady state, where both whole spectra are there."""
        if not isinstance(observed, ObservationalEntropy) or not isinstance(context.states.window, Whole):
            return {}
        try:
            states = context.states.require_complete(accept_unverified=context.accept_unverified)
            if context.sector is None and sum(b.energies.size for b in states.blocks) < states.dim:
                return {}
        except IncompleteWindow:
            return {}
        steady = steady_state(observed, states, sector, start)
        return {
            "observational_entropy_steady": xr.Variable((), steady.entropy),
            "shell_probability_t_steady": xr.Variable(("branch", "bath_shell_t"), steady.probabilities),
            "population_steady": xr.Variable("branch", steady.probabilities.sum(axis=1)),
            "renyi2_steady": xr.Variable((), steady.renyi2),
        }

    def _autocorrelation(
        self, context: Context, h: Hamiltonian, sector: Sector, t: np.ndarray
    ) -> dict[str, xr.Variable]:
        chosen = self.autocorrelation
        assert chosen is not None
        with in_section("measure.dynamics.autocorrelation"):
            found = autocorrelation(
                h, chosen.letters, chosen.sites, t, sector=sector, vectors=chosen.vectors, seed=chosen.seed,
                checkpoint=context.checkpoint.named("autocorrelation"), report=context.report,
            )  # fmt: skip
        return {
            "string_autocorrelation": _along(found.mean, "autocorrelation"),
            "string_autocorrelation_error": _along(found.error, "error of the autocorrelation"),
        }


def coarse_grained(shells: ObservationalEntropy | SmearedEntropy, p: np.ndarray) -> dict[str, xr.Variable]:
    """Entropy and probabilities p (T, D_S, S) along ``t``, with the volumes of the shells."""
    found = {
        "shell_probability_t": xr.Variable(("t", "branch", "bath_shell_t"), p),
        "shell_volume_t": xr.Variable(("branch", "bath_shell_t"), shells.volumes),
    }
    if isinstance(shells, ObservationalEntropy):
        values = np.array([shells.entropy(one) for one in p])
        return found | {"observational_entropy": _along(values, "observational entropy")}
    pairs = np.array([shells.entropy(one) for one in p])
    return found | {
        "observational_entropy": _along(pairs[:, 0], "observational entropy"),
        "observational_entropy_error": _along(pairs[:, 1], "its standard error from the volumes"),
    }


def _along(values: np.ndarray, words: str, *others: str, units: str = "1") -> xr.Variable:
    """A variable along ``t`` and ``others``."""
    return xr.Variable(("t", *others), values, {"long_name": words, "units": units})
