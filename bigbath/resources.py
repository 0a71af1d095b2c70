"""What this machine, its control group, its launcher and its batch system allow: memory, cores, threads, ranks."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import psutil

from bigbath.errors import ImpossibleRequest, JobError

#: Where launchers write how many ranks they started, in all and on this node.
LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
LAUNCHED_HERE = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
#: Read by BLAS, OpenMP, Numba and numexpr when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def count_in(name: str, environment: Mapping[str, str] = os.environ, *, least: int = 1) -> int | None:
    """The whole number in an environment variable; of OpenMP's list of nested levels, "4,2", the first.

    None when the variable is absent or empty; JobError when it holds something else, or less than ``least``.
    """
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}(\s*,\s*\d{1,9})*", text) or int(text.partition(",")[0]) < least:
        raise JobError(
            f"the environment variable {name} = {text!r:.40} is not a whole number from {least} on: set it right, or "
            f"`unset {name}`"
        )
    return int(text.partition(",")[0])


def bytes_of(text: str, unit: int = 2**20) -> int | None:
    """Bytes of an amount of memory as SLURM writes it: "4000" (in ``unit``), "4G", "512MB"; None when it is no amount."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGTP]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        return None
    number, prefix = match.groups()
    return int(float(number) * (1024 ** (1 + "KMGTP".index(prefix.upper())) if prefix else unit))


def _first_count(names: tuple[str, ...]) -> int:
    return next((count for name in names if (count := count_in(name)) is not None), 1)


def launched_ranks() -> int:
    """Number of ranks that the launcher says it started; 1 without a launcher."""
    return _first_count(LAUNCHED)


def launched_ranks_here() -> int:
    """Number of those ranks on this node; 1 without a launcher."""
    return _first_count(LAUNCHED_HERE)


def cap_threads() -> None:
    """Under a launcher give each rank its share of the cores; let idle OpenMP threads sleep. The user's words win.

    To be called before NumPy is loaded. Empty variables are taken for absent ones. JobError for one that holds no number.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in THREADS:
        if count_in(name) is None:
            os.environ.pop(name, None)
    if (threads := count_in("OMP_NUM_THREADS")) is not None:  # numexpr, which QuSpin loads, cannot read "4,2"
        os.environ.setdefault("NUMEXPR_NUM_THREADS", str(threads))
    if launched_ranks() > 1:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, cores() // launched_ranks_here())))


def thread_line() -> str:
    """How ranks and threads fill this node's cores, with a warning when they are more than there are."""
    ranks, mine, node = launched_ranks_here(), cores(), node_cores()
    threads = count_in("OMP_NUM_THREADS") or mine
    line = f"{ranks} rank(s) x {threads} thread(s) here, {mine} of {node} core(s) for this rank"
    if threads > mine or ranks * threads > node:
        line += "; that is more than there are, and slower: take fewer ranks or a smaller OMP_NUM_THREADS"
    return line


def memory_limit() -> int:
    """Bytes this process may still use: the least of free memory, control-group limit and SLURM's limit."""
    limits = [psutil.virtual_memory().available]
    used = psutil.Process().memory_info().rss
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(name).read_text()) - used)
        except (OSError, ValueError):
            continue
    if granted := _granted_by_slurm():
        limits.append(granted - used)
    return max(0, min(limits))


def _granted_by_slurm() -> int | None:
    """Bytes on this node that SLURM has granted; None when it set no limit, which is also what ``--mem=0`` means."""
    for name, times in (("SLURM_MEM_PER_NODE", 1), ("SLURM_MEM_PER_CPU", node_cores())):
        text = os.environ.get(name, "").strip()
        if not text:
            continue
        amount = bytes_of(text)
        if amount is None:
            raise JobError(f"the environment variable {name} = {text!r:.40} is no amount of memory: `unset {name}`")
        return amount * times or None
    return None


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Raise ImpossibleRequest when ``needed`` bytes are not there; ``what`` and ``remedy`` go into the message."""
    limit = memory_limit()
    if needed > limit:
        raise ImpossibleRequest(
            f"{what} needs {gigabytes(needed)}, but only {gigabytes(limit)} are free here. {remedy}"
        )


def gigabytes(count: float) -> str:
    """``1.5 GB`` and the like."""
    return f"{count / 2**30:.3g} GB" if count > 2**27 else f"{count / 2**20:.3g} MB"


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def node_cores() -> int:
    """Cores that all ranks on this node may use together: SLURM_CPUS_ON_NODE, or the machine's."""
    return count_in("SLURM_CPUS_ON_NODE") or psutil.cpu_count() or 1


def cores() -> int:
    """Cores this process may use: its affinity mask, and SLURM_CPUS_PER_TASK when that is less."""
    available = len(os.sched_getaffinity(0))
    return min(available, count_in("SLURM_CPUS_PER_TASK") or available)
