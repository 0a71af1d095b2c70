"""Evolutions that are killed: the next run goes on from a checkpoint, with the numbers and bounds of one that was not."""

import signal
import subprocess
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import bigbath_command, one_thread

from bigbath.broadening import system_states
from bigbath.checkpoint import ENDING, Checkpoint
from bigbath.cluster.run import run
from bigbath.diffusion.time_domain import EnergyFilter
from bigbath.dynamics import Propagator, autocorrelation, configuration, joint_probability, random_state
from bigbath.dynamics.observed import observed
from bigbath.errors import FileError
from bigbath.job import load_job, parse_job
from bigbath.models import Imbrie, draw
from bigbath.operators import build
from bigbath.spaces import everything, sectors
from bigbath.store import open_result

JOB = """
[model]
name = "xxz"
L = 12
W = 1.0
[spectrum]
window = "none"
sector = { magnetisation = 0 }
[measure.dynamics]
times = { stop = 600, count = 800 }
observe = ["sigma_z", "sigma_x", "entanglement"]
cut = [0, 1, 2, 3, 4, 5]
"""


def test_a_killed_run_goes_on(tmp_path):
    """SIGKILL in the middle of the only evolution of a job."""
    (tmp_path / "job.toml").write_text(JOB)
    output, parts = tmp_path / "out.h5", tmp_path / "out.h5.parts"
    command = bigbath_command("run", tmp_path / "job.toml", "-o", output)
    process = subprocess.Popen(command, env=one_thread(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (found := list(parts.glob(f"*{ENDING}"))) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert found and not output.exists()
    reached = Checkpoint(path=found[0]).load()["bounds"].size
    assert 0 < reached < 800
    job, labels = load_job(tmp_path / "job.toml"), set()
    with pytest.raises(FileError, match="unfinished run of another job"):
        run(parse_job({"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole"}}), output)
    assert run(job, output, report=lambda label, *n: labels.add(label.rpartition("evolution")[2])) == "done"
    assert f", {800 - reached} of {800 - reached} times" in labels  # and no others
    assert not parts.exists()
    ds = open_result(output).realizations[0]
    h = build(draw(job.model))
    (sector,) = sectors(h, only={"magnetisation": 0})
    propagator, start = Propagator.of(h, sector), configuration(sector, "neel")
    up = 1 - 2.0 * (sector.space.states()[:, None] >> np.arange(11, -1, -1) & 1)
    for k in (1, reached, 799):
        ((_, psi),) = propagator.evolve(start, ds.t.values[k : k + 1])
        assert np.abs(np.abs(psi) ** 2 @ up - ds.sigma_z_t.values[k]).max() < 1e-9
    assert np.all(np.diff(ds.state_error) >= -1e-15) and ds.state_error[-1] < 1e-9


class Interrupted(Exception):
    """What ends an evolution."""


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans(), st.booleans(), st.booleans())
def test_wherever_it_is_interrupted(tmp_path_factory, seed, when, is_real, backwards, equidistant):
    """The same states within the sum of the bounds, real and complex, in both directions, for any times."""
    stream = np.random.default_rng(seed)
    h = build(draw(Imbrie(L=4), seed=seed))
    propagator, sector = Propagator.of(h), everything(h.dim)
    start = configuration(sector, "udud" + "u") if is_real else random_state(sector, stream)
    times = np.linspace(0, 20, 40) if equidistant else np.sort(stream.uniform(0, 30, 40))
    times = -times if backwards else times
    calm = observed(propagator, start, times, {"psi": np.copy})
    path = tmp_path_factory.mktemp("kept") / f"one{ENDING}"
    looks = 0

    def look(psi):
        nonlocal looks
        looks += 1
        if looks == when:
            raise Interrupted
        return np.copy(psi)

    with pytest.raises(Interrupted):
        observed(propagator, start, times, {"psi": look}, checkpoint=_eager(path))
    assert path.exists() == (when > 1)
    again = observed(propagator, start, times, {"psi": look}, checkpoint=_eager(path))
    assert looks == 40 + 1
    off = np.linalg.norm(again.values["psi"] - calm.values["psi"], axis=1)
    assert np.all(off <= again.bounds + calm.bounds)
    assert np.array_equal(again.bounds[: when - 1], calm.bounds[: when - 1])
    assert np.all(again.bounds[when - 1 :] >= (calm.bounds[when - 2] if when > 1 else 0))
    other = observed(propagator, start[::-1], times, {"psi": np.copy}, checkpoint=_eager(path))
    assert np.linalg.norm(other.values["psi"][0] - calm.values["psi"][0]) > 0.1  # another evolution begins anew


def _eager(path):
    """A checkpoint that is written at every occasion."""
    checkpoint = Checkpoint(path=path)
    checkpoint.offer = lambda arrays: np.savez(path, **arrays())
    return checkpoint


def test_random_vectors_that_are_done_are_kept(tmp_path):
    composite = draw(Imbrie(L=4))
    h, system, initial = build(composite), system_states(composite), EnergyFilter(centre=0.0, width=2.0)
    for number, function in enumerate(
        (
            lambda **more: autocorrelation(h, "z", (0,), [0.0, 1.0], **more),
            lambda **more: joint_probability(h, system, initial, [0.0, 1.0], **more),
        )
    ):
        path = tmp_path / f"{number}{ENDING}"
        calm, reports = function(vectors=3), []
        function(vectors=2, checkpoint=_eager(path))
        again = function(vectors=3, checkpoint=_eager(path), report=lambda *one, all=reports: all.append(one))
        assert np.array_equal(calm.samples, again.samples)
        assert min(done for _, done, _ in reports[:-1]) >= 2 * 2


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path):
    path = tmp_path / f"one{ENDING}"
    checkpoint = Checkpoint(path=path)
    assert checkpoint.load() == {}
    checkpoint.offer(lambda: {"a": np.arange(3)})
    assert not path.exists()  # not before its time
    _eager(path).offer(lambda: {"a": np.arange(3)})
    assert list(checkpoint.load()) == ["a"]
    content = path.read_bytes()
    for broken in (b"", content[:50], content[: len(content) // 2], b"no archive"):
        path.write_bytes(broken)
        assert checkpoint.load() == {}
    assert Checkpoint().load() == {}


def test_progress_within_one_evolution():
    """One far time, and many near ones: shares of the time between 0 and 1, up to 1, with the number of times seen."""
    h = build(draw(Imbrie(L=6)))
    propagator, start = Propagator.of(h), configuration(everything(h.dim), "udududu")
    for times in (np.array([200.0]), np.linspace(0, 10, 30)):
        reports = []
        observed(propagator, start, times, {"psi": np.copy}, report=lambda *one, all=reports: all.append(one))
        assert all(0 <= done <= total == 1 for _, done, total in reports)
        assert reports[-1] == (f"evolution, {times.size} of {times.size} times", 1.0, 1.0)
        assert times.size > 1 or len({done for _, done, _ in reports}) > 3  # also before the first time
