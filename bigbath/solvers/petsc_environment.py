"""Options that reach PETSc from outside the job: PETSC_OPTIONS and .petscrc."""

import os
import shlex
import sys
from types import ModuleType
from typing import Any

from bigbath.errors import JobError

#: Options that bigbath gives itself.
OURS = ("no_signal_handler",)


def check_environment() -> None:
    """JobError when PETSC_OPTIONS is no list of options with values; PETSc itself would skip what it does not understand."""
    text = os.environ.get("PETSC_OPTIONS", "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise JobError(f"the environment variable PETSC_OPTIONS = {text!r:.80} is malformed: {error}") from None
    if words and not words[0].startswith("-"):
        raise JobError(
            f"the environment variable PETSC_OPTIONS = {text!r:.80} must begin with the name of an option, as -eps_ncv 50"
        )


def initialize(module: ModuleType, arguments: list[str], **options: Any) -> None:
    """Start petsc4py or slepc4py; JobError when the options of the environment are malformed."""
    check_environment()
    try:
        module.init(arguments, **options)
    except RuntimeError as error:  # petsc4py's Error
        raise JobError(
            f"PETSc does not start ({error}): look for malformed options in PETSC_OPTIONS, ~/.petscrc and ./.petscrc"
        ) from None


def options_in_force() -> dict[str, str]:
    """Name -> value ("" for none) of the options from outside, for the provenance; {} while PETSc does not run."""
    module = sys.modules.get("petsc4py.PETSc")
    if module is None or not module.Sys.isInitialized():
        return {}
    return {name: value or "" for name, value in sorted(module.Options().getAll().items()) if name not in OURS}
