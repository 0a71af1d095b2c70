"""Moments of many random vectors, a vector a core, each kept as a file."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bigbath.progress import Report
from bigbath.resources import cores
from bigbath.spectral import Moments, ShellVectors
from bigbath.studies.kept import write_arrays


def sampled(vectors: ShellVectors, files: Sequence[Path], seed: int, report: Report, label: str) -> list[Moments]:
    """Moments of a random vector for each of ``files``; those that exist are taken from there. Stream: (seed, number)."""
    shares = {r: 0.0 for r, file in enumerate(files) if not file.exists()}
    stop = threading.Event()

    def compute(r: int) -> None:
        def progress(share: float) -> None:
            shares[r] = share
            if stop.is_set():
                raise InterruptedError

        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(r,)))
        write_arrays(files[r], vars(vectors.moments(stream, progress)))

    with threadpool_limits(1), ThreadPoolExecutor(cores()) as pool:
        pending = {pool.submit(compute, r) for r in shares}
        try:
            while pending:
                done, pending = wait(pending, timeout=1.0)
                for future in done:
                    future.result()
                report(label, sum(shares.values()), len(shares))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [Moments(**np.load(file)) for file in files]
