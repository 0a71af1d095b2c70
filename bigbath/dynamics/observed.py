"""Functions of a state along its evolution: with progress, and resumed where an earlier run was interrupted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from bigbath.checkpoint import Checkpoint
from bigbath.dynamics.propagate import Propagator
from bigbath.progress import Report, silent


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """``values``: name -> (T, ...); ``bounds`` (T,): on ||psi(t) - its exact value|| of a normalised state."""

    values: dict[str, np.ndarray]
    bounds: np.ndarray


def observed(
    propagator: Propagator,
    start: np.ndarray,
    times: np.ndarray,
    functions: Mapping[str, Callable[[np.ndarray], object]],
    *,
    checkpoint: Checkpoint | None = None,
    report: Report = silent,
) -> Observed:
    """``functions`` of psi(t) at ``times`` (T,), ascending away from 0, from psi(0) = ``start`` (d,).

    A ``checkpoint`` of the same evolution holds psi at one of the times and what was seen until then: the evolution goes on from
    there, and the bounds add up.
    """
    checkpoint = checkpoint or Checkpoint()
    seen: dict[str, list] = {name: [] for name in functions}
    psi, since, before = start, 0.0, np.empty(0)
    kept = checkpoint.load()
    if _belongs(kept, start, times, functions):
        psi, before = kept["psi"], kept["bounds"]
        since = float(times[before.size - 1])
        seen = {name: list(kept[f"seen_{name}"]) for name in functions}
    later = times[before.size :] - since
    carried = float(before[-1]) if before.size else 0.0
    bounds = np.concatenate([before, carried + propagator.plan(later, is_real=not np.iscomplexobj(psi)).bounds])
    course = _Course(report, later.size)
    for number, (_, state) in enumerate(propagator.evolve(psi, later, report=course.evolved), start=before.size + 1):
        for name, function in functions.items():
            seen[name].append(function(state))
        course.looked()
        checkpoint.offer(partial(_content, state, start, times, bounds[:number], seen))
    return Observed(values={name: np.array(values) for name, values in seen.items()}, bounds=bounds)


def _content(
    psi: np.ndarray, start: np.ndarray, times: np.ndarray, bounds: np.ndarray, seen: Mapping[str, list]
) -> dict[str, np.ndarray]:
    """What is kept: the state, the bounds of the times until then, what was seen, and of which evolution."""
    values = {f"seen_{name}": np.array(one) for name, one in seen.items()}
    return {"psi": psi, "bounds": bounds, "times": times, "start": start, **values}


def _belongs(kept: Mapping[str, np.ndarray], start: np.ndarray, times: np.ndarray, functions: Mapping) -> bool:
    """Whether a checkpoint is one of this evolution."""
    if not {"psi", "bounds", "times", "start", *(f"seen_{name}" for name in functions)} <= kept.keys():
        return False
    same = np.array_equal(kept["times"], times) and np.array_equal(kept["start"], start)
    return same and all(len(kept[f"seen_{name}"]) == kept["bounds"].size for name in functions)


class _Course:
    """Progress of an evolution and of what is looked at: the share of the time that both together will take."""

    def __init__(self, report: Report, times: int) -> None:
        self._report, self._times = report, times
        self._mark, self._evolving, self._looking = time.monotonic(), 0.0, 0.0
        self._share, self._seen = 0.0, 0

    def evolved(self, label: str, done: float, total: float) -> None:
        """The ``report`` of the evolution: products that are made."""
        self._evolving += self._since()
        self._share = max(self._share, done / total)
        self._say()

    def looked(self) -> None:
        """All functions of one time are evaluated."""
        self._looking += self._since()
        self._seen += 1
        self._say()

    def _since(self) -> float:
        now = time.monotonic()
        passed, self._mark = now - self._mark, now
        return passed

    def _say(self) -> None:
        if self._share == 0 and self._seen == 0:
            return
        evolution = self._evolving / self._share if self._share else 0.0
        looks = self._looking * self._times / self._seen if self._seen else 0.0
        fraction = (self._evolving + self._looking) / max(evolution + looks, 1e-9)
        self._report(f"evolution, {self._seen} of {self._times} times", min(fraction, 1.0), 1.0)
