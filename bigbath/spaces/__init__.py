"""Which states: spaces of configurations, sectors of charges and symmetries, their splitting into system and bath."""

from bigbath.spaces.charges import label
from bigbath.spaces.sector import Sector, contraction, everything
from bigbath.spaces.sectors import charge_names, sectors, symmetry_names
from bigbath.spaces.space import Everything, FixedCharges, Space

__all__ = [
    "Everything",
    "FixedCharges",
    "Sector",
    "Space",
    "charge_names",
    "contraction",
    "everything",
    "label",
    "sectors",
    "symmetry_names",
]  # fmt: skip
