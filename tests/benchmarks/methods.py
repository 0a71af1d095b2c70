"""Ways to filter: what wins over "filter once, then sample", in matrix-vector products and residuals, on T(L).

    python tests/benchmarks/methods.py [--spins 12] [--k 100]

Products are given in units of (a / sigma) D, a the half-width and sigma the standard deviation of the spectrum.
"filter once, then sample": the engine. "delta filter + Lanczos": POLFED (arXiv 2005.09534) with SciPy's Lanczos, of the
Chebyshev series of a delta function, at the best of several degrees. "single precision": the engine with its recurrence in
single precision (half the time), and what one filter of each state found, in double precision, adds: the least that a
double-precision finish costs.
"""

import argparse
from functools import partial

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

import bigbath.solvers.filter as engine
import bigbath.solvers.filter_part as filter_part
import bigbath.solvers.subspace as subspace
from bigbath import Filter, Nearest, solve
from bigbath.chebyshev import Recurrence
from bigbath.chebyshev import degree as length
from bigbath.models import Imbrie, disorder_stream
from bigbath.operators import FlipOperator, Scale, build, flips, operator_of
from bigbath.solvers.planning import REACHES
from bigbath.solvers.problem import spectral_extremes


def largest_residual(h, energies: np.ndarray, vectors: np.ndarray, norm: float) -> float:
    return float(np.linalg.norm(h.matrix @ vectors - vectors * energies, axis=0).max() / norm)


def filtered(operator: FlipOperator, block: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """A Chebyshev series (even length) of the scaled Hamiltonian on each column of a block (D, c)."""
    out = np.empty_like(block)
    for column in range(block.shape[1]):
        recurrence = Recurrence(operator, block[:, column : column + 1])
        recurrence.advance(coefficients.size, coefficients)
        out[:, column] = operator.get(recurrence.total)[:, 0]
    return out


def delta_lanczos(h, operator: FlipOperator, scale: Scale, k: int, degree: int) -> tuple[int, float]:
    """Products and largest residual of the k largest eigenvalues of a delta function's series at E = 0."""
    n = np.arange(degree)
    coefficients = np.where(n, 2.0, 1.0) * np.cos(n * scale.angle(0.0))
    coefficients /= np.sum(coefficients * np.cos(n * scale.angle(0.0)))
    calls = []

    def apply(x: np.ndarray) -> np.ndarray:
        calls.append(degree)
        return filtered(operator, x.reshape(-1, 1), coefficients)[:, 0]

    _, vectors = eigsh(LinearOperator((h.dim,) * 2, apply, dtype=float), k=k, ncv=int(2.2 * k), which="LA", tol=1e-13)
    energies = np.einsum("ij,ij->j", vectors, h.matrix @ vectors)
    return sum(calls), largest_residual(h, energies, vectors, scale.halfwidth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spins", type=int, default=12)
    parser.add_argument("--k", type=int, default=100)
    args = parser.parse_args()
    h = build(Imbrie(L=args.spins - 1).composite(disorder_stream(1, 0)))
    free = flips(h.terms, h.sites)
    extremes = spectral_extremes(h)
    scale, norm = Scale.of(extremes), max(map(abs, extremes))
    operator = FlipOperator(free, scale)
    sigma = np.sqrt(sum(c**2 for z, c in free.fields.items() if z) + sum(c**2 for c in free.flips.values()))
    unit, window = scale.halfwidth / sigma * h.dim, Nearest(target=0.0, k=args.k)

    def show(name: str, products: float, residual: float | None = None) -> None:
        end = "" if residual is None else f", largest residual {residual:.0e} ||H||"
        print(f"{name:54} {products / unit:6.2f} (a/sigma) D products{end}", flush=True)

    evidence = solve(h, window, engine=Filter()).evidence
    show("filter once, then sample", evidence.iterations, evidence.residual / norm)
    for factor in (1.0, 1.5, 2.0, 3.0):
        degree = 2 * int(factor * h.dim * scale.halfwidth / sigma / args.k / 2)
        try:
            show(f"delta filter of degree {degree} + Lanczos", *delta_lanczos(h, operator, scale, args.k, degree))
        except ArpackError as error:
            print(f"delta filter of degree {degree} + Lanczos: {error}", flush=True)
    engine.operator_of = partial(operator_of, dtype=np.float32)
    filter_part.allowed_residual, subspace.RANK = lambda norm, _: 1e-3 * norm, 1e-5  # what single precision can tell
    states = solve(h, window, engine=Filter(attempts=1))
    show("single precision", states.evidence.iterations, states.evidence.residual / norm)
    spread = float(np.ptp(np.arccos(states.energies / scale.halfwidth)))
    finish = args.k * length(REACHES[-1] * spread / 2, np.log(1e6))  # six digits, with the softest edge
    show("half of that and one filter of each state", states.evidence.iterations / 2 + finish)


if __name__ == "__main__":
    main()
