"""Levy model at epsilon = 0: Eq. 20 and bond memory beside block elimination, on the same matrices, and as populations.

python tests/benchmarks/memory.py [--sizes 8 9 10 11] [--realizations 60 40 16 6] [--kappa 0.1 0.3 1 3] [--members 100000]
Prints theory / direct - 1 in per cent with jackknife errors of the paired differences, for N = infinity Eq. 20 over bond
memory.
"""

import argparse

import numpy as np

from bigbath.diffusion import autocorrelation, two_level_propagator
from bigbath.diffusion.block import levy_green
from bigbath.diffusion.cavity import bond_memory, levy_cavity_matrix
from bigbath.diffusion.population import levy_population
from bigbath.models import Levy, draw
from bigbath.studies.diffusion import WEAKEST, ratio


def one(L: int, kappa: np.ndarray, realization: int) -> np.ndarray:
    """A directly, by Eq. 20 and with bond memory (3, K)."""
    composite = draw(Levy(L=L), seed=1, realization=realization)
    exact, local = levy_green(composite, [0.0], kappa)
    levels, strength = levy_cavity_matrix(composite)
    source = np.repeat([1.0, -1.0], 2**L)
    found = bond_memory(levels, strength, 0.5j * kappa, source, weakest=WEAKEST, tolerance=1e-6)
    assert found.converged.all()
    theory = two_level_propagator(local.mean_nu, local.mean_B, kappa)
    return np.array([autocorrelation(exact.D)[0], autocorrelation(theory)[0], source @ found.Y / 2**L])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=[8, 9, 10, 11])
    parser.add_argument("--realizations", type=int, nargs="*", default=[60, 40, 16, 6])
    parser.add_argument("--kappa", type=float, nargs="*", default=[0.1, 0.3, 1.0, 3.0])
    parser.add_argument("--members", type=int, default=100_000)
    options = parser.parse_args()
    kappa = np.array(options.kappa)
    for L, count in zip(options.sizes, options.realizations, strict=True):
        values = np.array([one(L, kappa, r) for r in range(count)])
        for name, which in (("Eq. 20", 1), ("bond memory", 2)):
            found = [ratio(values[:, which, k], values[:, 0, k]) for k in range(kappa.size)]
            text = "  ".join(f"{100 * (v - 1):+.2f}({100 * e:.2f})" for v, e in found)
            print(f"N = 2^{L}, {count} realizations, {name}: {text}", flush=True)
    for k in kappa if options.members else []:
        p = levy_population(Levy(L=2), 0.0, float(k), members=options.members, sweeps=40, warm_up=60)
        bias = f"{100 * (p.A / p.A_memory - 1):+.2f}"
        print(f"N = infinity, kappa = {k:g}: A {p.A:.4f}({p.A_error:.4f}), with memory {p.A_memory:.4f}({p.A_memory_error:.4f}): {bias}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
