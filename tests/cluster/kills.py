"""Kill a run again and again, in every way a cluster knows, and resume it; nothing may be lost, repeated or changed.

    python tests/cluster/kills.py [--kills 100] [--ranks 2] [--seed 1]

prints each disturbance with how the run ended, and a table of them; goes on until one of them does harm.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import assert_same_numbers, bigbath_command, one_thread

from bigbath.cluster.run import run
from bigbath.job import load_job
from bigbath.store import Shards, open_run

JOB = """
[model]
name = "imbrie"
L = 7
[spectrum]
window = { kind = "density", epsilon = 0.5, k = 30 }
engine = "dense"
[measure.gap_ratio]
[measure.entanglement]
[sweep]
model.W = [1.0, 8.0]
[ensemble]
seed = 5
realizations = 20
"""

#: Where the run is to be hit, and how; "mpirun" is the launcher.
SIGNALS = {
    "SIGKILL a rank": ("rank", signal.SIGKILL),
    "SIGKILL mpirun": ("mpirun", signal.SIGKILL),
    "SIGTERM mpirun": ("mpirun", signal.SIGTERM),
    "SIGTERM a rank": ("rank", signal.SIGTERM),
    "SIGUSR1 mpirun": ("mpirun", signal.SIGUSR1),
}
KINDS = (*SIGNALS, "full disk", "corrupt shard")


class Campaign:
    """A run in ``directory`` (with a small disk of its own where root may mount one), and what it should give."""

    def __init__(self, directory: Path, ranks: int, seed: int) -> None:
        self.directory, self.ranks, self.dice = directory, ranks, random.Random(seed)
        self.job_file = directory / "job.toml"
        self.job_file.write_text(JOB)
        self.job = load_job(self.job_file)
        run(self.job, directory / "undisturbed.h5")
        self.reference = open_run(directory / "undisturbed.h5")
        self.disk = directory / "disk"
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "bigbath-test", str(self.disk)]
        self.small_disk = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self.output = self.disk / "out.h5"
        self.completed = 0

    def close(self) -> None:
        if self.small_disk:
            subprocess.run(["umount", "-l", str(self.disk)], check=True)

    def shards(self) -> dict[Path, bytes]:
        """Name and content of those that are intact."""
        return {path: path.read_bytes() for path in Shards(self.output, self.job).survey().done.values()}

    def start(self) -> subprocess.Popen:
        command = bigbath_command("run", self.job_file, "-o", self.output, ranks=self.ranks)
        return subprocess.Popen(command, env=one_thread(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def disturb(self, kind: str) -> str:
        """One disturbance; how the process ended. AssertionError when something was lost, repeated or changed."""
        if kind == "full disk" and not self.small_disk:
            return "no disk to fill"
        before = self.shards()
        if kind == "corrupt shard":
            if not before:
                return "there was none"
            path = self.dice.choice(sorted(before))
            content = bytearray(before[path])
            content[self.dice.randrange(len(content))] ^= 1 << self.dice.randrange(8)
            path.write_bytes(content)
            assert path in Shards(self.output, self.job).survey().corrupt
            return "found"
        if kind == "full disk":
            filler = self.disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(2**12)):
                    pass
        process = self.start()
        if kind in SIGNALS:
            who, number = SIGNALS[kind]
            self.wait_for_progress(process, len(before) + self.dice.randrange(1, 6))
            time.sleep(self.dice.uniform(0, 0.1))
            self.hit(process, who, number)
        _, errors = process.communicate(timeout=900)
        self.wait_for_ranks()
        if kind == "full disk":
            filler.unlink()
            assert process.returncode == 5, errors
            assert "cannot write" in errors
        assert process.returncode != 7, "a task was noted as failed"
        after = self.shards()
        if self.output.exists():
            self.check()
        else:
            assert before.items() <= after.items(), "a finished task was lost or computed again"
        return f"exit {process.returncode}"

    def hit(self, process: subprocess.Popen, who: str, number: int) -> None:
        try:
            ranks = [
                p for p in psutil.Process(process.pid).children(recursive=True) if "bigbath.cli.main" in p.cmdline()
            ]
            target = self.dice.choice(ranks) if who == "rank" and ranks else process
            target.send_signal(number)
        except psutil.NoSuchProcess:
            pass  # it was quicker

    def wait_for_progress(self, process: subprocess.Popen, count: int) -> None:
        parts = self.output.with_name("out.h5.parts")
        while process.poll() is None and len(list(parts.glob("*.h5"))) < count and not self.output.exists():
            time.sleep(0.02)

    def wait_for_ranks(self) -> None:
        """No process of the run may survive its launcher for long."""
        deadline = time.monotonic() + 60
        while any(str(self.output) in " ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])):
            assert time.monotonic() < deadline, "ranks survive"
            time.sleep(0.1)

    def check(self) -> None:
        """The finished result is the undisturbed one; begin anew."""
        assert_same_numbers(open_run(self.output), self.reference)
        assert not self.output.with_name("out.h5.parts").exists()
        self.output.unlink()
        self.completed += 1

    def finish(self) -> None:
        """Let the run go on undisturbed to its end."""
        process = self.start()
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors
        self.check()


def campaign(directory: Path, kinds: list[str], ranks: int = 2, seed: int = 1) -> tuple[Counter, int]:
    """Disturb a run in each way of ``kinds`` in turn; how often each ended how, and how many runs were completed."""
    table: Counter = Counter()
    it = Campaign(directory, ranks, seed)
    try:
        for number, kind in enumerate(kinds, 1):
            ending = it.disturb(kind)
            table[kind, ending] += 1
            print(f"{number:4} {kind}: {ending}", flush=True)
        it.finish()
    finally:
        it.close()
    return table, it.completed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dice = random.Random(args.seed)
    kinds = [dice.choice(KINDS) for _ in range(args.kills)]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        table, completed = campaign(Path(directory), kinds, args.ranks, args.seed)
    for (kind, ending), count in sorted(table.items()):
        print(f"{kind:16} {ending:16} {count:4}")
    print(
        f"{args.kills} disturbances, {completed} runs completed, each bitwise the undisturbed one: {time.monotonic() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
