"""Draw the gallery anew: python docs/gallery/draw.py [NAME ...] runs NAME.toml and draws NAME.png beside it."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def draw(job: Path) -> None:
    """One job and its figure; digests.txt notes which job file the figure is of."""
    with tempfile.TemporaryDirectory() as directory:
        result = Path(directory) / "result.h5"
        for words in (["run", job, "-o", result], ["plot", result, "-o", job.with_suffix(".png")]):
            subprocess.run([sys.executable, "-m", "bigbath.cli.main", *map(str, words)], check=True)
    noted = HERE / "digests.txt"
    lines = dict(line.split() for line in noted.read_text().splitlines()) if noted.exists() else {}
    lines[job.stem] = hashlib.sha256(job.read_bytes()).hexdigest()[:16]
    noted.write_text("".join(f"{name} {digest}\n" for name, digest in sorted(lines.items())))


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.toml"))
    for name in names:
        draw(HERE / f"{name}.toml")
