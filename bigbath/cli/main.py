"""The command line. Exit codes are in docs/cli.md and in ``bigbath --help``."""

import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer

from bigbath.cli.streams import protect_streams
from bigbath.errors import BigbathError, FileError, JobError, Stopped
from bigbath.resources import cap_threads, thread_line

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How a small quantum system thermalises in a big bath, at exact-diagonalisation accuracy.",
    epilog="Exit codes: 0 done; 2 wrong job or option; 3 impossible request; 4 something is not installed; "
    "5 a file cannot be read or written; 6 not certified; 7 some tasks failed; 75 stopped by a signal and 130 interrupted "
    "(run the same command again to go on).",
)

JobFile = Annotated[Path, typer.Argument(metavar="JOB.toml", help="The job file (docs/job-file.md).")]
ResultFile = Annotated[Path, typer.Argument(metavar="FILE", help="A result file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    job: JobFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Result file [default: JOB.h5].")] = None,
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
        with ProgressReport(quiet=not first) as report:
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
                failures = Shards(target, parsed).survey().failed
                for task, record in list(failures.items())[:3]:
                    typer.echo(f"{task.name}: {record['error']}", err=True)
    raise typer.Exit({"failed": 7, "stopped": 75}.get(state, 0))


RunFile = Annotated[Path, typer.Argument(metavar="FILE", help="The result file of a run, there already or not yet.")]


@app.command()
def status(file: RunFile, as_json: AsJson = False) -> None:
    """Which tasks of a run are done, failed and missing, and what is wrong with its shards. Exit code 7 if any failed."""
    from bigbath.cluster.status import status_of

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
    raise typer.Exit(7 if result["failed"] else 0)


@app.command()
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


@app.command()
def slurm(
    job: JobFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Result file [default: JOB.h5].")] = None,
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


@app.command()
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


@app.command()
def show(file: ResultFile, as_json: AsJson = False) -> None:
    """What a result file holds, and the evidence for it."""
    from bigbath.job import resolved
    from bigbath.measure import caveats
    from bigbath.store import open_result

    result = open_result(file)
    if as_json:
        realizations = {
            r: {
                "sizes": dict(ds.sizes),
                "variables": sorted(map(str, ds.variables)),
                "evidence": {
                    part: result.evidence(r, part) for part in ("spectrum", "bath") if f"evidence_{part}" in ds.attrs
                },
            }
            for r, ds in result.realizations.items()
        }
        content = {
            "job": resolved(result.job),
            "job_hash": result.job_hash,
            "provenance": result.provenance,
            "realizations": realizations,
        }
        typer.echo(json.dumps(content, indent=2))
        return
    typer.echo(
        f"{file}: {result.job.title or result.job.model.name}, job {result.job_hash}, {len(result.realizations)} realization(s)"
    )
    typer.echo(f"finished {result.provenance['finished']}, {result.provenance['seconds']['total']:.1f} s")
    for r, ds in result.realizations.items():
        typer.echo(f"realization {r}: " + ", ".join(f"{n} {d}" for d, n in ds.sizes.items()))
        for line in caveats(ds):
            typer.echo(f"   {line}")
        for part in ("spectrum", "bath"):
            if f"evidence_{part}" in ds.attrs:
                e = result.evidence(r, part)
                typer.echo(f"   {part}: {e['found']} states, complete: {e['complete']} ({e['reason']})")
                typer.echo(
                    f"      residual {e['residual']:.1e}, orthogonality {e['orthogonality']:.1e}, ||H|| {e['norm']:.4g}, engine {e['engine']}"
                )
        if "centre" in ds:
            for mu in range(min(4, ds.sizes["bath_state"])):
                one = ds.isel(bath_state=mu)
                fits = "; ".join(
                    f"branch {int(b)}: centre {float(c):.3f} +- {float(dc):.3f}, chi {float(x):.3f} +- {float(dx):.3f}"
                    for b, c, dc, x, dx in zip(
                        ds.branch, one.centre, one.centre_error, one.chi, one.chi_error, strict=True
                    )
                )
                typer.echo(f"   bath state {float(one.bath_energy):.6f}: {fits}")


@app.command()
def plot(
    file: ResultFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Figure [default: FILE.pdf]; its ending is the format.")
    ] = None,
    realization: Annotated[int | None, typer.Option(help="Realization index [default: the first].")] = None,
) -> None:
    """Distributions over the eigenstates, as in Fig. 1 of the entropy paper."""
    from bigbath.plots import plot_distribution, save
    from bigbath.store import open_result

    result = open_result(file)
    index = next(iter(result.realizations)) if realization is None else realization
    if index not in result.realizations:
        raise JobError(f"--realization {index}: the file holds {', '.join(map(str, result.realizations))}")
    if "P" not in result.realizations[index]:
        raise JobError(f"{file} holds no distribution to plot: its job has no [measure.distribution]")
    target = output or file.with_suffix(".pdf")
    save(plot_distribution(result.realizations[index], result.job.title), target)
    typer.echo(f"{target}: written")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check the installation and prove it on tiny problems; exit code 4 when something is missing."""
    from bigbath.cli.doctor import diagnose

    d = diagnose()
    if as_json:
        typer.echo(json.dumps(asdict(d), indent=2))
    else:
        for name, fact in d.facts.items():
            items = (
                fact.items()
                if isinstance(fact, dict)
                else [("", v) for v in fact]
                if isinstance(fact, list)
                else [("", fact)]
            )
            typer.echo(f"{name}: " + "; ".join(f"{k} {v}".strip() for k, v in items))
        for name, passed in d.checks.items():
            typer.echo(f"[{'ok' if passed else 'MISSING'}] {name}")
        for line in d.advice:
            typer.echo(f"to do: {line}")
    raise typer.Exit(0 if all(d.checks.values()) else 4)


#: Studies of ``reproduce``: modules of ``bigbath.studies``; FIGURES are computed together, ALONE when asked for by number.
STUDIES = ("entropy", "diffusion")


@app.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help='"entropy" or "diffusion".')],
    figure: Annotated[
        int | None,
        typer.Option(
            help="Only this figure; entropy has 6 (sizes up to N = 21), 7 (other models), 8 (numbers of the theory page)."
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Sizes, as 8,10: bath sizes L (diffusion), N (entropy, --figure 6, 7) [default: the study's]."
        ),
    ] = None,
    realizations: Annotated[
        int | None, typer.Option(help="Disorder realizations (diffusion) [default: the study's].")
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Random vectors and sampled bath states at every size (diffusion).")
    ] = False,
    as_json: AsJson = False,
    keep: Annotated[
        Path | None, typer.Option(help="Directory for the result files and figures [default: not kept].")
    ] = None,
) -> None:
    """Compute a paper's numbers afresh and compare. Exit code 6 if one differs unexplained."""
    from bigbath.cli.progress import ProgressReport

    if paper not in STUDIES:
        raise JobError(f"no study {paper!r}; there are: {', '.join(STUDIES)}")
    study = import_module(f"bigbath.studies.{paper}")
    by_number = study.FIGURES | study.ALONE
    if figure is not None and figure not in by_number:
        raise JobError(f"--figure {figure}: this study has {', '.join(map(str, by_number))}")
    options = {"sizes": _numbers("--sizes", sizes), "realizations": realizations, "sampled": sampled or None}
    chosen = {name: value for name, value in options.items() if value is not None}
    figures = study.FIGURES if figure is None else {figure: by_number[figure]}
    for option in chosen:
        if any(option not in signature(compute).parameters for compute in figures.values()):
            taking = [str(n) for n, compute in by_number.items() if option in signature(compute).parameters]
            raise JobError(f"--{option}: only figures {', '.join(taking)} of {paper!r} take it; add --figure")
    rows = []
    with tempfile.TemporaryDirectory() as scratch, ProgressReport() as report:
        directory = keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        for compute in figures.values():
            rows += compute(directory, report, **chosen)[0]
    rows = list(dict.fromkeys(rows))  # figures may share rows
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        _table([row.as_dict() for row in rows])
    raise typer.Exit(0 if all(row.accepted for row in rows) else 6)


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(n) for n in text.split(","))
    except ValueError:
        raise JobError(f"{option} {text}: give whole numbers with commas between them, as 8,10") from None


def _table(rows: list[dict[str, str | float]]) -> None:
    """Rows of text and numbers under the names of their columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[f"{v:.6g}" if isinstance(v := row.get(name, ""), float) else str(v) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in (names, *cells):
        typer.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def main() -> None:
    """Entry point: a user's mistake is one message and an exit code, never a traceback."""
    protect_streams()
    cap_threads()
    try:
        app()
    except BigbathError as error:
        print(f"bigbath: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Stopped as stopped:
        print(f"bigbath: {stopped}", file=sys.stderr)
        sys.exit(stopped.exit_code)
    except KeyboardInterrupt:
        print("bigbath: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
