"""Measurement ``form_factor``: spectral form factor of each realization, and its disorder average."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context
from bigbath.measure.level_statistic import LevelStatistic
from bigbath.statistics import amplitude, averaged, gaussian_filter, thouless_time, unfolded


@choice
class MeasureFormFactor(LevelStatistic):
    """Z(tau) = sum_n f(e_n) exp(-2 pi i e_n tau) of the unfolded levels of each sector, f Gaussian.

    ``tau_min`` ... ``tau_max``: times in units of the Heisenberg time, ``points`` on a logarithmic grid. ``degree`` of
    the fit that unfolds, ``eta``: width of the filter in units of the spectrum's. Cost: levels x points.

    >>> import bigbath as bb
    >>> bb.Measures(form_factor=bb.MeasureFormFactor(points=100)).form_factor.tau_max
    3.0
    """

    section: ClassVar[str] = "form_factor"
    tau_min: Annotated[float, Field(gt=0)] = 1e-3
    tau_max: Annotated[float, Field(gt=0)] = 3.0
    points: Annotated[int, Field(ge=2, le=100_000)] = 400
    degree: Annotated[int, Field(ge=1, le=40)] = 10
    eta: Annotated[float, Field(gt=0)] = 0.5

    @model_validator(mode="after")
    def _check(self) -> "MeasureFormFactor":
        if self.tau_min >= self.tau_max:
            raise ValueError(f"tau_min = {self.tau_min} must be smaller than tau_max = {self.tau_max}")
        return self

    def measure(self, context: Context) -> xr.Dataset:
        """``form_factor`` = |Z|^2/sum f^2, ``form_factor_real``, ``form_factor_imag`` of Z (sector, tau);
        ``form_factor_norm`` = sum f^2 and ``mean_spacing`` in the middle of the spectrum (sector).

        NaN where a sector has fewer than 4 (degree + 1) levels.
        """
        spectra, said = self.resolved(context)
        tau = np.geomspace(self.tau_min, self.tau_max, self.points)
        Z = np.full((len(spectra), tau.size), complex(np.nan, np.nan))
        norm, spacing = np.full((2, len(spectra)), np.nan)
        for i, energies in enumerate(spectra):
            levels = unfolded(energies, self.degree)
            if levels.size:
                weights = gaussian_filter(levels, self.eta)
                Z[i], norm[i] = amplitude(levels, weights, tau), np.sum(weights**2)
                spacing[i] = float(np.sum(weights[:-1] * np.diff(energies)) / np.sum(weights[:-1]))
        dims = ("sector", "tau")
        return said.assign(
            form_factor=(dims, np.abs(Z) ** 2 / norm[:, None]),
            form_factor_real=(dims, Z.real),
            form_factor_imag=(dims, Z.imag),
            form_factor_norm=("sector", norm),
            mean_spacing=("sector", spacing),
        ).assign_coords(tau=tau)


def disorder_average(dataset: xr.Dataset, kind: Literal["goe", "gue"] = "goe", *, decades: float = 0.0) -> xr.Dataset:
    """Form factor of an ensemble: ``dataset`` of a run with [measure.form_factor], with the dimension ``realization``.

    Variables K, K_error, K_connected, K_connected_error (..., tau), thouless_tau = t_Th/t_H and its error,
    thouless_time = tau 2 pi/(mean spacing), realizations (...), for every sector and swept value. ``kind``: the random
    matrices that K is compared with; ``decades``: width in tau of a running mean of K, with its errors. JobError for a
    dataset without the measurement.

    >>> import bigbath as bb
    >>> job = bb.Job(
    ...     model=bb.Imbrie(L=6), spectrum=bb.Spectrum(window="whole"), measure={"form_factor": {"points": 20, "degree": 5}},
    ...     ensemble=bb.Ensemble(realizations=3),
    ... )
    >>> bb.disorder_average(bb.run(job).dataset).K.dims
    ('sector', 'tau')
    """
    if "form_factor_real" not in dataset or "realization" not in dataset.dims:
        raise JobError("a disorder average needs several realizations with [measure.form_factor]")
    parts = [dataset[f"form_factor_{part}"] for part in ("real", "imag", "norm")]
    norms, spacings = (dataset[name] for name in ("form_factor_norm", "mean_spacing"))
    outer = [d for d in norms.dims if d != "realization"]
    tau = dataset.tau.values

    def one(real: np.ndarray, imag: np.ndarray, norm: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, ...]:
        kept = np.isfinite(norm)
        if not kept.any():
            nothing, unknown = np.full(tau.size, np.nan), np.array(np.nan)
            return nothing, nothing, nothing, nothing, unknown, unknown, unknown, np.array(0)
        Z = (real + 1j * imag)[kept]
        K = averaged(tau, Z, norm[kept], decades)
        thouless = thouless_time(tau, Z, norm[kept], kind=kind, connected=kept.sum() > 1)
        heisenberg = 2 * np.pi / spacing[kept].mean()
        scalars = (thouless.tau, thouless.error, thouless.tau * heisenberg, K.realizations)
        return (K.K, K.K_error, K.connected, K.connected_error, *map(np.array, scalars))

    arrays = xr.apply_ufunc(
        one, *parts, spacings, vectorize=True, keep_attrs=False,
        input_core_dims=[["realization", "tau"], ["realization", "tau"], ["realization"], ["realization"]],
        output_core_dims=[["tau"]] * 4 + [[]] * 4,
    )  # fmt: skip
    names = ("K", "K_error", "K_connected", "K_connected_error", "thouless_tau", "thouless_tau_error", "thouless_time",
             "realizations")  # fmt: skip
    return xr.Dataset(dict(zip(names, arrays, strict=True))).transpose(*outer, "tau")
