"""What a measurement is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import xarray as xr

from bigbath.broadening import SystemStates, system_states
from bigbath.checkpoint import Checkpoint
from bigbath.errors import JobError
from bigbath.models import Composite
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates
from bigbath.spaces import Sector


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """One realization: the composite, its eigenstates of H, of H_B (None when the job has no ``[bath]``) and of H_S.

    ``symmetries``, ``sector``: as in ``[spectrum]``. ``realization``: its number. ``evolved_in``: the sector
    of ``measure.dynamics`` where it has been found before. ``checkpoint``: where long work keeps what it has reached. ``done``: the measurements made before, by name.
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
            accept_unverified=accept_unverified, report=report,
        )  # fmt: skip

    @property
    def sites(self) -> int:
        """Number of spins; JobError for a model that has none."""
        if not self.states.sites:
            raise JobError("measurements on sites need a model of spins, which this is not")
        return self.states.sites
