import re
from importlib import import_module
from pathlib import Path

TABLE = Path(__file__).parents[2] / "docs" / "theory-entropy.md"


def rows():
    found = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \|$", TABLE.read_text(), re.MULTILINE)
    return {int(number): code for number, _, code in found}


def test_every_equation_has_one_row():
    assert sorted(rows()) == list(range(1, 67))


def test_every_name_in_the_table_exists():
    for number, code in rows().items():
        names = re.findall(r"`([\w.]+)`", code)
        assert names or code == "step", number
        for name in names:
            absolute = name if name.startswith("bigbath.") else f"bigbath.broadening.{name}"
            parts = absolute.split(".")
            for cut in range(len(parts) - 1, 0, -1):
                try:
                    thing = import_module(".".join(parts[:cut]))
                except ModuleNotFoundError:
                    continue
                for attribute in parts[cut:]:
                    thing = getattr(thing, attribute)
                break
            assert thing is not None, (number, name)
