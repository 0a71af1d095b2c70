"""Chebyshev step in a sector of fixed magnetisation: processor time per matrix entry and core, beside SciPy's CSR product.

python tests/benchmarks/ranked.py [--sites 16 18 20 22 24] [--models ring J2 ladder square flux all single] [--repeat 40]
An entry is one of the sector's matrix, the diagonal included. Every figure is the least processor time of many short runs,
the kinds in turn: on a machine that others use, the least is what the code can do. The matrix is built up to ``--csr`` sites.
"""

import argparse
import time
from collections.abc import Callable
from math import comb

import numpy as np
import scipy.sparse as sp

from bigbath.operators.exchange import Exchange
from bigbath.operators.halves import configurations
from bigbath.operators.ranked import RankedOperator
from bigbath.operators.scale import Scale

Pairs = list[tuple[int, int]]


def ring(sites: int) -> Pairs:
    return [(i, (i + 1) % sites) for i in range(sites)]


def second_neighbours(sites: int) -> Pairs:
    return ring(sites) + [(i, (i + 2) % sites) for i in range(sites)]


def ladder(sites: int) -> Pairs:
    """Two open legs, the sites of a rung successive."""
    return [(i, i + 1) for i in range(0, sites, 2)] + [(i, i + 2) for i in range(sites - 2)]


def square(sites: int) -> Pairs:
    """A torus of rows of four."""
    rows = [(4 * y + x, 4 * y + (x + 1) % 4) for y in range(sites // 4) for x in range(4)]
    return rows + [(i, (i + 4) % sites) for i in range(sites)]


def all_pairs(sites: int) -> Pairs:
    return [(i, j) for j in range(sites) for i in range(j)]


#: Model -> its bonds, phase of the last bond, dtype of the vectors in memory.
MODELS: dict[str, tuple[Callable[[int], Pairs], float, type]] = {
    "ring": (ring, 0.0, np.float64),
    "J2": (second_neighbours, 0.0, np.float64),
    "ladder": (ladder, 0.0, np.float64),
    "square": (square, 0.0, np.float64),
    "all": (all_pairs, 0.0, np.float64),
    "flux": (ring, 0.3, np.complex128),
    "single": (ring, 0.0, np.float32),
}


def heisenberg(sites: int, pairs: Pairs, phase: float) -> Exchange:
    """Random fields in [-1, 1], spins 1/2, half of them up."""
    stream = np.random.default_rng(1)
    fields = {1 << i: stream.uniform(-1, 1) / 2 for i in range(sites)} | {1 << p | 1 << q: 0.25 for p, q in pairs}
    hops: dict[tuple[int, int], complex] = dict.fromkeys(pairs, 0.5)
    if phase:
        hops[pairs[-1]] = 0.5 * np.exp(1j * phase)
    return Exchange(sites=sites, up=sites // 2, fields=fields, hops=hops)


def matrix(h: Exchange) -> sp.csr_array:
    """H in the sector."""
    states = configurations(h.sites, h.sites - h.up)
    number = np.arange(states.size)
    values = [sum(c * (1 - 2.0 * (np.bitwise_count(states & z) & 1)) for z, c in h.fields.items())]
    rows, columns = [number], [number]
    for (p, q), t in h.hops.items():
        moved = np.flatnonzero((states >> p ^ states >> q) & 1)
        rows.append(moved)
        columns.append(np.searchsorted(states, states[moved] ^ (1 << p | 1 << q)))
        values.append(np.where(states[moved] >> p & 1, np.conj(t), t))
    indices = (np.concatenate(rows), np.concatenate(columns))
    made = sp.csr_array((np.concatenate(values), indices), shape=(states.size,) * 2)
    made.indices, made.indptr = made.indices.astype(np.int32), made.indptr.astype(np.int32)
    return made


def least(repeat: int, *functions: Callable[[], object]) -> list[float]:
    """Least processor time of each function, the functions taken in turn."""
    times = [np.inf] * len(functions)
    for _ in range(repeat):
        for i, function in enumerate(functions):
            start = time.process_time()
            function()
            times[i] = min(times[i], time.process_time() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, nargs="+", default=[16, 18, 20, 22, 24])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--csr", type=int, default=20)
    options = parser.parse_args()
    print("model  sites        D    entries  step/ms  ns/entry  with sum  sum/step  CSR/ms  CSR/step")
    for name in options.models:
        pairs_of, phase, dtype = MODELS[name]
        for sites in options.sites:
            if (name == "square" and sites % 4) or (name == "all" and sites > 18):
                continue
            h = heisenberg(sites, pairs_of(sites), phase)
            reach = sum(map(abs, h.fields.values())) + sum(map(abs, h.hops.values()))
            operator = RankedOperator(h, Scale(centre=0.0, halfwidth=reach), dtype)
            low, high, total = operator.zeros(3)
            stream = np.random.default_rng(0)
            for storage in (low, high):
                operator.put(storage, stream.standard_normal(h.dim))
            steps = max(2, 2 * int(5e6 / operator.work))
            weights = stream.standard_normal(steps)

            def plain() -> None:
                operator.steps(low, high, total, weights[:0], steps)  # noqa: B023

            def summed() -> None:
                operator.steps(low, high, total, weights, steps)  # noqa: B023

            functions, csr = [plain, summed], None
            if sites <= options.csr:
                csr, x = matrix(h), stream.standard_normal(h.dim).astype(np.result_type(dtype, np.float64))
                products = max(2, steps // 10)
                functions.append(lambda: [csr @ x for _ in range(products)])  # noqa: B023
            times = least(options.repeat, *functions)
            step, with_sum = (1e9 * t / steps / operator.work for t in times[:2])
            line = f"{name:7}{sites:5}{comb(sites, sites // 2):9}{operator.work:11}{1e3 * times[0] / steps:9.4f}"
            line += f"{step:10.4f}{with_sum:10.4f}{with_sum / step:10.2f}"
            if csr is not None:
                product = times[2] / products
                line += f"{1e3 * product:8.3f}{product / times[0] * steps:10.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
