"""Models as their classes describe them, and job files to start from."""

import difflib
import inspect
from dataclasses import MISSING, dataclass, fields
from typing import get_args

from bigbath.errors import JobError
from bigbath.models import Model

#: Stands for the default of a key that may be left out and has no value then.
ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A key of [model]; ``default`` as TOML writes it, ABSENT for one that may be left out, None for one that must be given."""

    name: str
    default: str | None

    @property
    def shown(self) -> str:
        """ " = 2.0", " (optional)" or " (required)"."""
        if self.default == ABSENT:
            return " (optional)"
        return " (required)" if self.default is None else f" = {self.default}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model: ``title`` and ``description``, with its Hamiltonian, from its docstring; its ``parameters``; whether its
    realizations differ, None where that depends on the parameters.
    """

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    disordered: bool | None


def catalogue() -> tuple[Entry, ...]:
    """Every model that a job file may name."""
    return tuple(_entry(model) for model in get_args(get_args(Model)[0]))


def _entry(model: type) -> Entry:
    title, _, description = inspect.cleandoc(model.__doc__ or "").replace("``", "").partition("\n")
    parameters = tuple(
        Parameter(name=f.name, default=None if f.default is MISSING else _toml(f.default))
        for f in fields(model)
        if f.name != "name"
    )
    name = next(f.default for f in fields(model) if f.name == "name")
    disordered = getattr(model, "disordered", False)
    return Entry(
        name=str(name),
        title=title,
        description=description.partition(">>>")[0].strip(),
        parameters=parameters,
        disordered=disordered if isinstance(disordered, bool) else None,
    )


def _toml(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "[]" if value == () else str(value)


#: Values of keys that have no default, or one that says too little: small enough for seconds of work.
FIRST = {
    "L": "8",
    "terms": """[                     # string: x, y, z, +, -, n; bonds: chain, ring, all-to-all, ladder, ...
    { string = "+-", bonds = "ring", coupling = 0.5, plus_hc = true },
    { string = "zz", bonds = "ring", coupling = "Delta" },
    { string = "z", coupling = { kind = "uniform", low = "-W", high = "W" } },
]""",
    "parameters": "{ Delta = 1.0, W = 2.0 }",
    "pauli": "0                # spin-1/2 operators; 1: Pauli matrices",
    "bath": '"bath.npz"',
}

REST = """
# ---- which eigenstates of H ---------------------------------------------------------------------
[spectrum]
window = "whole"             # or {{ kind = "density", epsilon = 0.5, k = 50 }}: the 50 levels nearest the middle
# engine = "auto"            # "dense", "shift-invert", "filter"

# ---- initial states: eigenstates of the system times eigenstates of the bath ------------------------
[bath]
window = "whole"

# ---- what is measured ----------------------------------------------------------------------------
{measured}[measure.entanglement]       # of the system in every eigenstate
# [measure.gap_ratio]        # statistics of the levels

# ---- disorder and sweeps -------------------------------------------------------------------------
[ensemble]
seed = 1
realizations = {realizations}
# [sweep]                    # one or several keys; all combinations are computed
# model.{swept} = [0.5, 1.0, 2.0]
"""

DISTRIBUTION = """[measure.distribution]       # of every initial state over the eigenstates, with widths and entropies
shell_width = 0.5
"""
PROPAGATOR = """[measure.propagator]         # of the thermometer, direct and theory; needs both windows "whole"
kappa = [0.1, 0.3, 1.0]
"""
#: Models whose levels are broadened by less than shells of many levels: their relaxation is measured.
THERMOMETERS = ("imbrie", "tfim", "levy")


def job_file(name: str) -> str:
    """A commented job file of a model. JobError when there is no such model."""
    entries = {entry.name: entry for entry in catalogue()}
    if name not in entries:
        close = difflib.get_close_matches(name, entries, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise JobError(f"there is no model {name!r}{hint} There are: {', '.join(entries)}")
    entry = entries[name]
    comment = "\n".join(f"# {line}".rstrip() for line in (entry.title, *entry.description.splitlines()))
    keys = "\n".join(_key(p) for p in entry.parameters)
    numbers = [p.name for p in entry.parameters if p.default is not None and p.default.replace(".", "").isdigit()]
    swept = "parameters.W" if name == "custom" else next((n for n in numbers if n not in ("N", "system_sites")), "L")
    realizations = {
        True: "3",
        False: "1             # this model has no disorder",
        None: "1             # more with disorder",
    }
    first, second = (PROPAGATOR, DISTRIBUTION) if name in THERMOMETERS else (DISTRIBUTION, PROPAGATOR)
    measured = first + "".join(f"# {line}\n" for line in second.splitlines())
    rest = REST.format(realizations=realizations[entry.disordered], swept=swept, measured=measured)
    return f'{comment}\n\ntitle = "{entry.title.rstrip(".").replace(chr(34), "")}"\n\n[model]\nname = "{name}"\n{keys}\n{rest}'


def _key(parameter: Parameter) -> str:
    if parameter.name == "N" and int(parameter.default or 99) > 9:  # seconds of work, not minutes
        return f"N = 9{' ' * 8}# default {parameter.default}"
    if parameter.default in (None, ABSENT) and parameter.name in FIRST:
        return f"{parameter.name} = {FIRST[parameter.name]}"
    if parameter.default == ABSENT:
        return f"# {parameter.name} = ...   # optional"
    return f"{parameter.name} = {parameter.default}"
