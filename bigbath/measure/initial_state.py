"""Initial states of ``measure.dynamics``: one small choice for each kind."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bigbath.choice import KindShorthand, choice
from bigbath.dynamics import Propagator, configuration, joint_state, product_state, random_state, thermal_state
from bigbath.dynamics.functions import coefficients, normal_vector, series
from bigbath.errors import JobError
from bigbath.measure.context import Context
from bigbath.measure.grid import bath_of
from bigbath.operators import build
from bigbath.spaces import Sector, everything

Seed = Annotated[int, Field(ge=0)]


@choice
class Neel:
    """The configuration udud..."""

    kind: Literal["neel"] = "neel"

    @property
    def spins(self) -> str:
        """In words."""
        return "neel"

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,) in the sector."""
        return configuration(sector, self.spins)


@choice
class Configuration:
    """``spins``: "uudd...", u up and d down, from site 0, the system's first, on."""

    kind: Literal["configuration"] = "configuration"
    spins: str

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,) in the sector."""
        return configuration(sector, self.spins)


@choice
class Product:
    """cos(theta/2)|up> + e^(i phi) sin(theta/2)|down> on every site; ``angles``: [theta, phi] of each, or one for all."""

    kind: Literal["product"] = "product"
    angles: Annotated[tuple[Annotated[tuple[float, float], Field(strict=False)], ...], Field(min_length=1)]

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,): its part in the sector, normalised; real where every phase is."""
        sites = context.sites
        angles = self.angles * sites if len(self.angles) == 1 else self.angles
        if len(angles) != sites:
            raise JobError(f"measure.dynamics.initial.angles: {len(angles)} pairs for {sites} spins; give one for each")
        spins = [np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)]) for theta, phi in angles]
        if all(phi == 0 for _, phi in angles):
            spins = [spin.real for spin in spins]
        return product_state(sector, spins)


@choice
class Random:
    """A typical state of the whole sector: independent normal components."""

    kind: Literal["random"] = "random"
    seed: Seed = 1

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,) complex128."""
        return random_state(sector, np.random.default_rng(self.seed))


@choice
class Thermal:
    """exp(-``beta`` H/2) on a random real vector, normalised."""

    kind: Literal["thermal"] = "thermal"
    beta: float
    seed: Seed = 1

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,), real for a real H."""
        return thermal_state(propagator, self.beta, np.random.default_rng(self.seed))


@choice
class BathState:
    """The system's level ``branch``, from 1, times the eigenstate of the bath nearest to ``energy``; needs ``[bath]``.

    In a sector: the nearest one whose product with the level lies in it.
    """

    kind: Literal["bath_state"] = "bath_state"
    energy: float = 0.0
    branch: Annotated[int, Field(ge=1)] = 1

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,) in the sector; JobError where no product is within it."""
        bath = bath_of(context, "dynamics")
        phi = _level(context, self.branch)
        refusal: JobError | None = None
        for block in sorted(bath.blocks, key=lambda b: np.abs(b.energies - self.energy).min(initial=np.inf)):
            k = int(np.abs(block.energies - self.energy).argmin())
            try:
                return joint_state(sector, context.composite.dims, phi, block.sector, block.vectors[:, k])
            except JobError as error:
                refusal = error
        assert refusal is not None
        raise refusal


@choice
class BathShell:
    """The system's level ``branch``, from 1, times a typical state of a narrow energy shell of the bath; needs no ``[bath]``.

    exp(-(H_B - ``energy``)^2 / (4 ``width``^2)) on a random vector, normalised: energies scatter by ``width`` where the density
    of the bath's states is flat. For baths too large for ``bath_state``.
    """

    kind: Literal["bath_shell"] = "bath_shell"
    energy: float = 0.0
    width: Annotated[float, Field(gt=0)]
    branch: Annotated[int, Field(ge=1)] = 1
    seed: Seed = 1

    def state(self, context: Context, sector: Sector, propagator: Propagator) -> np.ndarray:
        """psi(0) (d,); JobError where products of system and bath states leave the sector."""
        phi = _level(context, self.branch)
        below = build(context.composite, "B")
        whole, bath = everything(below.dim), Propagator.of(below)
        root = coefficients(bath, lambda E: np.exp(-(((E - self.energy) / (2 * self.width)) ** 2)))
        vector = series(bath, root, normal_vector(bath, np.random.default_rng(self.seed)))
        return joint_state(sector, context.composite.dims, phi, whole, vector / np.linalg.norm(vector))


def _level(context: Context, branch: int) -> np.ndarray:
    """The system's level (D_S,) with a number from 1."""
    if branch > context.system.energies.size:
        raise JobError(f"measure.dynamics.initial.branch: the system has {context.system.energies.size} levels")
    return context.system.vectors[:, branch - 1]


AnyInitial = Neel | Configuration | Product | Random | Thermal | BathState | BathShell
Initial = Annotated[AnyInitial, Field(discriminator="kind"), KindShorthand]
