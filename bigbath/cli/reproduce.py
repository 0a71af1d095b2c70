"""``bigbath reproduce``: the numbers of the papers, computed afresh."""

import json
import tempfile
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer

from bigbath.cli.arguments import AsJson
from bigbath.errors import JobError
from bigbath.studies.page import write_page

#: Studies of ``reproduce``: modules of ``bigbath.studies``; FIGURES are computed together, ALONE when asked for by name.
STUDIES = ("entropy", "diffusion", "mbl", "statistics")


def reproduce(
    paper: Annotated[str, typer.Argument(help='"entropy", "diffusion", "mbl" or "statistics".')],
    figure: Annotated[
        str | None,
        typer.Option(
            help="Only this one. entropy: 1 to 5, sizes (up to N = 21), laws (other models), numbers (of the theory page), "
            "prediction (entropy from |V|^2), fluctuations (the same for single states, up to N = 17), sector (one spin of the XXZ ring at magnetisation 0), production (entropy in time); diffusion: 3, 4, 5, limits, collapse, dephasing, loops (why the theory fails), time (a thermometer in real time); mbl: transition; statistics: transition (form factor of the random-field ring), sun (quantum sun)."
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Sizes, as 8,10: bath sizes L (diffusion), L (mbl, statistics), N (entropy, --figure sizes, laws, production, prediction, fluctuations), L (entropy, --figure sector) [default: the study's]."
        ),
    ] = None,
    realizations: Annotated[
        int | None, typer.Option(help="Disorder realizations (diffusion, mbl, statistics) [default: the study's].")
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Random vectors and sampled bath states at every size (diffusion).")
    ] = False,
    as_json: AsJson = False,
    keep: Annotated[
        Path | None, typer.Option(help="Directory for the result files and figures [default: not kept].")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            help="Markdown page whose table of this study is written anew (mbl; statistics; entropy, --figure sector, production; diffusion, --figure time)."
        ),
    ] = None,
) -> None:
    """Compute a paper's numbers afresh and compare. Exit code 6 if one differs unexplained."""
    from bigbath.cli.progress import ProgressReport

    if paper not in STUDIES:
        raise JobError(f"no study {paper!r}; there are: {', '.join(STUDIES)}")
    study = import_module(f"bigbath.studies.{paper}")
    by_name = study.FIGURES | study.ALONE
    figure = study.FORMER_NAMES.get(figure, figure)
    if figure is not None and figure not in by_name:
        raise JobError(f"--figure {figure}: this study has {', '.join(by_name)}")
    options = {"sizes": _numbers("--sizes", sizes), "realizations": realizations, "sampled": sampled or None}
    chosen = {name: value for name, value in options.items() if value is not None}
    figures = study.FIGURES if figure is None else {figure: by_name[figure]}
    for option in chosen:
        if any(option not in signature(compute).parameters for compute in figures.values()):
            taking = [name for name, compute in by_name.items() if option in signature(compute).parameters]
            raise JobError(f"--{option}: only figures {', '.join(taking)} of {paper!r} take it; add --figure")
    if page is not None and (without := [n for n in figures if n not in getattr(study, "PAGES", {})]):
        raise JobError(f"--page: figure {without[0]} of {paper!r} has no table for a page")
    rows = []
    with tempfile.TemporaryDirectory() as scratch, ProgressReport() as report:
        directory = keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        for number, compute in figures.items():
            found = compute(directory, report, **chosen)[0]
            rows += found
            if page is not None:
                write_page(page, f"{paper} {number}", study.PAGES[number](found))
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
