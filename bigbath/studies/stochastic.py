"""A(0, kappa), direct and theory, of baths that cannot be diagonalised, one realization at a time and resumable."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bigbath.broadening import system_states
from bigbath.diffusion import autocorrelation
from bigbath.diffusion.sampled import BathSample, BathWindow, SampledTheory, sampled_theory
from bigbath.diffusion.stochastic import StochasticTrace
from bigbath.models import TFIM, Imbrie, draw
from bigbath.operators import build
from bigbath.progress import Report, silent
from bigbath.resources import cores
from bigbath.studies.kept import write_arrays


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticResult:
    """``direct`` A (K,) with its errors, the theory beside it, and the ``level_spacing`` of H at epsilon = 0, from nu~."""

    direct: np.ndarray
    direct_error: np.ndarray
    sampled: SampledTheory
    level_spacing: float


@dataclass(frozen=True, kw_only=True)
class StochasticStudy:
    """``vectors`` random vectors for A and nu~, ``windows`` of ``states`` bath states for B; see ``BathSample``.

    The time goes as 1/min(kappa). For L = 16 the bath states take about as long as their G_jj, A half of that.
    """

    model: TFIM | Imbrie
    kappa: tuple[float, ...] = (0.03, 0.06, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 3.0)
    vectors: int = 48
    windows: int = 16
    states: int = 24
    seed: int = 1
    tolerance: float = 3e-4

    def run(self, directory: Path, realization: int = 0, report: Report = silent) -> StochasticResult:
        """What is not yet in ``directory`` is computed and kept there, vector by vector and window by window."""
        content = {**asdict(self), "realization": realization}
        del content["vectors"]  # more can be added later
        text = json.dumps(content, sort_keys=True)
        label = f"diffusion_{self.model.name}_L{self.model.L}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        shards = directory / label
        shards.mkdir(parents=True, exist_ok=True)
        (shards / "study.json").write_text(text)
        composite = draw(self.model, seed=self.seed, realization=realization)
        h, system = build(composite), system_states(composite)
        trace = StochasticTrace.of(h, system, [0.0], self.kappa, seed=self.seed, tolerance=self.tolerance)

        def vector(number: int) -> dict[str, np.ndarray]:
            return dict(zip(("D", "nu"), trace.sample(number), strict=True))

        samples = []
        with ThreadPoolExecutor(cores()) as pool:
            jobs = [partial(kept, shards / f"vector{n:03d}.npz", partial(vector, n)) for n in range(self.vectors)]
            for sample in pool.map(lambda job: job(), jobs):
                samples.append((sample["D"], sample["nu"]))
                report("random vectors", len(samples), self.vectors)
        propagator = trace.propagator(samples)
        bath = BathSample.of(
            composite, trace.expansion, system, 0.0, windows=self.windows, states=self.states, seed=self.seed
        )

        def window(number: int) -> dict[str, Any]:
            return vars(bath.window(number, report))

        found = []
        for n in range(self.windows):
            found.append(BathWindow(**kept(shards / f"window{n:03d}.npz", partial(window, n))))
            report("bath windows", n + 1, self.windows)
        return StochasticResult(
            direct=autocorrelation(propagator.D)[0],
            direct_error=propagator.A_error[0],
            sampled=sampled_theory(found, propagator, self.kappa),
            level_spacing=2 * np.pi / composite.dims[1] / float(propagator.nu[:, 0, 0].sum()),
        )


def kept(file: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Arrays of ``file``, computed and written there, aside and renamed, if it does not exist."""
    if not file.exists():
        write_arrays(file, compute())
    with np.load(file) as arrays:
        return dict(arrays)
