"""The command line. Exit codes are in docs/cli.md and in ``bigbath --help``."""

import sys
from typing import Annotated

import typer

from bigbath.cli import about, jobs, reproduce, results
from bigbath.cli.streams import protect_streams
from bigbath.errors import BigbathError, Stopped
from bigbath.resources import cap_threads

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How a small quantum system thermalises in a big bath, at exact-diagonalisation accuracy.",
    epilog="Exit codes: 0 done; 2 wrong job or option; 3 impossible request; 4 something is not installed; "
    "5 a file cannot be read or written; 6 not certified; 7 some tasks failed; 75 stopped by a signal and 130 interrupted "
    "(run the same command again to go on).",
)

#: Every command, in the order of ``bigbath --help``.
COMMANDS = (
    about.init, about.models, jobs.estimate, jobs.run, jobs.status, jobs.merge, jobs.slurm, results.show, results.plot,
    results.report, results.export, reproduce.reproduce, about.doctor,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)


def _version(asked: bool) -> None:
    if asked:
        from bigbath import __version__

        typer.echo(f"bigbath {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: a user's mistake is one message and an exit code, never a traceback."""
    protect_streams()
    try:
        cap_threads()
        app()
    except BigbathError as error:
        _end(str(error), error.exit_code)
    except Stopped as stopped:
        _end(str(stopped), stopped.exit_code)
    except KeyboardInterrupt:
        _end("interrupted; run the same command again to go on", 130)
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error}", 5)


def _end(message: str, code: int) -> None:
    print(f"bigbath: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
