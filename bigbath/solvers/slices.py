"""A wide window in slices, one after the other, of which only the energies are kept: memory is that of one slice.

Two slices meet in the middle of a gap between levels that the lower one has found, so that rounding puts no level into
neither or both. The levels above that gap are found twice, which must give the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bigbath.solvers.eigenstates import Block, Eigenstates, Evidence
from bigbath.solvers.window import Interval

#: Two slices meet in the widest of the last GAPS gaps of the lower one.
GAPS = 8

#: How much the energies of one level may differ between two slices, in units of ||H||: the square of the largest residual
#: over a spacing is less.
SAME = 1e-11


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """States of one slice from ``lower`` up to ``upper``, which is not always the end that it was solved for."""

    lower: float
    upper: float
    states: Eigenstates


def in_slices(cuts: Sequence[float], solve: Callable[[Interval], Eigenstates]) -> list[Slice]:
    """The states between the first and the last energy of ``cuts``, solved between two cuts at a time, in ascending order.

    Ends early with the first slice that is not certified complete.
    """
    done: list[Slice] = []
    lower = cuts[0]
    for number, end in enumerate(cuts[1:], 2):
        states = solve(Interval(lower=lower, upper=end)).without_vectors()
        if done:
            states = _checked(done[-1], states)
        upper = end if number == len(cuts) else _gap(states, lower, end)
        done.append(Slice(lower=lower, upper=upper, states=states))
        if states.evidence.complete != "yes":
            break
        lower = upper
    return done


def _gap(states: Eigenstates, lower: float, upper: float) -> float:
    """The middle of the widest of the last gaps between the levels of an interval, its ends among them."""
    levels = np.array([lower, *states.energies, upper])[-GAPS - 1 :]
    widest = int(np.argmax(np.diff(levels)))
    return float(levels[widest] + levels[widest + 1]) / 2


def _checked(below: Slice, states: Eigenstates) -> Eigenstates:
    """States of the slice above ``below``, not complete if they differ from what both have found."""
    found = below.states.energies[below.states.energies > below.upper]
    same = states.energies[: found.size]
    if same.size == found.size and np.all(np.abs(same - found) <= SAME * states.evidence.norm):
        return states
    reason = f"two slices that overlap above {below.upper:.9g} have found different levels"
    return states.with_evidence(complete="no", reason=reason)


def joined(slices: Sequence[Slice], lower: float, upper: float) -> Eigenstates:
    """The states of all slices between two energies, as one window; its evidence is the worst of theirs."""
    first = slices[0].states
    pieces: dict[tuple[tuple[str, int], ...], list[Block]] = {}
    for part in slices:
        lo, hi = max(lower, part.lower), min(upper, part.upper)
        for block in part.states.blocks:
            pieces.setdefault(block.sector.labels, []).append(_between(block, lo, hi, part is slices[-1]))
    blocks = tuple(block for each in pieces.values() if (block := _joined(each)).energies.size)
    evidence = _worst([part.states.evidence for part in slices])
    found = sum(block.energies.size for block in blocks)
    evidence = replace(
        evidence,
        residual=max((float(block.residuals.max()) for block in blocks), default=0.0),
        edges=((lower, upper),),
        found=found,
        counted=found if evidence.complete == "yes" else None,
    )
    return replace(first, blocks=blocks, evidence=evidence)


def _between(block: Block, lower: float, upper: float, last: bool) -> Block:
    inside = (block.energies >= lower) & ((block.energies <= upper) if last else (block.energies < upper))
    return replace(block, energies=block.energies[inside], residuals=block.residuals[inside])


def _joined(blocks: Sequence[Block]) -> Block:
    """One block of a sector's levels in slices in ascending order."""
    return replace(
        blocks[0],
        energies=np.concatenate([block.energies for block in blocks]),
        residuals=np.concatenate([block.residuals for block in blocks]),
    )


def _worst(each: Sequence[Evidence]) -> Evidence:
    """Evidence of slices together: the first that is not complete decides."""
    failed = next((e for e in each if e.complete != "yes"), None)
    worst = failed or max(each, key=lambda e: e.residual)
    where = f"slice {each.index(worst) + 1} of {len(each)}: " if failed else f"each of {len(each)} slices: "
    seconds: dict[str, float] = {}
    for e in each:
        for name, time in e.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + time
    return replace(
        worst,
        engine=f"{worst.engine} (energies in {len(each)} slices)",
        orthogonality=max(e.orthogonality for e in each),
        reason=where + worst.reason,
        iterations=sum(e.iterations for e in each),
        seconds=seconds,
    )
