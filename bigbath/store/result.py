"""Result files: netCDF-4 (HDF5), versioned, written aside and renamed, checksummed. See docs/result-file.md.

Root attributes: ``bigbath_schema``, ``job`` (JSON), ``job_hash``, ``provenance`` (JSON). One group
``realization_<index>`` for each disorder realization holds its labelled arrays, with the evidence of its
eigenstates as JSON attributes.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import xarray as xr

from bigbath.errors import FileError, JobError
from bigbath.job import Job, job_hash, parse_job, resolved

SCHEMA = 1

#: What reading a damaged file raises, depending on where the damage is.
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, JobError)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A result file in memory: ``job``, ``provenance``, and one dataset for each realization index."""

    path: Path
    job: Job
    job_hash: str
    provenance: dict[str, Any]
    realizations: dict[int, xr.Dataset]

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All realizations along the dimension ``realization``; dimensions whose lengths differ are padded with NaN."""
        return xr.concat(
            [ds.drop_attrs() for ds in self.realizations.values()],
            dim=xr.DataArray(list(self.realizations), dims="realization", name="realization"),
            join="outer",
            coords="different",
            compat="equals",
            data_vars="all",
        )

    def evidence(self, realization: int, part: str = "spectrum") -> dict[str, Any]:
        """Evidence of the eigenstates of "spectrum" or "bath"."""
        return json.loads(self.realizations[realization].attrs[f"evidence_{part}"])


def write_result(path: Path, job: Job, datasets: Iterable[tuple[int, xr.Dataset]], provenance: dict[str, Any]) -> None:
    """Write a complete result file; an existing one is replaced only when the new one is whole on disk.

    FileError when the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.unlink(missing_ok=True)
        for realization, dataset in datasets:
            checksums = {
                name: {"fletcher32": True}
                for name, v in dataset.variables.items()
                if v.ndim and v.size and v.dtype.kind in "iuf"
            }
            dataset.to_netcdf(draft, mode="a", group=group_name(realization), engine="h5netcdf", encoding=checksums)
        with h5py.File(draft, "a") as file:
            file.attrs["bigbath_schema"] = SCHEMA
            file.attrs["job"] = json.dumps(resolved(job))
            file.attrs["job_hash"] = job_hash(job)
            file.attrs["provenance"] = json.dumps(provenance)
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def group_name(realization: int) -> str:
    """Name of a realization's group."""
    return f"realization_{realization:05d}"


def read_header(path: Path) -> dict[str, Any]:
    """Root attributes of a result file; FileError when it is missing, truncated, or not one of bigbath's."""
    if not path.exists():
        raise FileError(f"there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            header = dict(file.attrs)
            later = header.get("bigbath_schema", SCHEMA) > SCHEMA
            groups = sorted(name for name in file if name.startswith("realization_"))
    except DAMAGE as error:
        raise FileError(
            f"{path} is truncated or not an HDF5 file ({error}). Run the job again, with -o elsewhere or after removing it."
        ) from None
    if "bigbath_schema" not in header:
        raise FileError(f"{path} is an HDF5 file, but not a bigbath result")
    if later:
        raise FileError(f"{path} has schema {header['bigbath_schema']}; this bigbath reads up to {SCHEMA}: update it")
    return {**header, "groups": groups}


def open_result(path: str | Path) -> Result:
    """Read a result file into memory. FileError when it is missing, damaged or not one of bigbath's."""
    path = Path(path)
    header = read_header(path)
    try:
        datasets = {}
        for group in header["groups"]:
            with xr.open_dataset(path, group=group, engine="h5netcdf") as dataset:
                datasets[int(group.removeprefix("realization_"))] = dataset.load()
        return Result(
            path=path,
            job=parse_job(json.loads(header["job"])),
            job_hash=str(header["job_hash"]),
            provenance=json.loads(header["provenance"]),
            realizations=datasets,
        )
    except DAMAGE as error:
        raise FileError(
            f"{path} is damaged ({error}). Run the job again, with -o elsewhere or after removing it."
        ) from None
