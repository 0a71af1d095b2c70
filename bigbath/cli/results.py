"""Commands on results: show, plot, report, export."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bigbath.cli.arguments import AsJson, ResultFile, followed
from bigbath.errors import JobError

if TYPE_CHECKING:
    from bigbath.store import Result


def _opened(file: Path) -> "Result":
    """A result file, or the shards of a run still at work."""
    from bigbath.store import open_result, open_run
    from bigbath.store.shards import directory_of

    return open_run(file) if directory_of(file).is_dir() else open_result(file)


def show(file: ResultFile, as_json: AsJson = False) -> None:
    """What a result file holds, the evidence for it, and the means with errors of what was measured."""
    from bigbath.cli.showing import as_data, as_text

    result = _opened(file)
    if as_json:
        typer.echo(json.dumps(as_data(result), indent=2))
    else:
        for line in as_text(result, shutil.get_terminal_size((100, 24)).columns):
            typer.echo(line)


def plot(
    file: ResultFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Figure; its ending (pdf, png, svg) is the format [default: FILE.pdf].",
        ),
    ] = None,
    what: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these figures, as gap_ratio, entanglement, propagator, distribution, widths, levels; may be repeated."
        ),
    ] = None,
    branch: Annotated[
        list[int] | None,
        typer.Option(help="Only these system states, numbered from 1 [default: all]; may be repeated."),
    ] = None,
    state: Annotated[
        list[float] | None,
        typer.Option(help="Initial states nearest this energy of the bath [default: a few]; may be repeated."),
    ] = None,
    realization: Annotated[int | None, typer.Option(help="Realization index [default: the first].")] = None,
) -> None:
    """Figures of a result, a panel for each measurement: against the swept keys, energies or rates, with error bars."""
    from bigbath.plots import plot_result, save

    target = output or file.with_suffix(".pdf")
    if target.resolve() == file.resolve():
        raise JobError(f"{target} is the result file itself: choose another name for the figure with -o")
    names = tuple(name for text in what or () for name in text.split(",") if name)
    result = _opened(file)
    figure = plot_result(result, names, branch=branch or (), state=state or (), realization=realization)
    save(figure, target)
    typer.echo(f"{target}: written")


def report(
    file: ResultFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Page [default: FILE.html].", callback=followed)
    ] = None,
) -> None:
    """One page for a browser: job, evidence, figures, tables, where the result comes from and what it cost."""
    from bigbath.cli.report import page
    from bigbath.plots.style import write_whole

    target = output or file.with_suffix(".html")
    write_whole(target, page(_opened(file)).encode())
    typer.echo(f"{target}: written")


def export(
    file: ResultFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Table or arrays; the ending (csv, npz, nc) is the format.", callback=followed
        ),
    ],
    what: Annotated[
        list[str] | None,
        typer.Option(help="Only these variables [default: all; csv: the means with errors]; may be repeated."),
    ] = None,
) -> None:
    """Write a result for other programs: a table (csv), NumPy's arrays (npz) or NetCDF (nc)."""
    from bigbath.cli.exporting import exported
    from bigbath.plots.style import write_whole

    names = tuple(name for text in what or () for name in text.split(",") if name)
    write_whole(output, exported(_opened(file), output.suffix.removeprefix("."), names))
    typer.echo(f"{output}: written")
