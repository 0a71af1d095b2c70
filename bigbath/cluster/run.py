"""Run a job: every realization once, each kept as a shard until the result file is whole."""

import shutil
import time
from pathlib import Path
from typing import Literal

import h5py
import xarray as xr

from bigbath.cluster.realize import realize
from bigbath.errors import FileError
from bigbath.job import Job, job_hash
from bigbath.progress import Report, silent
from bigbath.solvers import Comm
from bigbath.store import open_result, provenance, read_header, write_result


def run(job: Job, output: str | Path, *, comm: Comm = None, report: Report = silent) -> Literal["done", "was done"]:
    """Compute what is missing of a job and write ``output``.

    Finished realizations are kept in ``<output>.parts/`` and taken from there when an interrupted run is repeated.
    With a communicator every rank takes part in each factorisation and rank 0 writes. FileError when ``output``
    exists and belongs to another job, or cannot be written: before any work starts.
    """
    output = Path(output)
    writer = comm is None or comm.rank == 0
    if writer and _already_there(output, job):
        return "was done"
    parts = output.with_name(output.name + ".parts")
    if writer:
        _prepare(parts, job)
    start = time.perf_counter()
    chosen = range(job.ensemble.first, job.ensemble.first + job.ensemble.realizations)
    for number, realization in enumerate(chosen):
        label = f"realization {realization} ({number + 1} of {len(chosen)}): " if len(chosen) > 1 else ""
        shard = parts / f"{realization:05d}.h5"
        if _valid(shard, job):
            continue
        begun = time.perf_counter()
        dataset = realize(job, realization, comm, lambda text, *n, label=label: report(label + text, *n))
        if writer:
            where = provenance(ranks=1 if comm is None else comm.size, seconds={"total": time.perf_counter() - begun})
            write_result(shard, job, [(realization, dataset)], where)
    if writer:
        total = time.perf_counter() - start
        where = provenance(
            ranks=1 if comm is None else comm.size, seconds={"total": total}, scalar="float64", seed=job.ensemble.seed
        )
        write_result(output, job, ((r, _shard(parts, r)) for r in chosen), where)
        shutil.rmtree(parts)
    return "done"


def _shard(parts: Path, realization: int) -> xr.Dataset:
    return open_result(parts / f"{realization:05d}.h5").realizations[realization]


def _already_there(output: Path, job: Job) -> bool:
    if not output.exists():
        return False
    try:
        header = read_header(output)
    except FileError as error:
        raise FileError(f"{error} It is left as it is; choose another name with -o.") from None
    if header["job_hash"] != job_hash(job):
        raise FileError(f"{output} holds the result of another job; choose another name with -o, or remove it")
    return True


def _prepare(parts: Path, job: Job) -> None:
    """Make sure that results can be written, before they are computed."""
    try:
        parts.mkdir(parents=True, exist_ok=True)
        with h5py.File(parts / ".probe", "w"):
            pass
        (parts / ".probe").unlink()
    except OSError as error:
        raise FileError(f"cannot write to {parts.parent}: {error}") from None
    for shard in parts.glob("*.h5"):
        if not _valid(shard, job):
            shard.unlink()


def _valid(shard: Path, job: Job) -> bool:
    """Whether a shard is whole and belongs to this job."""
    try:
        return open_result(shard).job_hash == job_hash(job)
    except FileError:
        return False
