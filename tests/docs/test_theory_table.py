import re
from importlib import import_module
from pathlib import Path

from support import named_tests

TABLE = Path(__file__).parents[2] / "docs" / "theory-entropy.md"


def rows():
    found = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (?:.*?) \| (?:.*?) \|$", TABLE.read_text(), re.MULTILINE)
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


def test_every_equation_with_a_number_is_reached_and_tested():
    found = re.findall(r"^\| (\d+) \| .*? \| (.*?) \| (.*?) \| (.*?) \|$", TABLE.read_text(), re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", TABLE.read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for number, code, reach, accuracy in found:
        if not code.startswith("step"):
            assert reach != "–" and accuracy != "–", number
        assert set(re.findall(r"\(#(.*?)\)", reach)) <= anchors, number


def test_every_named_test_exists_and_has_an_accuracy():
    """Rows with a number name test functions, each followed by its accuracy; steps and assumptions name none."""
    found = re.findall(r"^\| (\d+) \| .*? \| (.*?) \| .*? \| (.*?) \|$", TABLE.read_text(), re.MULTILINE)
    without = {int(number) for number, _, test in found if not named_tests(test, "broadening")}
    steps = {int(number) for number, code, _ in found if code.startswith("step")}
    assert without == steps | {15}
    for number, _, test in found:
        if int(number) not in without:
            assert all(re.search(r"` \S", part) for part in test.split("; `")), number


def test_the_examples_run(capsys):
    """Every Python block of the section "Examples", one after the other."""
    part = TABLE.read_text().split("## Examples")[1].split("## Without eigenstates")[0]
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", part, re.DOTALL):
        exec(block, names)
    assert len(capsys.readouterr().out.splitlines()) > 10
