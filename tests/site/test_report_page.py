"""The page of `bigbath report` in a browser: figures loaded, no request to another host, nothing to scroll sideways."""

from pathlib import Path

from browser import looked_at
from typer.testing import CliRunner

from bigbath.cli.main import app

JOB = """
[model]
name = "imbrie"
L = 4
[spectrum]
window = "whole"
[bath]
window = "whole"
[measure]
distribution = {}
gap_ratio = {}
entanglement = {}
[sweep]
model.W = [1.0, 4.0]
[ensemble]
realizations = 2
"""


def test_a_report_at_the_width_of_a_phone_and_of_a_desk(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(JOB)
    page = tmp_path / "page"
    page.mkdir()
    result, report = str(tmp_path / "result.h5"), str(page / "report.html")
    for words in (["run", str(tmp_path / "job.toml"), "-o", result], ["report", result, "-o", report]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    (seen,) = looked_at(page, ["report.html"], tmp_path / "profile")
    assert seen["images"] and not seen["broken"] and not seen["elsewhere"], seen
    assert max(seen["overflow"].values()) <= 0, seen
