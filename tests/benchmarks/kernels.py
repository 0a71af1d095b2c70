"""Numba kernels beside NumPy and SciPy: overlaps, binning, fits. Medians of paired runs.

python tests/benchmarks/kernels.py [--repeat 5]
"""

import argparse
import time

import numpy as np
import scipy.sparse as sp
from scipy.optimize import curve_fit

from bigbath.kernels import SUMS, bin_probabilities, csr_times_columns, fit_lorentzians


def median(repeat: int, *functions) -> list[float]:
    """Median seconds of each function, the functions taken in turn."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(repeat):
        for column, function in zip(times, functions, strict=True):
            start = time.perf_counter()
            function()
            column.append(time.perf_counter() - start)
    return [float(np.median(column)) for column in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    stream = np.random.default_rng(0)
    print(f"{'kernel':44} {'ours/ms':>9} {'other/ms':>9} {'ratio':>6}  other")

    def row(name: str, other: str, ours: float, theirs: float) -> None:
        print(f"{name:44} {1e3 * ours:9.2f} {1e3 * theirs:9.2f} {theirs / ours:6.1f}  {other}")

    d, m, k = 8192, 8192, 512
    bra = sp.random_array((m, d), density=2 / d, rng=stream, format="csr")
    x = np.asfortranarray(stream.standard_normal((d, k)))
    row(
        "system contraction, 8192 x 8192 on 512 columns",
        "SciPy CSR @ dense",
        *median(repeat, lambda: csr_times_columns(bra, x), lambda: bra @ x),
    )

    m, k, shells = 2048, 2184, 81
    p = stream.standard_normal((m, k)) ** 2 / k
    shell = np.sort(stream.integers(0, shells, k))
    energies = np.sort(stream.standard_normal(k))

    def ours() -> None:
        bin_probabilities(p, shell, energies, np.zeros((m, shells)), np.zeros((m, len(SUMS))))

    indicator = np.eye(shells)[shell]

    def numpy_twin() -> None:
        p @ indicator, p.sum(1), p @ energies, p @ energies**2, -(p * np.log(p)).sum(1), (p * p).sum(1)

    row("binning, sums and entropies, 2048 x 2184", "NumPy", *median(repeat, ours, numpy_twin))

    energy = np.linspace(-20, 20, 81)
    centres, widths = stream.uniform(-8, 8, 200), stream.uniform(0.4, 0.9, 200)
    y = 0.5 * widths[:, None] / np.pi / ((energy - centres[:, None]) ** 2 + widths[:, None] ** 2)
    y += 1e-3 * stream.standard_normal(y.shape)

    def scipy_fits() -> None:
        def model(e, c, w):
            return 0.5 * w / np.pi / ((e - c) ** 2 + w * w)

        for one in y:
            curve_fit(model, energy, one, p0=[energy[one.argmax()], 0.5])

    row(
        "200 Lorentzian fits",
        "scipy.optimize.curve_fit",
        *median(repeat, lambda: fit_lorentzians(energy, y, 0.5), scipy_fits),
    )


if __name__ == "__main__":
    main()
