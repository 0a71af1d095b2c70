"""Which states: spaces of configurations, sectors of charges and symmetries, their splitting into system and bath."""

from bigbath.spaces.charges import label
from bigbath.spaces.element import Element, group
from bigbath.spaces.sector import Sector, contraction, everything
from bigbath.spaces.sectors import charge_names, sectors, spaces_of, symmetry_names
from bigbath.spaces.space import Everything, FixedCharges, Space
from bigbath.spaces.split import beside, bipartition, part_of, schmidt_weights, system_and_bath

__all__ = [
    "Element", "Everything", "FixedCharges", "Sector", "Space", "beside", "bipartition", "charge_names", "contraction", "everything",
    "group", "label", "part_of", "schmidt_weights", "sectors", "spaces_of", "symmetry_names", "system_and_bath",
]  # fmt: skip
