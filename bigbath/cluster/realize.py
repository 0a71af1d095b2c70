"""One disorder realization of a job: model -> Hamiltonians -> eigenstates -> measurements."""

import json
import time
from dataclasses import asdict

import numpy as np
import xarray as xr

from bigbath.broadening import system_states
from bigbath.hamiltonian import build
from bigbath.job import Job, Spectrum
from bigbath.measure import Context
from bigbath.models import Composite, draw
from bigbath.progress import Report, silent
from bigbath.solvers import Comm, Eigenstates, solve


def _solve(composite: Composite, part: str, spectrum: Spectrum, comm: Comm, report: Report) -> Eigenstates:
    return solve(
        build(composite, part),  # type: ignore[arg-type]
        spectrum.window,
        engine=spectrum.engine,
        symmetries=spectrum.symmetries,
        sector=spectrum.sector,
        comm=comm,
        report=report,
    )


def realize(job: Job, realization: int, comm: Comm = None, report: Report = silent) -> xr.Dataset:
    """Compute one realization.

    The dataset has the coordinates ``energy``, ``residual``, ``sector_index`` along ``state``, ``bath_energy`` along
    ``bath_state``, ``system_energy`` along ``branch`` (numbered from 1), the measurements, and the evidence as JSON
    attributes. With a communicator each factorisation spans its ranks.
    """
    seconds = {}
    start = time.perf_counter()
    composite = draw(job.model, seed=job.ensemble.seed, realization=realization)
    system = system_states(composite)
    bath = None
    if job.bath is not None:
        bath = _solve(composite, "B", job.bath, None, lambda label, *n: report(f"bath: {label}", *n))
        seconds["bath"] = time.perf_counter() - start
    start = time.perf_counter()
    states = _solve(composite, "H", job.spectrum, comm, lambda label, *n: report(f"H: {label}", *n))
    seconds["spectrum"] = time.perf_counter() - start
    start = time.perf_counter()
    context = Context(
        composite=composite,
        states=states,
        bath=bath,
        system=system,
        accept_unverified=job.accept_unverified,
        report=report,
    )
    dataset = job.measure.run(context)
    seconds["measure"] = time.perf_counter() - start
    coords = {
        "energy": ("state", states.energies),
        "residual": ("state", states.residuals),
        "sector_index": ("state", states.sector_index),
        "system_energy": ("branch", system.energies),
        "branch": ("branch", np.arange(1, system.energies.size + 1)),
    }
    attrs = {
        "realization": realization,
        "scalar_type": np.result_type(float, *(b.vectors.dtype for b in states.blocks)).name,
        "evidence_spectrum": json.dumps(asdict(states.evidence)),
        "sectors_spectrum": json.dumps([str(b.sector) for b in states.blocks]),
        "E_min": states.extremes[0],
        "E_max": states.extremes[1],
        "seconds": json.dumps(seconds),
    }
    if bath is not None:
        coords |= {"bath_energy": ("bath_state", bath.energies), "bath_sector_index": ("bath_state", bath.sector_index)}
        attrs |= {
            "evidence_bath": json.dumps(asdict(bath.evidence)),
            "sectors_bath": json.dumps([str(b.sector) for b in bath.blocks]),
        }
    dataset = dataset.assign_coords(coords).assign_attrs(attrs)
    return dataset.assign_coords({d: np.arange(n) for d, n in dataset.sizes.items() if d not in dataset.coords})
