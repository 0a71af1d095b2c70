"""Every figure of the documentation has a command that makes it, and is as new as its inputs."""

import hashlib
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = tomllib.loads((ROOT / "docs" / "img" / "figures.toml").read_text())


def digest(inputs):
    joined = b"".join((ROOT / name).read_bytes() for name in inputs)
    return hashlib.sha256(joined).hexdigest()[:16]


def test_every_figure_is_listed_and_shown():
    drawn = {path.stem for path in (ROOT / "docs" / "img").glob("*.png")}
    assert drawn == set(LIST)
    pages = "".join(page.read_text() for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
    assert {Path(name).stem for name in re.findall(r"img/(\w+\.png)", pages)} >= drawn


@pytest.mark.parametrize("name", sorted(LIST))
def test_its_command_exists(name):
    words = LIST[name]["command"].split()
    if words[0] == "python":
        assert (ROOT / words[1]).is_file()
        return
    assert words[:2] == ["bigbath", "reproduce"]
    study, figure = import_module(f"bigbath.studies.{words[2]}"), words[words.index("--figure") + 1]
    assert figure in study.FIGURES | study.ALONE


@pytest.mark.parametrize("name", sorted(name for name, entry in LIST.items() if "inputs" in entry))
def test_it_is_as_new_as_its_inputs(name):
    entry = LIST[name]
    now = digest(entry["inputs"])
    assert now == entry["sha256"], f"draw docs/img/{name}.png again by `{entry['command']}`, then set sha256 = {now!r}"
