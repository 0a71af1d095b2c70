"""What the measurements of the diffusion paper have in common: the grid, the bath, the level spacing."""

from typing import Annotated

import numpy as np
from pydantic import Field

from bigbath.errors import JobError
from bigbath.measure.context import Context
from bigbath.solvers import Eigenstates

#: Energies epsilon, and Laplace variables kappa > 0.
Energies = Annotated[tuple[float, ...], Field(min_length=1)]
LaplaceVariables = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]


def bath_of(context: Context, measurement: str) -> Eigenstates:
    """The bath's eigenstates; JobError, naming the measurement, without them."""
    if context.bath is None:
        raise JobError(f'measure.{measurement} needs the bath\'s states: add a [bath] section with window = "whole"')
    return context.bath


def branch_coordinates(levels: int) -> dict[str, list[int]]:
    """Levels of the thermometer from 1, ascending: ``branch``, at the end, and ``branch_from``, at the beginning."""
    return {name: list(range(1, levels + 1)) for name in ("branch", "branch_from")}


def level_spacing(energies: np.ndarray, energy: float, key: str) -> float:
    """Mean spacing of the sqrt(k) levels nearest ``energy``, ascending ``energies`` (k,); JobError outside them."""
    if not energies[0] <= energy <= energies[-1]:
        inside = f"[{energies[0]:g}, {energies[-1]:g}]"
        raise JobError(f"measure.{key} = {energy:g} lies outside the spectrum {inside}")
    count = max(2, int(np.sqrt(energies.size)))
    nearest = np.sort(energies[np.argsort(np.abs(energies - energy), kind="stable")[:count]])
    return float((nearest[-1] - nearest[0]) / (count - 1))
