"""A result in formats of other programs: a table (CSV), NumPy's arrays (NPZ), NetCDF."""

import csv
import io
import json
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from bigbath.errors import JobError
from bigbath.plots.means import means, point_labels
from bigbath.plots.naming import unit_of
from bigbath.store import Result


def exported(result: Result, ending: str, names: Sequence[str] = ()) -> bytes:
    """The content of a file with this ``ending``: "csv", "npz" or "nc"; JobError for another, and for unknown names.

    ``names``: variables (none: all; in CSV the means with errors over realizations). Arrays are those of ``Result.dataset``.
    """
    if ending not in WRITERS:
        raise JobError(
            f"no result can be exported with the ending {ending!r}: use {', '.join(WRITERS)}".replace(
                "npz, nc", "npz or nc"
            )
        )
    for name in names:
        if name not in result.dataset.data_vars:
            raise JobError(f"--what {name}: this result holds {', '.join(map(str, result.dataset.data_vars))}")
    return WRITERS[ending](result, names)


def _csv(result: Result, names: Sequence[str]) -> bytes:
    if names:
        return result.to_dataframe(*names).to_csv(index=False).encode()
    points, text = point_labels(result), io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*result.swept.values(), "number", "mean", "error", "count", "unit"])
    for m in means(result):
        table.writerow([*points[m.point].values(), m.name, m.mean, m.error, m.count, unit_of(m.variable)])
    return text.getvalue().encode()


def _chosen(result: Result, names: Sequence[str]) -> xr.Dataset:
    return result.dataset[list(names)] if names else result.dataset


def _npz(result: Result, names: Sequence[str]) -> bytes:
    """Every variable by its name; ``dimensions`` and ``units`` of all as JSON."""
    dataset, content = _chosen(result, names), io.BytesIO()
    about = {
        "dimensions": json.dumps({str(name): list(map(str, v.dims)) for name, v in dataset.variables.items()}),
        "units": json.dumps({str(name): v.attrs.get("units", "") for name, v in dataset.variables.items()}),
    }
    arrays = {
        str(name): np.asarray(v.values, dtype=str) if v.dtype == object else v.values
        for name, v in dataset.variables.items()
    }
    np.savez_compressed(content, **about, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def _netcdf(result: Result, names: Sequence[str]) -> bytes:
    """NetCDF 3 by SciPy, which every program reads; text that is missing is empty."""
    dataset = _chosen(result, names)
    text = {name: v.where(v.notnull(), "").astype(str) for name, v in dataset.variables.items() if v.dtype == object}
    dataset = dataset.assign({str(name): v for name, v in text.items()})
    return bytes(dataset.to_netcdf(engine="scipy"))


#: Ending of the file -> what writes it.
WRITERS: dict[str, Callable[[Result, Sequence[str]], bytes]] = {"csv": _csv, "npz": _npz, "nc": _netcdf}
