"""Propagator and theory without diagonalisation beside the exact ones: deviations in units of their error bars.

python tests/benchmarks/stochastic.py [--sizes 11] [--keep DIR]
A at 20 points (epsilon, kappa); then A, theory and theory / direct at epsilon = 0, as `bigbath reproduce` computes them
for baths beyond diagonalisation. What is computed is kept in DIR and taken from there by the same command.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from bigbath.broadening import system_states
from bigbath.diffusion import autocorrelation, diffusion_theory, direct_propagator, level_broadening
from bigbath.diffusion.stochastic import stochastic_propagator
from bigbath.models import TFIM, Imbrie, draw
from bigbath.operators import build
from bigbath.solvers import Dense, Whole, solve
from bigbath.studies.stochastic import StochasticStudy, kept

EPSILON, KAPPA = (-2.0, -0.5, 0.0, 1.0), (0.2, 0.3, 0.6, 1.0, 3.0)


def compare(model: TFIM | Imbrie, directory: Path) -> None:
    study = StochasticStudy(model=model)
    composite = draw(model, seed=study.seed, realization=0)
    system, h = system_states(composite), build(composite)

    def exact() -> dict[str, np.ndarray]:
        states, bath = (solve(build(composite, part), Whole(), engine=Dense()) for part in ("H", "B"))  # type: ignore[arg-type]
        local = level_broadening(states, bath, system, [0.0], study.kappa)
        return {
            "A": autocorrelation(direct_propagator(states, system, EPSILON, KAPPA).D),
            "direct": autocorrelation(direct_propagator(states, system, [0.0], study.kappa).D)[0],
            "theory": autocorrelation(diffusion_theory(local, composite, bath, system, [0.0]).D)[0],
        }

    def stochastic() -> dict[str, np.ndarray]:
        p = stochastic_propagator(h, system, EPSILON, KAPPA, vectors=study.vectors, tolerance=study.tolerance)
        return {"A": autocorrelation(p.D), "error": p.A_error}

    label = f"{model.name}_L{model.L}"
    truth, grid = kept(directory / f"{label}_exact.npz", exact), kept(directory / f"{label}_grid.npz", stochastic)
    off = (grid["A"] - truth["A"]) / grid["error"]
    inside, relative = np.sum(abs(off) <= 3), grid["error"] / truth["A"]
    print(
        f"{label}: A at {off.size} points: {inside} within 3 errors, the largest deviation {abs(off).max():.2f} errors;"
    )
    print(f"   errors between {relative.min():.2%} and {relative.max():.2%}", flush=True)
    r = study.run(directory)
    t = r.sampled
    curves = ((r.direct, r.direct_error), (t.theory, t.theory_error), (t.difference, t.difference_error))
    print(
        f"{'kappa':>6} {'direct':>16} {'off':>6} {'theory':>16} {'off':>6} {'th/dir - 1':>16} {'off':>6} {'quadrature':>11}"
    )
    for k, kappa in enumerate(study.kappa):
        expected = (truth["direct"][k], truth["theory"][k], truth["theory"][k] / truth["direct"][k] - 1)
        found = ((x[k], e[k]) for x, e in curves)
        cells = [f"{x:8.4f} +- {e:.4f} {(x - true) / e:6.2f}" for true, (x, e) in zip(expected, found, strict=True)]
        print(f"{kappa:6g} {' '.join(cells)} {t.quadrature[k]:11.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[11])
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        for L in options.sizes:
            for model in (TFIM(L=L), Imbrie(L=L)):
                compare(model, directory)


if __name__ == "__main__":
    main()
