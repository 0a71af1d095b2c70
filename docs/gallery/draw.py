"""Draw the gallery anew: python docs/gallery/draw.py [NAME ...] runs NAME.toml and draws NAME.png beside it.

By `bigbath plot` with the options below.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
OPTIONS = {
    "broadening": "--what widths --what entropies",
    "distribution": "--what distribution --branch 1",
    "form_factor": "--what form_factor",
    "entanglement": "--what entanglement_cut",
    "evolution": "--what autocorrelation",
    "localisation": "--what gap_ratio --what entanglement_cut",
    "propagator": "--what propagator",
}


def draw(job: Path) -> None:
    """One job and its figure; digests.txt notes which job file the figure is of."""
    with tempfile.TemporaryDirectory() as directory:
        result = Path(directory) / "result.h5"
        figure = str(job.with_suffix(".png"))
        command = [sys.executable, "-m", "bigbath.cli.main"]
        subprocess.run([*command, "run", str(job), "-o", str(result)], check=True)
        subprocess.run([*command, "plot", str(result), "-o", figure, *OPTIONS[job.stem].split()], check=True)
    noted = HERE / "digests.txt"
    lines = dict(line.split() for line in noted.read_text().splitlines()) if noted.exists() else {}
    lines[job.stem] = hashlib.sha256(job.read_bytes()).hexdigest()[:16]
    noted.write_text("".join(f"{name} {digest}\n" for name, digest in sorted(lines.items())))


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.toml"))
    for name in names:
        draw(HERE / f"{name}.toml")
