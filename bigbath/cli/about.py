"""Commands on bigbath itself: doctor, models, init."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bigbath.cli.arguments import AsJson
from bigbath.errors import FileError


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


def models(as_json: AsJson = False) -> None:
    """The models with their Hamiltonians and parameters. `bigbath init MODEL` writes a job file for one."""
    from bigbath.cli.skeleton import catalogue

    entries = catalogue()
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries], indent=2))
        return
    for number, entry in enumerate(entries):
        typer.echo(("\n" if number else "") + f"{entry.name}: {entry.title}")
        typer.echo("\n".join(f"   {line}".rstrip() for line in entry.description.splitlines()))
        typer.echo("   parameters: " + ", ".join(f"{p.name}{p.shown}" for p in entry.parameters))


def init(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name that `bigbath models` lists.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Job file [default: MODEL.toml].")] = None,
) -> None:
    """Write a commented job file to start from; an existing file is left alone."""
    from bigbath.cli.skeleton import job_file

    text = job_file(model)
    target = output or Path(f"{model}.toml")
    try:
        with open(target, "x") as file:
            file.write(text)
    except FileExistsError:
        raise FileError(f"{target} is there already; choose another name with -o") from None
    except OSError as error:
        raise FileError(f"cannot write {target}: {error}") from None
    typer.echo(f"{target}: written; now `bigbath estimate {target}` and `bigbath run {target}`")
