"""Chebyshev step in sectors of symmetries: processor time of one core, beside a matrix and SciPy's CSR product of the same sector.

python tests/benchmarks/symmetric.py [--sites 14 16 18 20] [--models xxz ring tfim] [--sectors NAME ...] [--repeat 20] [--csr 18]
``step``: by the form that ``operator_of`` chooses, ``matrix``: by the form for any matrix, ``scipy``: one product with 32-bit
indices. Each is the least of many short runs, in turn. ``build``: seconds of the chosen form, and of the matrix from its strings. Matrices
are built up to ``--csr`` sites.
"""

import argparse
import time

import numpy as np
import scipy.sparse as sp
from ranked import least

from bigbath.models import TFIM, XXZ, Ring, disorder_stream
from bigbath.operators import Hamiltonian, MatrixOperator, Operator, Scale, build, operator_of
from bigbath.spaces import Sector, sectors


def xxz(sites: int) -> Hamiltonian:
    """The clean ring, half of the spins up."""
    return build(XXZ(L=sites).composite(disorder_stream(1, 0)))


def ring(sites: int) -> Hamiltonian:
    """The entropy paper's ring, all configurations."""
    return build(Ring(N=sites).composite(disorder_stream(1, 0)))


def tfim(sites: int) -> Hamiltonian:
    """An all-to-all Ising bath, all configurations."""
    return build(TFIM(L=sites - 1).composite(disorder_stream(1, 0)))


#: Model -> how to build it, and labels of its sectors.
MODELS = {
    "xxz": (
        xxz,
        [
            {"magnetisation": 0, "flip": 1},
            {"magnetisation": 0, "reflection": 1},
            {"magnetisation": 0, "reflection": 1, "flip": 1},
            {"magnetisation": 0, "momentum": 1},
            {"magnetisation": 0, "reflection": 1, "flip": 1, "momentum": 1},
        ],
    ),
    "ring": (ring, [{"reflection": 1}, {"momentum": 1}, {"reflection": 1, "momentum": 1}]),
    "tfim": (tfim, [{"parity": 1}]),
}


def steps_of(operator: Operator, weights: np.ndarray, count: int):
    """``count`` steps, with the filter's sum where there are weights."""
    storages = operator.zeros(3)
    stream = np.random.default_rng(0)
    for storage in storages[:2]:
        operator.put(storage, stream.standard_normal((operator.dim, 1)).astype(operator.dtype))
    return lambda: operator.steps(*storages, weights, count)


def line(h: Hamiltonian, sector: Sector, repeat: int, with_matrix: bool) -> str:
    """One row of the table."""
    scale = Scale(centre=0.0, halfwidth=sum(map(abs, h.sums.values())))
    start = time.process_time()
    operator = operator_of(h, sector, scale)
    built = [time.process_time() - start]
    count = max(20, 2 * int(2e6 / operator.work))  # of fewer the first, with empty caches, would be seen
    functions = [steps_of(operator, np.empty(0), count), steps_of(operator, np.ones(count), count)]
    entries = operator.work
    if with_matrix:
        start = time.process_time()
        matrix = h.restricted(sector)
        built.append(time.process_time() - start)
        entries = matrix.nnz
        csr = sp.csr_array(
            (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), shape=matrix.shape
        )
        x, products = np.random.default_rng(0).standard_normal(sector.dim), max(5, count // 8)
        functions += [
            steps_of(MatrixOperator(matrix, scale, 1), np.empty(0), count),
            lambda: [csr @ x for _ in range(products)],
        ]
    times = least(repeat, *functions)
    step, summed = (1e6 * t / count for t in times[:2])
    text = f"{sector.dim:9,}{entries:12,}  {type(operator).__name__[:-8].lower():9}{step:9.1f}{step * 1e3 / entries:8.3f}{summed / step:7.2f}"
    if with_matrix:
        product = 1e6 * times[3] / products
        text += f"{1e6 * times[2] / count:10.1f}{product:9.1f}{product / step:7.1f}"
    return text + "   " + " / ".join(f"{seconds:.2f}" for seconds in built)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, nargs="+", default=[14, 16, 18, 20])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument(
        "--sectors", nargs="+", help="names of symmetries, as flip or reflection+flip; default: all of the table"
    )
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--csr", type=int, default=18)
    options = parser.parse_args()
    print(
        "model sites  sector                            states     entries  form      step/us  ns/ent sum/st matrix/us scipy/us  ratio   build/s"
    )
    for name in options.models:
        make, found = MODELS[name]
        for sites in options.sites:
            h = make(sites)
            for labels in found:
                chosen = "+".join(key for key in labels if key != "magnetisation")
                if options.sectors and chosen not in options.sectors:
                    continue
                (sector,) = sectors(h, use=(), only=labels)
                text = line(h, sector, options.repeat, sites <= options.csr)
                print(f"{name:6}{sites:5}  {chosen:27}{text}", flush=True)


if __name__ == "__main__":
    main()
