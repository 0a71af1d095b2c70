"""What a measurement is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import xarray as xr

from bigbath.broadening import SystemStates, system_states
from bigbath.checkpoint import Checkpoint
from bigbath.errors import JobError
from bigbath.measure.resolution import Resolution
from bigbath.models import Composite, MatrixComposite
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates
from bigbath.spaces import Sector


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """One realization: the composite, its eigenstates of H, of H_B (None when the job has no ``[bath]``) and of H_S.

    ``symmetries``, ``sector``: as in ``[spectrum]``. ``realization``: its number. ``evolved_in``: the sector of
    ``measure.dynamics`` where it has been found before. ``checkpoint``: where long work keeps what it has reached. ``done``: the
    measurements made before, by name. ``resolution``: what the sectors of the states leave unresolved, where others have asked
    already.
    """

    composite: Composite
    states: Eigenstates
    bath: Eigenstates | None
    system: SystemStates
    accept_unverified: bool
    report: Report
    symmetries: tuple[str, ...] | None = None
    sector: Mapping[str, int] | None = None
    realization: int = 0
    evolved_in: Sector | None = None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    done: Mapping[str, xr.Dataset] = field(default_factory=dict)
    resolution: Resolution | None = None

    @classmethod
    def of(
        cls,
        states: Eigenstates,
        bath: Eigenstates | None = None,
        *,
        accept_unverified: bool = False,
        report: Report = silent,
    ) -> "Context":
        """The context of states from ``solve``, which know what they are states of; JobError for others."""
        for one in (states, bath):
            if one is not None and not isinstance(one, Eigenstates):
                raise JobError(f"measurements take Eigenstates, as solve(h, window), not a {type(one).__name__}")
        if states.composite is None:
            raise JobError("these states do not know their model: take solve(build(draw(model)), window)")
        return cls(
            composite=states.composite, states=states, bath=bath, system=system_states(states.composite),
            accept_unverified=accept_unverified, report=report, resolution=Resolution(states.composite, states.part),
        )  # fmt: skip

    @property
    def sites(self) -> int:
        """Number of spins; JobError for a model that has none."""
        return spins(self.states.sites)


def sites_of(composite: Composite) -> int:
    """Number of spins of a model; JobError for one that has none."""
    return spins(0 if isinstance(composite, MatrixComposite) else composite.system_sites + composite.bath_sites)


def spins(number: int) -> int:
    """``number``; JobError for 0."""
    if not number:
        raise JobError("measurements on sites need a model of spins, which this is not")
    return number


def refuse_sites(where: Sequence[object], sites: int, key: str) -> None:
    """JobError, under ``key``, unless they are different sites of a model."""
    if any(not isinstance(j, int) or not 0 <= j < sites for j in where) or len(set(where)) < len(where):
        raise JobError(f"{key}: {list(where)} must be different sites, 0 ... {sites - 1}")
