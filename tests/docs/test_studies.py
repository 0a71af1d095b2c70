"""The studies of the tutorials: short, with public names only, and they run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, clean_environment

TUTORIALS = ROOT / "docs" / "tutorials"

#: Study -> most lines of its job, of its Python, and the words that its output has.
STUDIES = {
    "gap_ratio": (15, 10, "W = 8.0: r = "),
    "heisenberg": (12, 8, "8.0"),
    "two_spins": (12, 6, "observational"),
    "autocorrelation": (5, 5, "string_autocorrelation_error"),
    "entanglement": (12, 8, "entanglement_cut"),
}


def lines(path: Path) -> list[str]:
    """Lines that are neither empty nor a comment."""
    return [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_is_short_and_public(study):
    job, python, _ = STUDIES[study]
    assert len(lines(TUTORIALS / f"{study}.toml")) <= job
    code = lines(TUTORIALS / f"{study}.py")
    assert len(code) <= python
    imports = [line for line in code if re.match(r"\s*(from|import)\b", line)]
    assert set(imports) <= {"import bigbath as bb", "import numpy as np"}
    assert not re.search(r"\bbb\._|\._[a-z]", "\n".join(code))


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_runs(study, tmp_path):
    """With two realizations, and figures that are drawn."""
    for path in TUTORIALS.glob(f"{study}.*"):
        text = re.sub(r"realizations = \d+", "realizations = 2", path.read_text())
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [sys.executable, f"{study}.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=clean_environment(MPLBACKEND="Agg", OMP_NUM_THREADS="1"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert STUDIES[study][2] in done.stdout
    for name in re.findall(r'savefig\("(\S+)"\)', (TUTORIALS / f"{study}.py").read_text()):
        assert (tmp_path / name).stat().st_size > 5000
