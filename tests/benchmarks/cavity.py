"""Levy model: exact Green functions by block elimination, cavity equation and population dynamics; means and seconds.

python tests/benchmarks/cavity.py [--sizes 7 8 9 10 11] [--realizations 800 400 200 60 16] [--paired 100 50 16 4]
    [--drawn 8000 4000] [--trees 7 8] [--members 20000 1000000] [--kappa 0.3] [--json FILE]
Rows are appended to FILE as they are computed and taken from there when the same command is repeated. nu~ and B are
means over both levels at epsilon = 0, with standard errors. "cavity - exact" are differences on the same matrices. The
"controls" regress the exact ones on cheap numbers of the same matrices, whose means are taken over many more. The last
rows extrapolate the exact ones: polynomials in x = N^(1 - 2/mu), the law of the couplings that a finite N leaves
out, and a + b/N for what remains when the population's own dependence on that cut-off is taken off.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bigbath.broadening import system_states
from bigbath.diffusion import Broadening, broadening_of, diffusion_theory, direct_propagator, level_broadening
from bigbath.diffusion.block import levy_green
from bigbath.diffusion.cavity import cavity, levy_cavity_matrix
from bigbath.diffusion.population import levy_population
from bigbath.models import Levy, MatrixComposite, draw
from bigbath.operators import build
from bigbath.solvers import Dense, Whole, solve

SEED = 4
NUMBERS = ("nu", "B", "nu_error", "B_error")


def means(values: np.ndarray) -> dict[str, float]:
    """Mean and standard error of (nu~, B) samples (R, 2)."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(2, np.nan)
    return dict(zip(NUMBERS, map(float, (*values.mean(axis=0), *error)), strict=True))


def green(L: int, kappa: float, realization: int) -> tuple[MatrixComposite, np.ndarray]:
    """A realization and its exact (nu~, B)."""
    composite = draw(Levy(L=L), seed=SEED, realization=realization)
    return composite, numbers(levy_green(composite, [0.0], [kappa])[1])


def numbers(local: Broadening) -> np.ndarray:
    return np.array([local.mean_nu.mean(), local.mean_B.mean()])


def exact(L: int, kappa: float, realizations: int) -> dict[str, float]:
    return means(np.array([green(L, kappa, r)[1] for r in range(realizations)]))


def controls(composite: MatrixComposite, kappa: float) -> np.ndarray:
    """Cheap companions (8,) of a realization's (nu~, B): two means over its levels, then (nu~, B) of three iterations of
    G = 1/(z - E - V^2 G).
    """
    E, strength = composite.bath.diagonal(), composite.interaction[0][1] ** 2
    z, shifts = 0.5j * kappa, np.diag(composite.system)[:, None]
    G = 1 / (z + 0.75j - E - shifts)
    found = [np.mean(0.3 / ((E - shifts) ** 2 + 0.09)), np.mean(E**2)]
    for iteration in range(3):
        sums = strength @ np.concatenate([G.real, G.imag]).T
        new = 1 / (z - E - shifts - (sums[:, :2] + 1j * sums[:, 2:]).T[::-1])
        found += [-2 * new.imag.mean(), np.mean(np.abs(new) ** 2)]
        G = (G + new) / 2 if iteration == 0 else new
    return np.array(found)


def controlled(L: int, kappa: float, realizations: int, drawn: int) -> dict[str, float]:
    """Exact means with controls as control variates, whose own means come from ``drawn`` more matrices."""
    values, x = np.empty((realizations, 2)), np.empty((realizations, 8))
    for r in range(realizations):
        composite, values[r] = green(L, kappa, r)
        x[r] = controls(composite, kappa)
    more = [controls(draw(Levy(L=L), seed=SEED + 1000, realization=r), kappa) for r in range(drawn)]
    everything = np.concatenate([x, more])
    design = np.column_stack([np.ones(realizations), x - x.mean(axis=0)])
    slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    rest = ((values - design @ slopes) ** 2).sum(axis=0) / (realizations - len(slopes)) / realizations
    common = ((everything - everything.mean(axis=0)) @ slopes[1:]).var(axis=0) / len(everything)
    mean = values.mean(axis=0) + (everything.mean(axis=0) - x.mean(axis=0)) @ slopes[1:]
    return dict(zip(NUMBERS, map(float, (*mean, *np.sqrt(rest + common))), strict=True))


def paired(L: int, kappa: float, realizations: int) -> dict[str, float]:
    """Cavity equation minus exact on the same matrices."""
    rows = []
    for r in range(realizations):
        composite, values = green(L, kappa, r)
        solution = cavity(*levy_cavity_matrix(composite), [0.5j * kappa], tolerance=1e-5)
        assert solution.converged.all()
        G = solution.G.reshape(2, -1, 1, 1)
        rows.append(numbers(broadening_of(G, G.conj(), np.array([kappa]))) - values)
    return means(np.array(rows))


def diagonalised(L: int, kappa: float) -> dict[str, float]:
    composite = draw(Levy(L=L), seed=SEED, realization=0)
    states, bath = (solve(build(composite, part), Whole(), engine=Dense()) for part in ("H", "B"))  # type: ignore[arg-type]
    system = system_states(composite)
    direct_propagator(states, system, [0.0], [kappa])
    local = level_broadening(states, bath, system, [0.0], [kappa])
    diffusion_theory(local, composite, bath, system, [0.0])
    return means(numbers(local)[None])


def population(kappa: float, members: int, bath_states: float) -> dict[str, float]:
    sweeps = max(10, min(60, 6_000_000 // members))
    p = levy_population(
        Levy(L=1), 0.0, kappa, members=members, sweeps=sweeps, warm_up=max(10, sweeps // 2), bath_states=bath_states
    )
    errors = (np.hypot(*error) / 2 for error in (p.nu_error, p.B_error))
    return dict(zip(NUMBERS, map(float, (p.nu.mean(), p.B.mean(), *errors)), strict=True))


def fixed_number(L: int, kappa: float, members: int, sweeps: int = 40, warm_up: int = 20) -> dict[str, float]:
    """Trees with the couplings of a matrix, N a site and N - 1 a message, minus a Poisson number N of them.

    Every coupling is drawn, the same random numbers serve both.
    """
    model, N = Levy(L=L), 2**L
    shifts = (-model.Delta / 2, model.Delta / 2)
    old = np.full((2, 2, members), -2j)
    rows = []
    for sweep in range(warm_up + sweeps):
        stream = np.random.default_rng([SEED, sweep])
        site, message = np.empty_like(old), np.empty_like(old)
        for a in (0, 1):
            bare = 0.5j * kappa - shifts[a] - stream.standard_normal(members)
            drawn = stream.poisson(N, members)
            number = np.arange(drawn.max())
            strength = model.g**2 * (N * (1 - stream.random((members, number.size)))) ** (-2 / model.mu)
            other = stream.integers(members, size=strength.shape)
            fixed, poisson = (strength * population[1 - a][other] for population in old)
            site[0, a] = 1 / (bare - fixed[:, :N].sum(axis=1))
            message[0, a] = 1 / (bare - fixed[:, : N - 1].sum(axis=1))
            site[1, a] = message[1, a] = 1 / (bare - poisson.sum(axis=1, where=number < drawn[:, None]))
        old = message
        if sweep >= warm_up:
            values = np.stack([-2 * site.imag, np.abs(site) ** 2]).mean(axis=(2, 3))
            rows.append(values[:, 0] - values[:, 1])
    return means(np.array(rows).reshape(10, -1, 2).mean(axis=1))


def extrapolate(rows: list[dict], powers: tuple[int, ...], cut_off: list[dict] | None = None) -> dict[str, float]:
    """Weighted fit of a constant and ``powers`` of x = N^(1 - 2/mu) to the exact means, its value at x = 0.

    ``cut_off``: populations of the same N and, last, of N = inf, whose differences are taken off first.
    """
    x = np.array([2.0 ** (row["L"] * (1 - 2 / Levy(L=1).mu)) for row in rows])
    design = np.stack([x**power for power in (0, *powers)], axis=1)
    result = {}
    for name in ("nu", "B"):
        y, e = (np.array([row[key] for row in rows]) for key in (name, f"{name}_error"))
        if cut_off:
            y = y - [p[name] - cut_off[-1][name] for p in cut_off[:-1]]
        covariance = np.linalg.inv(design.T / e**2 @ design)
        fitted = covariance @ design.T @ (y / e**2)
        result |= {name: float(fitted[0]), f"{name}_error": float(np.sqrt(covariance[0, 0]))}
        result[f"{name}_chi2"] = float((((y - design @ fitted) / e) ** 2).sum())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[7, 8, 9, 10, 11])
    parser.add_argument("--realizations", type=int, nargs="+", default=[800, 400, 200, 60, 16])
    parser.add_argument(
        "--paired",
        type=int,
        nargs="+",
        default=[100, 50, 16, 4],
        help="realizations for the cavity equation, first sizes",
    )
    parser.add_argument(
        "--drawn", type=int, nargs="*", default=[], help="matrices for the control variates, first sizes"
    )
    parser.add_argument("--trees", type=int, nargs="*", default=[7, 8], help="trees with a fixed number of couplings")
    parser.add_argument("--members", type=int, nargs="+", default=[20_000, 1_000_000])
    parser.add_argument("--kappa", type=float, default=0.3)
    parser.add_argument("--json", type=Path)
    o = parser.parse_args()
    done = [json.loads(line) for line in o.json.read_text().splitlines()] if o.json and o.json.exists() else []
    print(f"{'method':34} {'N':>9} {'nu~':>16} {'B':>16} {'CPU s':>9}")

    def show(name: str, L: int | None, found: dict, rest: str) -> None:
        values = [
            f"{found[n]:9.5f}({round(1e5 * found[n + '_error']) if found[n + '_error'] == found[n + '_error'] else '-'})"
            for n in ("nu", "B")
        ]
        print(f"{name:34} {'inf' if L is None else 2**L:>9} {values[0]:>16} {values[1]:>16} {rest:>9}", flush=True)

    def row(method: str, L: int | None, samples: int, compute: Callable[[], dict]) -> dict:
        key = {"method": method, "L": L, "samples": samples, "kappa": o.kappa}
        found = next((d for d in done if d.items() >= key.items()), None)
        if found is None:
            start = time.process_time()
            found = key | compute() | {"seconds": time.process_time() - start}
            done.append(found)
            if o.json:
                with o.json.open("a") as file:
                    file.write(json.dumps(found) + "\n")
        show(f"{method}, {samples:,}", L, found, f"{found['seconds']:.1f}")
        return found

    small = [
        row("exact", L, n, lambda L=L, n=n: exact(L, o.kappa, n)) for L, n in zip(o.sizes, o.realizations, strict=True)
    ]
    for L, n, m in zip(o.sizes, o.realizations, o.drawn, strict=False):
        row(f"exact, {m:,} controls", L, n, lambda L=L, n=n, m=m: controlled(L, o.kappa, n, m))
    for L, n in zip(o.sizes, o.paired, strict=False):
        row("cavity - exact", L, n, lambda L=L, n=n: paired(L, o.kappa, n))
    for L in o.sizes[: len(o.paired)][-2:]:
        row("LAPACK", L, 1, lambda L=L: diagonalised(L, o.kappa))
    for members in o.members:
        row("population", None, members, lambda members=members: population(o.kappa, members, np.inf))
    few = o.members[0]
    for L in o.trees:
        row("fixed - Poisson number", L, few, lambda L=L: fixed_number(L, o.kappa, few))
    cut_off = [
        row("population", L, few, lambda N=N: population(o.kappa, few, N))
        for L, N in [*((L, 2.0**L) for L in o.sizes), (None, np.inf)]
    ]
    for name, powers, populations in (
        ("linear", (1,), None), ("quadratic", (1, 2), None), ("cut-off taken off", (3,), cut_off),
    ):  # fmt: skip
        found = extrapolate(small, powers, populations)
        show(f"extrapolated, {name}", None, found, f"chi2 {found['nu_chi2']:.1f}, {found['B_chi2']:.1f}")


if __name__ == "__main__":
    main()
