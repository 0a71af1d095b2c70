"""The entropy paper (Huang & Cai): its jobs and its printed numbers."""

from importlib.resources import files
from pathlib import Path

from bigbath.cluster.run import run
from bigbath.job import Job, load_job
from bigbath.progress import Report, silent
from bigbath.store import Result, open_result
from bigbath.studies.table import Row


def job(name: str) -> Job:
    """A ready job of this study: "entropy_fig1", "entropy_whole"."""
    return load_job(Path(str(files("bigbath.studies") / "jobs" / f"{name}.toml")))


def figure_1(directory: Path, report: Report = silent) -> tuple[list[Row], Result]:
    """Compute Fig. 1 in ``directory`` and compare every number that the paper prints for it."""
    output = directory / "entropy_fig1.h5"
    run(job("entropy_fig1"), output, report=report)
    result = open_result(output)
    ds = result.realizations[0].sel(branch=1)
    rows = [
        Row(name="E_1", paper="-1.055", ours=float(result.realizations[0].system_energy.sel(branch=1))),
        Row(name="E_2", paper="1.055", ours=float(result.realizations[0].system_energy.sel(branch=2))),
    ]
    printed = {"0.583": ("-0.986", "0.606"), "6.324": ("4.661", "0.753")}
    for state, (level, (centre, chi)) in enumerate(printed.items()):
        rows += [
            Row(name="bath level epsilon_mu", paper=level, ours=float(ds.bath_energy[state])),
            Row(name=f"centre a + Delta at epsilon_mu = {level}", paper=centre, ours=float(ds.centre[state])),
            Row(name=f"width chi at epsilon_mu = {level}", paper=chi, ours=float(ds.chi[state])),
        ]
    return rows, result


#: Figure number -> function (directory, report) that computes it.
FIGURES = {1: figure_1}
