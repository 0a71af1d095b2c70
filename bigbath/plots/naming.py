"""Names in words and units of the variables of a result, for axes and tables.

A variable's own attributes ``long_name`` and ``units`` win; the tables here serve files without them.
"""

from collections.abc import Hashable

import xarray as xr

#: Energies are in units of the coupling, times in its inverse; "1" has no unit.
ENERGY, NUMBER = "coupling", "1"

#: Variable -> what it is, its unit.
KNOWN = {
    "energy": ("energy", ENERGY),
    "bath_energy": ("energy of the initial bath state", ENERGY),
    "system_energy": ("energy of the system", ENERGY),
    "residual": ("residual", ENERGY),
    "gap_ratio": ("mean gap ratio", NUMBER),
    "entanglement": ("entanglement entropy", NUMBER),
    "entanglement_cut": ("entanglement entropy", NUMBER),
    "participation": ("participation entropy", NUMBER),
    "sigma_x": (r"$\langle\sigma^x\rangle$", NUMBER),
    "sigma_y": (r"$\langle\sigma^y\rangle$", NUMBER),
    "sigma_z": (r"$\langle\sigma^z\rangle$", NUMBER),
    "P": ("probability in an energy shell", NUMBER),
    "p": ("probability of an eigenstate", NUMBER),
    "norm": ("probability in the window", NUMBER),
    "mean_energy": ("mean energy", ENERGY),
    "second_moment": ("second moment of the energy", f"{ENERGY}²"),
    "shannon": ("entropy of the steady state", NUMBER),
    "renyi2": ("Rényi-2 entropy of the steady state", NUMBER),
    "centre": ("fitted centre", ENERGY),
    "centre_error": ("error of the fitted centre", ENERGY),
    "chi": ("fitted half-width χ", ENERGY),
    "chi_error": ("error of χ", ENERGY),
    "fit_rms": ("rms of the fit", NUMBER),
    "fit_converged": ("share of fits that converged", NUMBER),
    "A": ("autocorrelation A", f"1/{ENERGY}"),
    "A_theory": ("autocorrelation A, theory", f"1/{ENERGY}"),
    "D": ("propagator D", f"1/{ENERGY}²"),
    "D_theory": ("propagator D, theory", f"1/{ENERGY}²"),
    "B": ("coefficient B", NUMBER),
    "nu": (r"$\tilde\nu$", f"1/{ENERGY}"),
    "level_spacing": ("mean level spacing", ENERGY),
    "Gamma_typical": ("typical level broadening", ENERGY),
    "Gamma_quantile": ("level broadening, quantile", ENERGY),
    "F2": ("coupling strength F²", f"{ENERGY}²"),
    "channel": ("channel sum", f"{ENERGY}²"),
    "V_diagonal": ("diagonal of V", ENERGY),
    "bath_shell_energy": ("energy of the final bath state", ENERGY),
    "shell_energy": ("energy of the shell", ENERGY),
    "epsilon": ("energy ε", ENERGY),
    "kappa": ("rate κ", ENERGY),
}


def name_of(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """A variable in words."""
    attributes = {} if variable is None else variable.attrs
    return str(attributes.get("long_name") or KNOWN.get(str(name), (str(name).replace("_", " "),))[0])


def unit_of(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """Its unit; "" when it has none, or none is known."""
    attributes = {} if variable is None else variable.attrs
    unit = str(attributes.get("units") or KNOWN.get(str(name), ("", NUMBER))[1])
    return "" if unit in (NUMBER, "dimensionless") else unit


def axis_title(name: Hashable, variable: xr.DataArray | None = None) -> str:
    """Name with unit: "energy (coupling)"."""
    words, unit = name_of(name, variable), unit_of(name, variable)
    return f"{words} ({unit})" if unit else words
