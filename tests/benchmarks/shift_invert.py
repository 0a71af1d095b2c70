"""Central eigenstates of the Imbrie model: bigbath (SLEPc + MUMPS) beside SciPy's and QuSpin's ``eigsh(sigma=)``.

    python tests/benchmarks/shift_invert.py [--spins 13 14] [--k 100] [--limit 2400] [--json FILE]

``--spins``: spins in all, so that the dimension is 2^spins. Each engine runs in a process of its own, one after the
other, stopped after ``--limit`` seconds; times are those of the solve (the Hamiltonian is built before), memory is the
whole process's peak. Residuals are ||H v - E v|| in units of ||H||.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np


def imbrie(spins: int):
    from bigbath.hamiltonian import build
    from bigbath.models import Imbrie, disorder_stream

    composite = Imbrie(L=spins - 1).composite(disorder_stream(1, 0))
    return composite, build(composite)


def bigbath(spins: int, k: int) -> dict:
    from bigbath import Nearest, ShiftInvert, solve

    _, h = imbrie(spins)
    start = time.perf_counter()
    states = solve(h, Nearest(target=0.0, k=k), engine=ShiftInvert())
    seconds = time.perf_counter() - start
    e = states.evidence
    return {"seconds": seconds, "states": e.found, "residual": e.residual / e.norm, "complete": e.complete}


def bigbath_uncertified(spins: int, k: int) -> dict:
    from bigbath import Nearest, ShiftInvert, solve

    _, h = imbrie(spins)
    start = time.perf_counter()
    states = solve(h, Nearest(target=0.0, k=k), engine=ShiftInvert(certify=False))
    seconds = time.perf_counter() - start
    e = states.evidence
    return {"seconds": seconds, "states": e.found, "residual": e.residual / e.norm, "complete": e.complete}


def scipy(spins: int, k: int) -> dict:
    import scipy.sparse.linalg

    _, h = imbrie(spins)
    matrix = h.matrix.tocsc()
    start = time.perf_counter()
    energies, vectors = scipy.sparse.linalg.eigsh(matrix, k=k, sigma=0.0)
    return checked(start, h, energies, vectors)


def quspin(spins: int, k: int) -> dict:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    composite, h = imbrie(spins)
    terms = composite.system + composite.bath + composite.interaction
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    basis = spin_basis_general(spins, pauli=1)
    operator = hamiltonian(static, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False)
    start = time.perf_counter()
    energies, vectors = operator.eigsh(k=k, sigma=0.0)
    return checked(start, h, energies, vectors)


def checked(start: float, h, energies, vectors) -> dict:
    seconds = time.perf_counter() - start
    residual = np.linalg.norm(h.matrix @ vectors - vectors * energies, axis=0).max()
    from bigbath.solvers.problem import spectral_extremes

    return {
        "seconds": seconds,
        "states": energies.size,
        "residual": residual / max(map(abs, spectral_extremes(h))),
        "complete": "-",
    }


def measured(command: list[str], limit: float) -> dict:
    """The row that the process prints, or why there is none: its last word, or its memory when it was stopped."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**20
        process.kill()
        process.communicate()
        return {"failed": f"stopped after {limit:.0f} s, {peak:.2f} GB", "peak_GB": peak}
    return json.loads(out) if process.returncode == 0 else {"failed": err.strip().splitlines()[-1][:200]}


ENGINES = {
    "bigbath shift-invert": bigbath,
    "bigbath shift-invert, certify = false": bigbath_uncertified,
    "SciPy eigsh(sigma)": scipy,
    "QuSpin eigsh(sigma)": quspin,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spins", type=int, nargs="+", default=[12, 13])
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--limit", type=float, default=2400, help="seconds for one engine")
    parser.add_argument("--json", help="also append the rows to this file, a JSON object a line")
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "SPINS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        row = ENGINES[args.one[0]](int(args.one[1]), args.k)
        row["peak_GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps(row))
        return
    print(f"{'engine':38} {'spins':>5} {'k':>5} {'seconds':>9} {'peak GB':>8} {'states':>6} {'residual':>9}  complete")
    for spins in args.spins:
        for engine in ENGINES:
            command = [sys.executable, __file__, "--k", str(args.k), "--one", engine, str(spins)]
            row: dict = {"engine": engine, "spins": spins, "k": args.k}
            row |= measured(command, args.limit)
            if "failed" in row:
                print(f"{engine:38} {spins:5} {args.k:5} {row['failed']}", flush=True)
            else:
                print(
                    f"{engine:38} {spins:5} {args.k:5} {row['seconds']:9.1f} {row['peak_GB']:8.2f} {row['states']:6} "
                    f"{row['residual']:9.1e}  {row['complete']}",
                    flush=True,
                )
            if args.json:
                with open(args.json, "a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
