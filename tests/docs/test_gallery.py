"""Every job of the gallery is valid, and its figure is shown and as new as the job."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from bigbath.job import parse_job

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
JOBS = sorted(GALLERY.glob("*.toml"))
DIGESTS = dict(line.split() for line in (GALLERY / "digests.txt").read_text().splitlines())


def test_no_figure_without_its_job() -> None:
    assert {path.stem for path in GALLERY.glob("*.png")} == {job.stem for job in JOBS} == set(DIGESTS)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_and_its_figure(job: Path) -> None:
    parse_job(tomllib.loads(job.read_text()))
    page = (GALLERY.parent / "gallery.md").read_text()
    assert f"gallery/{job.stem}.png" in page and f"gallery/{job.name}" in page
    now = hashlib.sha256(job.read_bytes()).hexdigest()[:16]
    assert now == DIGESTS[job.stem], f"draw it again: python docs/gallery/draw.py {job.stem}"
