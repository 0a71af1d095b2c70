"""What a measurement is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import xarray as xr

from bigbath.broadening import SystemStates
from bigbath.errors import JobError
from bigbath.models import Composite, SpinComposite
from bigbath.progress import Report
from bigbath.solvers import Eigenstates


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """One realization: the composite, its eigenstates of H, of H_B (None when the job has no ``[bath]``) and of H_S.

    ``symmetries``, ``sector``: as in ``[spectrum]``. ``done``: the measurements made before, by name.
    """

    composite: Composite
    states: Eigenstates
    bath: Eigenstates | None
    system: SystemStates
    accept_unverified: bool
    report: Report
    symmetries: tuple[str, ...] | None = None
    sector: Mapping[str, int] | None = None
    done: Mapping[str, xr.Dataset] = field(default_factory=dict)

    @property
    def sites(self) -> int:
        """Number of spins; JobError for a model that has none."""
        if not isinstance(self.composite, SpinComposite):
            raise JobError("measurements on sites need a model of spins, which this is not")
        return self.composite.system_sites + self.composite.bath_sites
