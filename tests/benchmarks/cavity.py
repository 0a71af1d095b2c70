"""Levy model: exact Green functions by block elimination, cavity equation and population dynamics; means and seconds.

python tests/benchmarks/cavity.py [--sizes 7 8 9 10 11] [--realizations 800 400 200 60 16] [--cavity 4] [--members 20000 1000000]
    [--kappa 0.3] [--json FILE]
Rows are appended to FILE as they are computed and taken from there when the same command is repeated. nu~ and B are
means over both levels at epsilon = 0, with standard errors. The last rows extrapolate the exact ones in N^(1 - 2/mu),
the law of the couplings that a finite N leaves out.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bigbath.broadening import system_states
from bigbath.diffusion import broadening_of, diffusion_theory, direct_propagator, level_broadening
from bigbath.diffusion.block import levy_green
from bigbath.diffusion.cavity import cavity, levy_cavity_matrix, levy_population
from bigbath.hamiltonian import build
from bigbath.models import Levy, draw
from bigbath.solvers import Dense, Whole, solve

SEED = 4


def means(values: np.ndarray) -> dict[str, float]:
    """Mean and standard error of (nu~, B) samples (R, 2)."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(2, np.nan)
    return dict(zip(("nu", "B", "nu_error", "B_error"), map(float, (*values.mean(axis=0), *error)), strict=True))


def exact(L: int, kappa: float, realizations: int) -> dict[str, float]:
    locals_ = (levy_green(draw(Levy(L=L), seed=SEED, realization=r), [0.0], [kappa])[1] for r in range(realizations))
    return means(np.array([[b.mean_nu.mean(), b.mean_B.mean()] for b in locals_]))


def on_matrices(L: int, kappa: float, realizations: int) -> dict[str, float]:
    rows = []
    for r in range(realizations):
        levels, strength = levy_cavity_matrix(draw(Levy(L=L), seed=SEED, realization=r))
        solution = cavity(levels, strength, [0.5j * kappa], tolerance=1e-5)
        assert solution.converged.all()
        G = solution.G.reshape(2, -1, 1, 1)
        b = broadening_of(G, G.conj(), np.array([kappa]))
        rows.append([b.mean_nu.mean(), b.mean_B.mean()])
    return means(np.array(rows))


def diagonalised(L: int, kappa: float) -> dict[str, float]:
    composite = draw(Levy(L=L), seed=SEED, realization=0)
    states, bath = (solve(build(composite, part), Whole(), engine=Dense()) for part in ("H", "B"))  # type: ignore[arg-type]
    system = system_states(composite)
    direct_propagator(states, system, [0.0], [kappa])
    local = level_broadening(states, bath, system, [0.0], [kappa])
    diffusion_theory(local, composite, bath, system)
    return means(np.array([[local.mean_nu.mean(), local.mean_B.mean()]]))


def population(kappa: float, members: int, bath_states: float) -> dict[str, float]:
    sweeps = max(10, min(60, 6_000_000 // members))
    p = levy_population(
        Levy(L=1), 0.0, kappa, members=members, sweeps=sweeps, warm_up=max(10, sweeps // 2), bath_states=bath_states
    )
    numbers = {
        "nu": p.nu.mean(),
        "B": p.B.mean(),
        "nu_error": np.hypot(*p.nu_error) / 2,
        "B_error": np.hypot(*p.B_error) / 2,
    }
    return {name: float(value) for name, value in numbers.items()}


def extrapolate(rows: list[dict], degree: int) -> dict[str, float]:
    """Polynomial of ``degree`` in x = N^(1 - 2/mu) through the exact means, its value at x = 0; weighted least squares."""
    x = np.array([2.0 ** (row["L"] * (1 - 2 / Levy(L=1).mu)) for row in rows])
    result = {}
    for name in ("nu", "B"):
        y, e = (np.array([row[key] for row in rows]) for key in (name, f"{name}_error"))
        design = np.vander(x, degree + 1, increasing=True) / e[:, None]
        covariance = np.linalg.inv(design.T @ design)
        result[name] = float((covariance @ design.T @ (y / e))[0])
        result[f"{name}_error"] = float(np.sqrt(covariance[0, 0]))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[7, 8, 9, 10, 11])
    parser.add_argument("--realizations", type=int, nargs="+", default=[800, 400, 200, 60, 16])
    parser.add_argument(
        "--cavity", type=int, default=4, help="realizations for the cavity equation and, from one, LAPACK"
    )
    parser.add_argument("--members", type=int, nargs="+", default=[20_000, 1_000_000])
    parser.add_argument("--kappa", type=float, default=0.3)
    parser.add_argument("--json", type=Path)
    o = parser.parse_args()
    done = [json.loads(line) for line in o.json.read_text().splitlines()] if o.json and o.json.exists() else []
    print(f"{'method':28} {'N':>9} {'nu~':>16} {'B':>16} {'s':>9}")

    def row(method: str, L: int | None, samples: int, compute: Callable[[], dict]) -> dict:
        key = {"method": method, "L": L, "samples": samples, "kappa": o.kappa}
        found = next((d for d in done if d.items() >= key.items()), None)
        if found is None:
            start = time.perf_counter()
            found = key | compute() | {"seconds": time.perf_counter() - start}
            if o.json:
                with o.json.open("a") as file:
                    file.write(json.dumps(found) + "\n")
        numbers = [
            f"{found[n]:9.5f}({round(1e5 * found[n + '_error']) if found[n + '_error'] == found[n + '_error'] else '-'})"
            for n in ("nu", "B")
        ]
        name = f"{method}, {samples:,}" if samples else method
        print(
            f"{name:28} {'inf' if L is None else 2**L:>9} {numbers[0]:>16} {numbers[1]:>16} {found['seconds']:9.1f}",
            flush=True,
        )
        return found

    small = [
        row("exact", L, n, lambda L=L, n=n: exact(L, o.kappa, n)) for L, n in zip(o.sizes, o.realizations, strict=True)
    ]
    for L in o.sizes[-2:]:
        row("LAPACK, realization", L, 1, lambda L=L: diagonalised(L, o.kappa))
        row("exact, same realizations", L, o.cavity, lambda L=L: exact(L, o.kappa, o.cavity))
        row("cavity, same realizations", L, o.cavity, lambda L=L: on_matrices(L, o.kappa, o.cavity))
    for members in o.members:
        row("population", None, members, lambda members=members: population(o.kappa, members, np.inf))
    for L in o.sizes:
        row("population", L, o.members[0], lambda L=L: population(o.kappa, o.members[0], 2.0**L))
    for degree in (1, 2):
        row(
            f"extrapolated, degree {degree}",
            None,
            sum(o.realizations),
            lambda degree=degree: extrapolate(small, degree),
        )


if __name__ == "__main__":
    main()
