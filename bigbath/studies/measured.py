"""Numbers about the paper's theory that the paper does not print: how well its equations describe N = 15 (docs/theory-entropy.md)."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bigbath.broadening.density_of_states import Binomial, DensityOfStates, FromLevels, Gaussian, kappa
from bigbath.broadening.entropy import lorentzian_entropy, lorentzian_entropy_integral, observational
from bigbath.broadening.profile_fit import PROFILES, fit_profile
from bigbath.broadening.regression import branches
from bigbath.broadening.subsystem import canonical_weights, gaussian_weights
from bigbath.models import Ring
from bigbath.studies.study_row import StudyRow

#: Initial states and energies nearer to 0 than this; number of initial states whose profiles are compared; folds.
WINDOW, STATES, FOLDS = 8.0, 18, 4


@dataclass(frozen=True, kw_only=True)
class Measured(StudyRow):
    """One number, of initial states with |epsilon_mu| < 8."""

    name: str
    ours: float


def measured(ds: xr.Dataset, model: Ring) -> list[Measured]:
    """All of them from the result of the job "entropy_whole"."""
    values = _parameters(ds) | _entropies(ds, model) | _subsystem(ds, model) | _profiles(ds)
    return [Measured(name=name, ours=float(value)) for name, value in values.items()]


def _middle(ds: xr.Dataset) -> xr.Dataset:
    return ds.isel(bath_state=np.abs(ds.bath_energy.values) < WINDOW)


def _parameters(ds: xr.Dataset) -> dict[str, float]:
    """Eqs. 36, 37 with the fits put in, and solved from |V|^2 and eta, beside the fits that the shells resolve; branch 1."""
    everyone = _middle(ds).sel(branch=1)
    one = everyone.isel(bath_state=everyone.fit_resolved.values > 0)
    shift = one.centre - one.bath_energy - one.system_energy - one.V_diagonal
    values = {
        "fits resolved by the shells": float(everyone.fit_resolved.mean()),
        "fits resolved by the shells, integrated": float(everyone.fit_resolved_integrated.mean()),
        "chi fitted": float(one.chi.mean()),
        "chi fitted, integrated over the shells": float(everyone.chi_integrated.mean()),
        "chi at the peak, closed equations": float(everyone.chi_closed.mean()),
        "Delta - V fitted": float(shift.mean()),
    }
    for name, fitted, other in (
        ("chi reconstructed", one.chi, one.chi_reconstructed),
        ("Delta - V reconstructed", shift, one.shift_reconstructed),
        ("chi solved", one.chi, one.chi_solved),
    ):
        values |= {
            name: float(other.mean()),
            f"{name}: rms difference": float(np.sqrt(((other - fitted) ** 2).mean())),
            f"{name}: correlation": float(np.corrcoef(fitted, other)[0, 1]),
        }
    return values | {"chi solved: iterations": float(ds.sizes["iteration"])}


def _entropies(ds: xr.Dataset, model: Ring) -> dict[str, float]:
    """Means of the measured entropies and of Eq. 38 with four densities of states, with each state's own fit."""
    one = _middle(ds)
    sites, k = model.N, kappa(model.g, model.h, sites=model.N, bonds=model.N)
    exact = FromLevels(levels=ds.energy.values, width=0.5)
    densities: dict[str, DensityOfStates] = {
        "Eq. 49": Gaussian(sites=sites, kappa=k),
        "Eq. 38, binomial density": Binomial(sites=sites, kappa=k),
        "Eq. 38, exact density": exact,
    }
    support = (float(ds.energy.min()), float(ds.energy.max()))
    centre, chi = one.centre.values, one.chi.values
    return {
        "von Neumann entropy": float(one.shannon.mean()),
        "observational entropy": float(observational(one.P.values, ds.shell_count.values).mean()),
        "Renyi-2 entropy": float(one.renyi2.mean()),
        **{name: float(lorentzian_entropy(centre, chi, density).mean()) for name, density in densities.items()},
        "Eq. 38 over the spectrum": float(lorentzian_entropy_integral(centre, chi, exact, support=support).mean()),
    }


def _subsystem(ds: xr.Dataset, model: Ring) -> dict[str, float]:
    """Eqs. 59, 60 against p_n^i, each the mean over the levels of a shell."""
    energy, N = ds.shell_energy.values, model.N
    inside = (np.abs(energy) < WINDOW) & (ds.shell_count.values > 0)
    weights = (ds.P.sum("bath_state") / ds.shell_count).values[:, inside].T
    x, bare = energy[inside], ds.system_energy.values
    density = FromLevels(levels=ds.energy.values, width=0.5)
    lines = branches(ds.bath_energy.values, bare, ds.centre.values, ds.chi.values)
    shift = np.array([line.shift.intercept for line in lines])
    total = Gaussian(sites=N, kappa=kappa(model.g, model.h, sites=N, bonds=N))
    bath = Gaussian(sites=N - 1, kappa=kappa(model.g, model.h, sites=N - 1, bonds=N - 2))
    chi = float(ds.chi.mean())
    closed = sum(gaussian_weights(x, e, d, chi, 0.0, total, bath) for e, d in zip(bare, shift, strict=True))
    return {
        "Eq. 60 with E_i: largest deviation": np.abs(canonical_weights(x, bare, density) - weights).max(),
        "Eq. 60 with E_i + Delta_i: largest deviation": np.abs(
            canonical_weights(x, bare + shift, density) - weights
        ).max(),
        "Eq. 59: smallest sum over i": np.min(closed),
        "Eq. 59: largest sum over i": np.max(closed),
    }


def _profiles(ds: xr.Dataset) -> dict[str, float]:
    """Medians over initial states: rms residual, rms on held-out shells, and how often the AIC prefers it to a Lorentzian."""
    one, filled = _middle(ds).sel(branch=1), ds.shell_count.values > 0
    bare = one.bath_energy + one.system_energy
    fits = []
    for mu in np.linspace(0, one.sizes["bath_state"] - 1, STATES).astype(int):
        state, a = one.isel(bath_state=mu), float(bare[mu])
        x, P = ds.shell_energy.values[filled] - a, state.P.values[filled]
        start = (float(state.centre) - a, float(state.chi))
        fits.append([fit_profile(name, x, P, ds.attrs["shell_width"], start=start, folds=FOLDS) for name in PROFILES])
    values: dict[str, float] = {}
    for name, column in zip(PROFILES, zip(*fits, strict=True), strict=True):
        better = [fit.aic < lorentzian.aic for fit, (lorentzian, *_) in zip(column, fits, strict=True)]
        values |= {
            f"{name}: rms": float(np.median([fit.rms for fit in column])),
            f"{name}: rms, held out": float(np.median([fit.cross_validated for fit in column])),
            f"{name}: AIC below the Lorentzian's": float(np.mean(better)),
        }
    return values
