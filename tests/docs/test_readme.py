"""Every command and every example of the README works as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bigbath.cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_make_commands_are_run_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    made = re.findall(r"^make (\S+)$", "\n".join(blocks("sh")), re.MULTILINE)
    assert made == ["demo", "test"]
    for target in made:
        assert re.search(rf"^make {target}$", ci, re.MULTILINE), f"CI does not run `make {target}`"


def test_shell_example(tmp_path: Path) -> None:
    (job,) = blocks("toml")
    (tmp_path / "job.toml").write_text(job)
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("bigbath ")]
    assert len(commands) == 4
    for command in commands:
        arguments = [sys.executable, "-m", "bigbath.cli.main", *command.split()[1:]]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if command.startswith("bigbath show"):
            (printed,) = blocks("text")
            for line in printed.splitlines():  # residuals are rounding: another number on another machine
                assert "residual" in line or line in done.stdout, line
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_python_example(tmp_path: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("yes LAPACK diagonalised all 2,048 states")
    assert (tmp_path / "figure.pdf").exists()


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_and_jobs_of_the_docs(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    for command in app.registered_commands:
        assert f"bigbath {command.callback.__name__}" in page  # type: ignore[union-attr]


def test_job_file_page_is_valid() -> None:
    import tomllib

    from bigbath.job import parse_job

    page = (ROOT / "docs" / "job-file.md").read_text()
    (custom,) = [b for b in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "custom" in b]
    job = parse_job({**tomllib.loads(custom), "spectrum": {"window": "whole"}})
    assert job.model.L == 8
