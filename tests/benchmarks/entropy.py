"""Figs. 1-5 of the entropy paper: bigbath beside LAPACK without symmetries. Seconds without imports, peak memory of the process.

    python tests/benchmarks/entropy.py [--sizes 11 13] [--command] [--json FILE]

Both compute all eigenstates of ring and bath and all p_n; ours also bins and fits them, and computes the interaction.
``--command``: also `bigbath reproduce entropy`, N = 15. LAPACK's N = 15 is extrapolated as n^3 from the largest size, its
memory as n^2. Every row is printed, and written to the file, as soon as it is there.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module


def lapack(N: int) -> None:
    """Dense eigenstates of ring and bath, one matrix each, and all overlaps."""
    import numpy as np
    import scipy.linalg

    from bigbath.broadening import system_states
    from bigbath.models import Ring, draw
    from bigbath.operators import build, to_dense

    composite = draw(Ring(N=N))
    _, bath = scipy.linalg.eigh(to_dense(build(composite, "B").matrix), overwrite_a=True, driver="evd")
    _, states = scipy.linalg.eigh(to_dense(build(composite).matrix), overwrite_a=True, driver="evd")
    for phi in system_states(composite).vectors.T:
        contracted = np.tensordot(phi, states.reshape(2, bath.shape[0], -1), axes=1)
        p = (bath.T @ contracted) ** 2
        assert np.allclose(p.sum(axis=1), 1)


def bigbath(N: int) -> None:
    """The job that Figs. 1-5 share."""
    from dataclasses import replace

    from bigbath.cluster.run import run
    from bigbath.models import Ring
    from bigbath.studies.entropy import job

    with tempfile.TemporaryDirectory() as scratch:
        run(replace(job("entropy_whole"), model=Ring(N=N)), pathlib.Path(scratch) / "whole.h5")


def command(N: int) -> None:
    """All five figures and every printed number."""
    from bigbath.cli.main import app

    app(["reproduce", "entropy"], standalone_mode=False)


def measured(name: str, N: int) -> dict[str, str | float]:
    """One function in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--one", name, str(N)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seconds, peak = done.stdout.split()[-2:]
    return {"what": name, "N": N, "seconds": float(seconds), "GB": int(peak) / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[11, 13])
    parser.add_argument("--command", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        import_module("bigbath.studies.entropy")
        start = time.perf_counter()
        {"lapack": lapack, "bigbath": bigbath, "command": command}[options.one[0]](int(options.one[1]))
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    rows: list[dict[str, str | float]] = []

    def show(row: dict[str, str | float]) -> None:
        rows.append(row)
        print(f"{row['what']:26} N = {row['N']:2}  {row['seconds']:8.1f} s  {row['GB']:6.2f} GB", flush=True)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=2))

    for N in options.sizes:
        for name in ("lapack", "bigbath"):
            show(measured(name, N))
    largest = [row for row in rows if row["what"] == "lapack"][-1]
    factor = 2 ** (15 - largest["N"])
    show(
        {
            "what": "lapack, extrapolated",
            "N": 15,
            "seconds": largest["seconds"] * factor**3,
            "GB": largest["GB"] * factor**2,
        }
    )
    if options.command:
        show(measured("command", 15))


if __name__ == "__main__":
    main()
