"""What is published: source distribution, wheel in an environment of its own, conda recipe, workflows, one version."""

import ast
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import bigbath

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names_of(requirements: list[str]) -> dict[str, str]:
    """{package: version bound} of requirements as "numpy>=2" or "numpy >=2"."""
    found = (re.fullmatch(r"([\w-]+)\s*(.*)", text.strip()) for text in requirements)
    return {match[1].removesuffix("-base"): match[2] for match in found if match}


def test_there_is_one_version() -> None:
    assert "version" in PROJECT["dynamic"]
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert citation and citation[1] == bigbath.__version__
    assert re.search(rf"^## {re.escape(bigbath.__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_conda_recipe() -> None:
    yaml = pytest.importorskip("yaml")
    text = (ROOT / ".conda" / "meta.yaml").read_text()
    pattern = re.search(r"regex_pattern='(.+?)'", text)
    assert pattern
    version = re.search(pattern[1], (ROOT / "bigbath" / "__init__.py").read_text())
    assert version and version[1] == bigbath.__version__
    rendered = text.replace("{{ version }}", version[1]).replace("{{ PYTHON }}", "python")
    recipe = yaml.safe_load(re.sub(r"{%.*?%}", "", rendered))
    assert recipe["package"] == {"name": "bigbath", "version": bigbath.__version__}
    run = names_of(recipe["requirements"]["run"])
    assert run.pop("python") == PROJECT["requires-python"]
    assert run == names_of(PROJECT["dependencies"])
    command = PROJECT["scripts"]["bigbath"]
    assert recipe["build"]["entry_points"] == [f"bigbath = {command}"]


def test_addresses_of_the_project_are_those_of_the_papers_pages() -> None:
    pages = (ROOT / "docs" / "entropy-paper.md").read_text() + (ROOT / "docs" / "diffusion-paper.md").read_text()
    assert PROJECT["urls"] and all(f"({address})" in pages for address in PROJECT["urls"].values())


def test_workflows_call_what_exists() -> None:
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert set(jobs) == {"lint", "tests", "docs", "wheels"}
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in (step for job in jobs.values() for step in job["steps"]):
        assert {*re.findall(r"\bmake (\S+)", step.get("run", ""))} <= targets
    pythons = {text.rsplit(" ", 1)[1] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)}
    assert set(jobs["wheels"]["strategy"]["matrix"]["python"]) == pythons


def test_wheel_and_source_distribution(tmp_path: Path) -> None:
    for needed in ("build", "hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(needed)
    build = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--skip-dependency-check",
        "--outdir",
        str(tmp_path / "dist"),
        str(ROOT),
    ]
    done = subprocess.run(build, capture_output=True, text=True)  # the wheel is built from the source distribution
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,), (source,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")

    with tarfile.open(source) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for wanted in ("tests/support.py", "tests/site/browser.py", "docs/index.md", "docs/img/entropy_fig1.png", "mpi_jobs/mbl.toml", ".mkdocs.yml", ".ci/setup",
                   ".conda/meta.yaml", "README.md", "CITATION.cff", "LICENSE", "bigbath/studies/jobs/entropy_fig1.toml"):  # fmt: skip
        assert wanted in held, wanted
    made_here = re.compile(r"(demo|site|bench|dist|docs/katex)(/|$)|.*(__pycache__|\.(pyc|h5))$|\.(venv|git)/")
    assert not [name for name in held if made_here.match(name)]
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        metadata = archive.read(next(name for name in inside if name.endswith("METADATA"))).decode()
    assert {name.split("/")[0] for name in inside} == {"bigbath", f"bigbath-{bigbath.__version__}.dist-info"}
    assert {"bigbath/py.typed", "bigbath/studies/jobs/mbl.toml"} <= inside
    description = metadata.split("\n\n", 1)[1]  # a package index shows it without the tree
    assert description.startswith("# bigbath") and not re.findall(r"\]\((?!https://|#)", description)
    assert (
        f"\nVersion: {bigbath.__version__}\n" in metadata and "\nDescription-Content-Type: text/markdown\n" in metadata
    )

    clean = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(clean)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(clean)}))
    target = ["--no-deps", "--no-index", "--quiet", "--target", str(packages), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True)
    others = [entry for entry in sys.path if entry.endswith("site-packages")]  # the dependencies, not this tree
    (packages / "others.pth").write_text("\n".join(others) + "\n")
    job = (
        '[model]\nname = "imbrie"\nL = 3\n[spectrum]\nwindow = "whole"\n[measure.gap_ratio]\naccept_unresolved = true\n'
    )
    (tmp_path / "job.toml").write_text(job)
    python = str(clean / "bin" / "python")
    where = [python, "-c", "import bigbath; print(bigbath.__file__)"]
    assert str(clean) in subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for words, said in ((["--version"], bigbath.__version__), (["run", "job.toml"], "")):
        done = subprocess.run([python, "-m", "bigbath.cli.main", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and said in done.stdout, done.stderr
    assert (tmp_path / "job.h5").exists()
    script = next(path for path in packages.rglob("bin/bigbath"))
    assert ast.parse(script.read_text()), "a console script"
