"""Commands on jobs and on runs: run, status, merge, slurm, estimate."""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bigbath.cli.arguments import AsJson, JobFile, Output, RunFile
from bigbath.errors import FileError
from bigbath.resources import thread_line


def run(
    job: JobFile,
    output: Output = None,
    ranks_per_task: Annotated[
        int | None, typer.Option(min=1, help="Ranks that share a task [default: as few as memory allows].")
    ] = None,
    share: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only the I-th (from 0) of N shares of the tasks, for job arrays.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again the tasks that failed.")] = False,
) -> None:
    """Run a job, or go on with it where it was interrupted. Under mpirun groups of ranks take the tasks."""
    from bigbath.cli.progress import ProgressReport
    from bigbath.cluster.communicator import together
    from bigbath.cluster.failures import named, summary
    from bigbath.cluster.run import run as run_job
    from bigbath.cluster.run import share_of_array
    from bigbath.job import load_job
    from bigbath.store import Shards

    target = output or job.with_suffix(".h5")
    with together() as comm:
        first = comm is None or comm.rank == 0
        parsed = load_job(job)
        chosen = share_of_array(share, dict(os.environ))
        if comm is not None and first:
            typer.echo(f"bigbath: {thread_line()}", err=True)
        with ProgressReport(quiet=not first) as report, named(parsed):
            state = run_job(
                parsed,
                target,
                comm=comm,
                group_size=ranks_per_task,
                share=chosen,
                retry_failed=retry_failed,
                report=report,
            )
        if first:
            message = {
                "done": "written",
                "was done": "was complete already, nothing to do",
                "share done": f"share {chosen[0]} of {chosen[1]} is done; `bigbath merge {target}` when all are",
                "failed": f"some tasks failed, see `bigbath status {target}`; --retry-failed tries them again",
                "stopped": "stopped by a signal; run the same command again to go on",
            }[state]
            with suppress(FileError, BrokenPipeError):  # the state is the exit code's to tell
                typer.echo(f"{target}: {message}")
            if state == "failed":
                survey = Shards(target, parsed).survey()
                for paragraph in summary(parsed, survey.done, survey.failed)[:5]:
                    typer.echo(paragraph, err=True)
    raise typer.Exit({"failed": 7, "stopped": 75}.get(state, 0))


def status(
    file: RunFile,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until no task is missing.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks, with --watch.")] = 5.0,
) -> None:
    """Which tasks of a run are done, failed and missing, and what is wrong with its shards. Exit code 7 if any failed."""
    from bigbath.cluster.failures import summary
    from bigbath.cluster.status import status_of
    from bigbath.store import Shards

    if watch:
        _watch(file, every)
    result = status_of(file)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        typer.echo(f"{file}: {result['state']}; {len(result['done'])} of {result['tasks']} tasks done")
        for kind in ("missing", "failed", "corrupt", "foreign", "duplicate", "incomplete_spectra"):
            found = result[kind]
            for item in list(found)[:20]:
                detail = f": {found[item]}" if isinstance(found, dict) else ""
                typer.echo(f"   {kind.replace('_', ' ')}: {item}{detail}")
            if len(found) > 20:
                typer.echo(f"   ... and {len(found) - 20} more {kind.replace('_', ' ')} (--json lists all)")
        if result["failed"]:
            survey = Shards.found(file).survey()
            for paragraph in summary(survey.job, survey.done, survey.failed):
                typer.echo(paragraph)
    raise typer.Exit(7 if result["failed"] else 0)


def _watch(file: Path, every: float) -> None:
    """Show how many tasks are done, with the time that is left, until none is missing."""
    from bigbath.cli.progress import ProgressReport
    from bigbath.cluster.status import status_of
    from bigbath.progress import TASKS

    with ProgressReport(heartbeat=0.0) as report:
        before = None
        while True:
            try:
                found = before = status_of(file)
            except FileError:  # shards go while the run is merging them
                if before is None:
                    raise
                before = None
                time.sleep(every)
                continue
            done, failed, missing = (len(found[kind]) for kind in ("done", "failed", "missing"))
            report(f"{TASKS}, {done} done, {failed} failed, {missing} missing", done, found["tasks"])
            if not missing:
                return
            time.sleep(every)


def merge(
    file: RunFile,
    others: Annotated[
        list[Path] | None, typer.Argument(metavar="OTHERS", help="Results to add: other realizations, other points.")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Merge what there is; the shards are kept.")] = False,
) -> None:
    """Make the result file of its shards, each task once. Repeating it changes nothing."""
    from bigbath.cluster.run import merge as merge_run

    survey = merge_run(file, partial=partial, others=others or ())
    left = len(survey.missing) + len(survey.failed)
    typer.echo(f"{file}: {len(survey.done)} task(s)" + (f", {left} are not done" if left else ""))


def slurm(
    job: JobFile,
    output: Output = None,
    into: Annotated[Path, typer.Option(help="Directory for the scripts.")] = Path(),
    array: Annotated[int, typer.Option(min=1, help="Members of the job array.")] = 16,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of the MPI job.")] = 1,
    ranks: Annotated[int, typer.Option(min=1, help="Ranks a node of the MPI job.")] = 1,
    safety: Annotated[float, typer.Option(min=0.1, help="Ask for so many times the estimated time.")] = 3.0,
) -> None:
    """Write batch scripts for a job, with time and memory from its estimate: one node, MPI, array with merge."""
    from bigbath.cluster.slurm import Allocation, scripts, write_scripts
    from bigbath.job import load_job

    allocation = Allocation(nodes=nodes, ranks=ranks, array=array, safety=safety)
    texts = scripts(load_job(job), job, output or job.with_suffix(".h5"), into, allocation)
    write_scripts(into, texts)
    for name in texts:
        typer.echo(f"{into / name}: written")


def estimate(job: JobFile, as_json: AsJson = False) -> None:
    """Dimensions, nonzeros, engine and memory of a job; starts nothing heavy. Exit code 3 if it does not fit."""
    from bigbath.cluster.estimate import estimate as estimate_job
    from bigbath.job import load_job
    from bigbath.resources import gigabytes

    result = estimate_job(load_job(job))
    if as_json:
        typer.echo(json.dumps({**asdict(result), "fits": result.fits}, indent=2))
    else:
        for part in result.parts:
            typer.echo(
                f"{part.part}: dimension {part.dim:,}, {part.nnz:,} nonzeros, {part.sectors} sector(s), the largest {part.largest_sector:,}"
            )
            typer.echo(f"   engine {part.engine} ({part.reason})")
            factor = f"{part.factor_entries:,} factor entries ({part.factor}), " if part.factor_entries else ""
            products = f"{part.products:,} products with H, " if part.products else ""
            typer.echo(f"   {factor}{products}about {gigabytes(part.bytes)}")
        if result.points > 1:
            typer.echo(f"the largest of {result.points} points of the sweep is number {result.point} (from 0)")
        typer.echo(
            f"{result.tasks} task(s), {result.realizations} realization(s) a point: roughly {result.seconds:,.0f} s"
        )
        typer.echo(
            f"{gigabytes(result.bytes)} needed, {gigabytes(result.free)} free here: {'fits' if result.fits else 'DOES NOT FIT'}"
        )
    raise typer.Exit(0 if result.fits else 3)
