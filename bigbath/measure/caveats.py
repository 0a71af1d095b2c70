"""What a reader of measured numbers must know beside them."""

import numpy as np
import xarray as xr


def caveats(dataset: xr.Dataset) -> list[str]:
    """Lines for ``bigbath show``: states that are not defined by themselves, statistics of unresolved levels, widths of fits."""
    lines = []
    if "multiplicity" in dataset:
        shared = int(np.sum(dataset.multiplicity.values > 1))
        if shared:
            lines.append(
                f"{shared} of {dataset.multiplicity.size} states share a level with others of their sector (multiplicity "
                "> 1): observables and participation are the level's, entanglement is not defined (NaN)"
            )
    if "fit_resolved" in dataset:
        narrow = int(np.sum(dataset.fit_resolved.values == 0))
        if narrow:
            lines.append(
                f"chi: {narrow} of {dataset.fit_resolved.size} widths are below the shells' and mean nothing (fit_resolved = 0); "
                "take a smaller shell_width"
            )
    for name in map(str, dataset.data_vars):
        if name.endswith("_unresolved"):
            lines += [
                f"{name.removesuffix('_unresolved')}: NOT RESOLVED, {text}"
                for text in sorted({str(t) for t in np.atleast_1d(dataset[name].values)} - {"resolved"})
            ]
    return lines
