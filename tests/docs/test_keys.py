"""Every key of a job and every variable of a result is documented."""

import re
import typing
from collections.abc import Iterator
from dataclasses import fields

import pytest
from pydantic.dataclasses import is_pydantic_dataclass
from support import ROOT

from bigbath.job import Job
from bigbath.measure import Measures
from bigbath.variables import _TABLE as VARIABLES

DOCS = ROOT / "docs"


def names_in(text: str) -> set[str]:
    """Names in code: between backticks, and in blocks."""
    blocks = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`[^`\n]+`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return set(re.findall(r"\w+", " ".join(blocks + inline)))


def choices_in(hint: object) -> Iterator[type]:
    """Choices that a type mentions."""
    if isinstance(hint, type) and is_pydantic_dataclass(hint):
        yield hint
    for part in typing.get_args(hint):
        yield from choices_in(part)


def below(choice: type, found: dict[type, None] | None = None) -> dict[type, None]:
    """A choice and those that its keys take, each once."""
    found = {} if found is None else found
    if choice not in found:
        found[choice] = None
        for hint in typing.get_type_hints(choice, include_extras=True).values():
            for other in choices_in(hint):
                below(other, found)
    return found


def section(page: str, title: str) -> str:
    """The text below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page} has no section {title}"
    return found[1]


@pytest.mark.parametrize("measurement", [field.name for field in fields(Measures)])
def test_every_key_of_a_measurement_is_in_its_section(measurement):
    text = section("job-file.md", f"`[measure.{measurement}]`")
    if measurement == "dynamics":
        text = section("dynamics.md", "From a job file")
    (chosen,) = choices_in(typing.get_type_hints(Measures)[measurement])
    for choice in below(chosen):
        missing = {field.name for field in fields(choice)} - names_in(text) - {"kind"}
        assert not missing, f"{choice.__name__}: {sorted(missing)}"


def test_every_other_key_is_documented():
    text = names_in("\n".join((DOCS / page).read_text() for page in ("job-file.md", "custom.md")))
    measured = below(Measures)
    choices = [choice for choice in below(Job) if choice not in measured]
    assert len(choices) > 30
    for choice in choices:
        missing = {field.name for field in fields(choice)} - text
        assert not missing, f"{choice.__name__}: {sorted(missing)}"


def test_every_variable_of_a_result_is_documented():
    missing = set(VARIABLES) - names_in((DOCS / "result-file.md").read_text())
    assert not missing, sorted(missing)
