"""Names in words and units of the variables of a result, for axes and tables.

The table is ``bigbath.variables``; a variable that is not in it has its own attributes ``long_name`` and ``units``.
"""

from collections.abc import Hashable

import xarray as xr

from bigbath.variables import NUMBER, known


def name_of(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """A variable in words."""
    if (found := known(str(name))) is not None:
        return found.name
    return str(({} if variable is None else variable.attrs).get("long_name") or str(name).replace("_", " "))


def unit_of(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """Its unit; "" when it has none, or none is known."""
    found, attributes = known(str(name)), {} if variable is None else variable.attrs
    unit = str(attributes.get("units") or NUMBER) if found is None else found.units
    return "" if unit in (NUMBER, "dimensionless") else unit


def axis_title(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """Name with unit: "energy (coupling)"; of a complex variable its modulus is drawn."""
    words, unit = name_of(name, variable), unit_of(name, variable)
    words = f"modulus of the {words}" if variable is not None and variable.dtype.kind == "c" else words
    return f"{words} ({unit})" if unit else words
