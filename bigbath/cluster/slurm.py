"""Batch scripts of a job, with time and memory from its estimate: docs/cluster.md explains them."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bigbath.cluster.estimate import estimate
from bigbath.errors import FileError
from bigbath.job import Job, point_jobs
from bigbath.tasks import tasks_of

#: Bytes that a process needs before its first matrix.
BASE = 5 * 2**27

ONE_NODE = """#!/bin/bash
# {title}: all cores of one machine, without a batch system.   bash {into}/{name}
# Stopped or killed? The same command goes on where it was.
set -euo pipefail
export OMP_NUM_THREADS=1                  # one thread a rank: disorder realizations are independent
export PMIX_MCA_gds=hash                  # PMIx 4.2's shared-memory store can hang mpirun when a rank is killed
mpirun -n "${{RANKS:-$(nproc)}}" {bigbath} run {job} -o {output}
"""

MPI = """#!/bin/bash
# {title}: {tasks} task(s) spread over the ranks of one MPI job.   sbatch {into}/{name}
#SBATCH --job-name={label}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node={ranks}
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu={memory}M           # estimate of one task; bigbath shares a factorisation over ranks that have less
#SBATCH --time={time}
#SBATCH --signal=B:USR1@{warning}         # warning before the time limit: running tasks are finished, no new ones begun
#SBATCH --requeue                         # preempted: SLURM starts the job again, and it goes on
#SBATCH --open-mode=append
export OMP_NUM_THREADS=1
export PMIX_MCA_gds=hash                  # PMIx 4.2's shared-memory store can hang mpirun when a rank is killed
mpirun {bigbath} run {job} -o {output} &
run=$!
trap 'kill -USR1 "$run"' USR1             # mpirun passes it on to the ranks
trap 'kill -TERM "$run"' TERM             # preempted or cancelled: finished tasks are on disk
wait "$run"; code=$?
while kill -0 "$run" 2>/dev/null; do wait "$run"; code=$?; done
if [ "$code" -eq 75 ]; then               # stopped by the warning: go on in a new time slot
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""

ARRAY = """#!/bin/bash
# {title}: {tasks} task(s) dealt out to the members of an array.
#   sbatch {into}/{name}     or, with the merge after it:     bash {into}/submit_array.sh
# Some members were cancelled or failed? Submit the same again: what is done is not repeated.
#SBATCH --job-name={label}
#SBATCH --array=0-{last}                  # any 0-N: each member takes its share
#SBATCH --cpus-per-task=1
#SBATCH --mem={memory}M
#SBATCH --time={array_time}
#SBATCH --signal=B:USR1@{warning}
#SBATCH --requeue
#SBATCH --open-mode=append
export OMP_NUM_THREADS=1
{bigbath} run {job} -o {output} --share "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" &
run=$!
trap 'kill -USR1 "$run"' USR1
trap 'kill -TERM "$run"' TERM
wait "$run"; code=$?
while kill -0 "$run" 2>/dev/null; do wait "$run"; code=$?; done
if [ "$code" -eq 75 ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
"""

MERGE = """#!/bin/bash
# {title}: the result file of all shards; lists what is missing.   sbatch {into}/{name}
#SBATCH --job-name={label}-merge
#SBATCH --ntasks=1
#SBATCH --mem=2000M
#SBATCH --time=01:00:00
{bigbath} status {output}
{bigbath} merge {output}
"""

SUBMIT = """#!/bin/bash
# {title}: the array, and the merge when all its members have ended.   bash {into}/{name}
set -euo pipefail
array=$(sbatch --parsable {into}/array.sbatch)
merge=$(sbatch --parsable --dependency=afterany:"$array" {into}/merge.sbatch)
echo "array $array, merge $merge"
"""

SCRIPTS = {
    "one_node.sh": ONE_NODE,
    "mpi.sbatch": MPI,
    "array.sbatch": ARRAY,
    "merge.sbatch": MERGE,
    "submit_array.sh": SUBMIT,
}


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What to ask SLURM for: ``nodes`` x ``ranks`` of an MPI job, ``array`` members; ``safety``: times the estimate."""

    nodes: int = 1
    ranks: int = 1
    array: int = 16
    safety: float = 3.0


def scripts(
    job: Job, path: Path, output: Path, into: Path, allocation: Allocation, *, bigbath: str = "bigbath"
) -> dict[str, str]:
    """File name in ``into`` -> batch script, for the job in ``path`` that writes ``output``; ``bigbath``: the command.

    Paths are as given: scripts are submitted from the directory where they were written.
    """
    points = point_jobs(job)
    parts = [part for point in {p.model: p for p in points}.values() for part in estimate(point).parts]
    tasks = tasks_of(job)
    one = max(part.seconds for part in parts)
    title = printable(job.title) or job.model.name
    a = allocation
    return {
        name: text.format(
            name=name, into=word(into), title=title, label=label(path.stem), tasks=len(tasks), bigbath=bigbath, job=word(path),
            output=word(output), nodes=a.nodes, ranks=a.ranks, last=a.array - 1,
            memory=math.ceil((1.3 * max(p.bytes for p in parts) + BASE) / 2**20),
            time=clock(a.safety * one * math.ceil(len(tasks) / (a.nodes * a.ranks))),
            array_time=clock(a.safety * one * math.ceil(len(tasks) / a.array)),
            warning=max(60, min(3600, math.ceil(1.5 * one))),
        )
        for name, text in SCRIPTS.items()
    }  # fmt: skip


def printable(text: str) -> str:
    """Text in one line, without control characters: fit for a comment."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def label(text: str) -> str:
    """A name for SLURM, which takes no quotes: other characters than letters, digits, dots and hyphens become "_"."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", text)[:64]


def word(path: Path) -> str:
    """A path as one word of the shell in one line, never taken for an option."""
    text = f"./{path}" if str(path).startswith("-") else str(path)
    if text.isprintable():
        return quote(text)
    escaped = (
        f"\\x{byte:02x}" if byte < 32 or byte > 126 or chr(byte) in "'\\" else chr(byte) for byte in os.fsencode(text)
    )
    return f"$'{''.join(escaped)}'"


def write_scripts(directory: Path, texts: dict[str, str]) -> None:
    """Write scripts; FileError when one is there already with another content, or cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if (directory / name).exists() and (directory / name).read_bytes() != text.encode():
                raise FileError(f"{directory / name} is there already and differs; remove it, or choose another --into")
        for name, text in texts.items():
            (directory / name).write_bytes(text.encode())
            (directory / name).chmod(0o755)
    except OSError as error:
        raise FileError(f"cannot write scripts to {directory}: {error}") from None


def clock(seconds: float) -> str:
    """Seconds as SLURM's time, in whole quarters of an hour: "01:15:00", "2-03:00:00"."""
    quarters = math.ceil((seconds + 60) / 900)
    days, rest = divmod(quarters, 96)
    return (f"{days}-" if days else "") + f"{rest // 4:02d}:{15 * (rest % 4):02d}:00"
