"""The documentation as a web site: built strictly, complete, alone, and looked at in a browser."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import looked_at

import bigbath

pytest.importorskip("mkdocs", reason="the packages of the extra `docs` are not installed: `.ci/setup test` does")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, also where several processes run the tests."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (base / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "site" / "index.html").exists():
            subprocess.run([sys.executable, ".mkdocs/katex.py"], cwd=ROOT, check=True)
            build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", ".mkdocs.yml", "-d", str(base / "site")]
            done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr  # a dead link or anchor is an error
    return base / "site"


def test_no_page_asks_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        asked = re.findall(
            r"<(?:script|link|img|iframe|source|video)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)", text
        )
        assert not asked, (page.name, asked)
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", sheet.read_text()), sheet.name


def test_every_public_name_has_its_place_in_the_reference(site: Path) -> None:
    anchors = set(re.findall(r'id="bigbath\.(\w+)"', (site / "api.html").read_text()))
    assert set(bigbath.__all__) <= anchors


def test_a_browser_shows_every_page(site: Path, tmp_path: Path) -> None:
    pages = sorted(
        str(page.relative_to(site)) for page in site.rglob("*.html") if page.name not in ("404.html", "look.html")
    )
    seen = looked_at(site, pages, tmp_path)
    assert [report["page"] for report in seen] == pages
    for report in seen:
        assert report["formulas"] >= report["marked"], report
        for fault in ("raw", "mistakes", "broken", "elsewhere"):
            assert not report[fault], (report["page"], fault, report[fault])
        assert max(report["overflow"].values()) <= 0, report  # nothing to scroll sideways
    assert sum(report["formulas"] for report in seen) > 100
    assert sum(report["images"] for report in seen) > 10
