"""Every block of every tutorial runs as printed, one after the other, with public imports only."""

import re
import shlex
import tomllib
from pathlib import Path

import matplotlib
import pytest
from typer.testing import CliRunner

from bigbath.cli.main import app
from bigbath.job import parse_job

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def test_there_is_a_tutorial_for_each_study() -> None:
    assert len(PAGES) >= 11
    listed = re.findall(r"\]\(([\w-]+\.md)\)", PAGES[0].with_name("index.md").read_text())
    assert {*listed, "index.md"} == {page.name for page in PAGES}


RUN = [page for page in PAGES if page.name != "index.md"] + [PAGES[0].parents[1] / "index.md"]  # the landing page too


@pytest.mark.parametrize("page", sorted(PAGES[0].parents[1].glob("*.md")), ids=lambda page: page.stem)
def test_whole_jobs_of_other_pages_are_valid(page: Path) -> None:
    for _, _, text in BLOCK.findall(page.read_text()):
        needs_files = 'name = "matrices"' in text  # run with files by test_custom_page
        if not needs_files and re.search(r"^\[model\]$.*^\[spectrum\]$", text, re.MULTILINE | re.DOTALL):
            parse_job(tomllib.loads(text))


@pytest.mark.parametrize("page", RUN, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_its_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names: dict[str, object] = {}
    ran = 0
    for language, title, text in BLOCK.findall(page.read_text()):
        if title:
            Path(title).write_text(text)
            if language == "toml":
                parse_job(tomllib.loads(text))
        elif language == "python":
            assert not re.search(r"^\s*(?:from|import) bigbath\.", text, re.MULTILINE), "public imports only"
            exec(compile(text, page.name, "exec"), names)
            ran += 1
        elif language == "sh":
            for line in text.splitlines():
                program, *words = shlex.split(line, comments=True)
                assert program == "bigbath"
                done = CliRunner().invoke(app, words)
                assert done.exit_code == 0, (line, done.output, done.exception)
                ran += 1
    assert ran
