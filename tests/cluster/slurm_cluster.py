"""A SLURM of one node, started and stopped by a test: munged, slurmctld and slurmd with everything in one directory."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = """
ClusterName=bigbath
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={slurmd_port}
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket,cred_expire=2
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.log
SchedulerParameters=batch_sched_delay=1,sched_interval=2,sched_min_interval=100000
KillWait=3
MinJobAge=600
PreemptType=preempt/none
JobRequeue=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


@contextmanager
def slurm_cluster(directory: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which sbatch, squeue and scancel talk to this SLURM. Stops what it started."""
    munge = directory / "munge"
    for each in (munge, directory / "state", directory / "spool"):
        each.mkdir(parents=True)
    key = munge / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    if root := os.geteuid() == 0:
        shutil.chown(munge, "munge", "munge")
        shutil.chown(key, "munge", "munge")
    for parent in directory.resolve().parents:  # munged insists that others may look through to its socket
        if parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    directory.chmod(0o755)
    host = socket.gethostname().partition(".")[0]
    configuration = directory / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=host, port=free_port(), slurmd_port=free_port(), user=getpass.getuser(), directory=directory,
            cpus=os.cpu_count(),
        )
    )  # fmt: skip
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    started = []
    try:
        files = [
            f"--{name}={munge / name.removesuffix('-file')}"
            for name in ("socket", "key-file", "pid-file", "log-file", "seed-file")
        ]
        as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"] if root else []
        started.append(
            subprocess.Popen([*as_munge, "munged", "--foreground", "--force", *files], stderr=subprocess.DEVNULL)
        )
        wait_for(lambda: (munge / "socket").exists(), "munged", directory)
        for daemon in ("slurmctld", "slurmd"):
            with open(directory / f"{daemon}.out", "wb") as log:
                started.append(
                    subprocess.Popen([daemon, "-D", "-f", str(configuration)], env=environment, stdout=log, stderr=log)
                )
        wait_for(lambda: b"idle" in run("sinfo", "-h", "-o", "%T", env=environment), "an idle node", directory)
        yield environment
    finally:
        subprocess.run(
            ["scancel", "--full", "-u", getpass.getuser()], env=environment, check=False, capture_output=True
        )
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(*command: str, env: dict[str, str]) -> bytes:
    """Output of a command, empty when it fails."""
    return subprocess.run(command, env=env, capture_output=True, check=False).stdout


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(happened: Callable[[], bool], what: str, directory: Path, seconds: float = 60) -> None:
    """Wait until ``happened``; otherwise fail with the daemons' logs."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            logs = [p for p in directory.rglob("*") if p.suffix in (".log", ".out")]
            texts = "\n".join(f"{p.name}:\n{p.read_text(errors='replace')[-1500:]}" for p in logs)
            raise TimeoutError(f"no {what} after {seconds:.0f} s\n{texts}")
        time.sleep(0.2)
