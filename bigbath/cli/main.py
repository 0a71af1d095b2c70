"""The command line. Exit codes are in docs/cli.md and in ``bigbath --help``."""

import json
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from bigbath.errors import BigbathError, JobError
from bigbath.resources import cap_threads

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How a small quantum system thermalises in a big bath, at exact-diagonalisation accuracy.",
    epilog="Exit codes: 0 done; 2 wrong job or option; 3 impossible request; 4 something is not installed; "
    "5 a file cannot be read or written; 6 not certified; 130 interrupted (run the same command again to go on).",
)

JobFile = Annotated[Path, typer.Argument(metavar="JOB.toml", help="The job file (docs/job-file.md).")]
ResultFile = Annotated[Path, typer.Argument(metavar="FILE", help="A result file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    job: JobFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Result file [default: JOB.h5].")] = None,
) -> None:
    """Run a job, or go on with it where it was interrupted. Under mpirun its ranks share each factorisation."""
    from bigbath.cli.progress import ProgressReport
    from bigbath.cluster.communicator import abort_together, world
    from bigbath.cluster.run import run as run_job
    from bigbath.job import load_job

    parsed = load_job(job)
    target = output or job.with_suffix(".h5")
    comm = world()
    with abort_together(comm), ProgressReport(quiet=comm is not None and comm.rank > 0) as report:
        state = run_job(parsed, target, comm=comm, report=report)
    if comm is None or comm.rank == 0:
        typer.echo(f"{target}: {'written' if state == 'done' else 'was complete already, nothing to do'}")


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
            factor = f"{part.factor_entries:,} factor entries by MUMPS's analysis, " if part.factor_entries else ""
            typer.echo(f"   {factor}about {gigabytes(part.bytes)}")
        typer.echo(
            f"{result.realizations} realization(s); {gigabytes(result.free)} free here: {'fits' if result.fits else 'DOES NOT FIT'}"
        )
    raise typer.Exit(0 if result.fits else 3)


@app.command()
def show(file: ResultFile, as_json: AsJson = False) -> None:
    """What a result file holds, and the evidence for it."""
    from bigbath.job import resolved
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


#: Studies of ``reproduce``: modules of ``bigbath.studies`` with a dictionary FIGURES.
STUDIES = ("entropy", "diffusion")


@app.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help='"entropy" or "diffusion".')],
    figure: Annotated[int | None, typer.Option(help="Only this figure.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Bath sizes L, as 8,10 (diffusion) [default: the study's].")] = None,
    realizations: Annotated[
        int | None, typer.Option(help="Disorder realizations (diffusion) [default: the study's].")
    ] = None,
    as_json: AsJson = False,
    keep: Annotated[
        Path | None, typer.Option(help="Directory for the result files and figures [default: not kept].")
    ] = None,
) -> None:
    """Compute a paper's numbers afresh and compare. Exit code 6 if one differs unexplained."""
    from bigbath.cli.progress import ProgressReport

    if paper not in STUDIES:
        raise JobError(f"no study {paper!r}; there are: {', '.join(STUDIES)}")
    figures = import_module(f"bigbath.studies.{paper}").FIGURES
    if figure is not None and figure not in figures:
        raise JobError(f"--figure {figure}: this study has {', '.join(map(str, figures))}")
    options = {"sizes": _numbers("--sizes", sizes), "realizations": realizations}
    chosen = {name: value for name, value in options.items() if value is not None}
    if chosen and paper != "diffusion":
        raise JobError(f"--{next(iter(chosen))}: the study {paper!r} has its own")
    rows = []
    with tempfile.TemporaryDirectory() as scratch, ProgressReport() as report:
        directory = keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        for number, compute in figures.items():
            if figure in (None, number):
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
    cap_threads()
    try:
        app()
    except BigbathError as error:
        print(f"bigbath: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("bigbath: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
