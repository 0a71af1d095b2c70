"""Run a job: every realization once, each kept as a shard until the result file is whole."""

import shutil
import time
from pathlib import Path
from typing import Literal

import h5py

from bigbath.cluster.communicator import on_root
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
    if on_root(comm, lambda: _already_there(output, job)):
        return "was done"
    parts = output.with_name(output.name + ".parts")
    chosen = range(job.ensemble.first, job.ensemble.first + job.ensemble.realizations)
    present = on_root(comm, lambda: _prepare(parts, job))
    ranks = 1 if comm is None else comm.size
    start = time.perf_counter()
    for number, realization in enumerate(chosen):
        if realization in present:
            continue
        label = f"realization {realization} ({number + 1} of {len(chosen)}): " if len(chosen) > 1 else ""
        begun = time.perf_counter()
        dataset = realize(job, realization, comm, lambda text, *n, label=label: report(label + text, *n))
        where = provenance(ranks=ranks, seconds={"total": time.perf_counter() - begun})
        on_root(comm, lambda: write_result(_shard(parts, realization), job, [(realization, dataset)], where))  # noqa: B023
    where = provenance(ranks=ranks, seconds={"total": time.perf_counter() - start}, seed=job.ensemble.seed)
    on_root(comm, lambda: _merge(parts, chosen, output, job, where))
    return "done"


def _merge(parts: Path, chosen: range, output: Path, job: Job, where: dict) -> None:
    shards = ((r, open_result(_shard(parts, r)).realizations[r]) for r in chosen)
    write_result(output, job, shards, where)
    shutil.rmtree(parts)


def _shard(parts: Path, realization: int) -> Path:
    return parts / f"{realization:05d}.h5"


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


def _prepare(parts: Path, job: Job) -> set[int]:
    """Make sure that results can be written before they are computed; the realizations that are there already."""
    try:
        parts.mkdir(parents=True, exist_ok=True)
        with h5py.File(parts / ".probe", "w"):
            pass
        (parts / ".probe").unlink()
    except OSError as error:
        raise FileError(f"cannot write to {parts.parent}: {error}") from None
    present = set()
    for shard in parts.glob("*.h5"):
        if _valid(shard, job):
            present.add(int(shard.stem))
        else:
            shard.unlink()
    return present


def _valid(shard: Path, job: Job) -> bool:
    """Whether a shard is whole and belongs to this job."""
    try:
        return open_result(shard).job_hash == job_hash(job)
    except FileError:
        return False
