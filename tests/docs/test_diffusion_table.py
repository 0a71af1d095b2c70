"""Every equation of the diffusion paper is in the table, its names exist, its job keys are measurements."""

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from support import named_tests

from bigbath.measure import Measures

PAGE = Path(__file__).parents[2] / "docs" / "theory-diffusion.md"


def rows() -> dict[int, list[str]]:
    found = {}
    for line in PAGE.read_text().split("Figs. 3-5:")[0].splitlines():
        if re.match(r"^\| \d+(, \d+)* \|", line):
            numbers, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            for number in numbers.split(","):
                assert int(number) not in found, number
                found[int(number)] = cells
    return found


def resolve(name: str) -> object:
    parts = (name if name.startswith("bigbath.") else f"bigbath.diffusion.{name}").split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[cut:]:
            thing = getattr(thing, attribute)
        return thing
    raise AssertionError(name)


def test_every_equation_has_one_row_of_five_columns() -> None:
    assert sorted(rows()) == list(range(1, 32))
    assert all(len(cells) == 4 for cells in rows().values())


def test_every_name_in_the_table_exists() -> None:
    known = {f.name for f in fields(Measures)}
    for number, (_, where, key, test) in rows().items():
        names = re.findall(r"`([\w.]+)`", where)
        assert names or where.startswith("step"), number
        for name in names + re.findall(r"`(bigbath[\w.]+)`", key):
            assert resolve(name) is not None, (number, name)
        assert {*re.findall(r"\[measure\.(\w+)\]", key)} <= known, number
        assert bool(named_tests(test, "diffusion")) != (where.startswith("step") and key == "–"), number
        assert test == "–" or all(re.search(r"` \S", part) for part in test.split("; `")), number
