"""What this machine, its control group, its launcher and its batch system allow: memory, cores, threads, ranks."""

import os
from pathlib import Path

import psutil

from bigbath.errors import ImpossibleRequest

#: Where launchers write how many ranks they started, in all and on this node.
LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
LAUNCHED_HERE = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
#: Read by BLAS, OpenMP and Numba when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def launched_ranks() -> int:
    """Number of ranks that the launcher says it started; 1 without a launcher."""
    return next((int(os.environ[name]) for name in LAUNCHED if name in os.environ), 1)


def launched_ranks_here() -> int:
    """Number of those ranks on this node; 1 without a launcher."""
    return next((int(os.environ[name]) for name in LAUNCHED_HERE if name in os.environ), 1)


def cap_threads() -> None:
    """Under a launcher give each rank its share of the cores; let idle OpenMP threads sleep. The user's words win.

    To be called before NumPy is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if launched_ranks() > 1:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, cores() // launched_ranks_here())))


def thread_line() -> str:
    """How ranks and threads fill this node's cores, with a warning when they are more than there are."""
    ranks, mine, node = launched_ranks_here(), cores(), node_cores()
    threads = int(os.environ.get("OMP_NUM_THREADS", mine))
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
    if slurm := os.environ.get("SLURM_MEM_PER_NODE"):
        limits.append(int(slurm) * 2**20 - used)
    return max(0, min(limits))


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
    return int(os.environ.get("SLURM_CPUS_ON_NODE", psutil.cpu_count() or 1))


def cores() -> int:
    """Cores this process may use: its affinity mask, and SLURM_CPUS_PER_TASK when that is less."""
    available = len(os.sched_getaffinity(0))
    return min(available, int(os.environ.get("SLURM_CPUS_PER_TASK", available)))
