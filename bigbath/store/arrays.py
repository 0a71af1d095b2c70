"""Labelled arrays (xarray) in an HDF5 group: one dataset a variable, its dimensions and attributes beside it."""

import h5py
import numpy as np
import xarray as xr

from bigbath.variables import described, known


def save(group: h5py.Group, dataset: xr.Dataset) -> None:
    """Write every variable of ``dataset``: numbers as they are, text as UTF-8, dimension names as attribute ``dims``.

    What is known of a variable is not written: ``load`` adds it.
    """
    group.attrs.update(dataset.attrs)
    for name, variable in dataset.variables.items():
        values = variable.values
        if values.dtype.kind in "OU":
            values = values.astype(h5py.string_dtype())
        item = group.create_dataset(str(name), data=values)
        item.attrs["dims"] = list(map(str, variable.dims)) or h5py.Empty("S1")
        item.attrs["coordinate"] = name in dataset.coords
        if known(str(name)) is None:
            item.attrs.update(variable.attrs)


def load(group: h5py.Group) -> xr.Dataset:
    """The dataset that ``save`` has written, its variables described."""
    data: dict[str, tuple] = {}
    coords: dict[str, tuple] = {}
    for name, item in group.items():
        attrs = dict(item.attrs)
        dims, is_coordinate = attrs.pop("dims"), attrs.pop("coordinate")
        values = np.asarray(item.asstr()[()], dtype=str) if h5py.check_string_dtype(item.dtype) else item[()]
        where = coords if is_coordinate else data
        where[name] = ([] if isinstance(dims, h5py.Empty) else list(dims), np.asarray(values), attrs)
    return described(xr.Dataset(data, coords=coords, attrs=dict(group.attrs)))
