"""Rank 0 hands out tasks from a thread: factorisations and diagonalisations must let it run."""

import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from support import hamiltonian_of

from bigbath.kernels.lapack import eigh
from bigbath.models import Imbrie
from bigbath.solvers import petsc


@contextmanager
def counting():
    """A thread that counts, and gets its turns from nobody who does not give up the interpreter lock himself."""
    count, done, interval = [0], threading.Event(), sys.getswitchinterval()

    def work():
        while not done.is_set():
            count[0] += 1
            time.sleep(1e-4)

    thread = threading.Thread(target=work)
    thread.start()
    sys.setswitchinterval(1000.0)
    time.sleep(0.1)  # the thread's next wait is one of the long ones
    try:
        yield count
    finally:
        sys.setswitchinterval(interval)
        done.set()
        thread.join()


def runs_beside(call):
    """Whether the thread goes on while ``call`` is at work, beyond single turns; on a crowded machine, in one of many calls."""
    call()  # compiled, loaded
    with counting() as count:
        for _ in range(20):
            before = count[0]
            call()
            if count[0] > before + 20:
                return True
    return False


def test_lapack_lets_threads_run():
    matrix = np.asfortranarray(np.diag(np.arange(700.0)) + 1)
    assert runs_beside(lambda: eigh(matrix))


@pytest.mark.petsc
@pytest.mark.parametrize("factor", ["mumps", "blocks"])
def test_factorisations_and_slepc_let_threads_run(factor):
    matrix, _ = petsc.distribute(hamiltonian_of(Imbrie(L=10)).matrix, None, factor)
    assert runs_beside(lambda: petsc.KrylovSchur(matrix).run(0.1, 10, 1e-10))
    inertia = petsc.Inertia(matrix)
    assert runs_beside(lambda: inertia.below(0.1))


def test_the_count_sees_a_lock_that_is_kept():
    assert not runs_beside(lambda: sum(range(10_000)))


@pytest.mark.petsc
def test_an_error_of_the_progress_report_comes_out_as_it_is():
    matrix = petsc.DistributedMatrix.build(petsc.tiny_chain(), None)

    def report(*_):
        raise KeyboardInterrupt("stop here")

    with pytest.raises(KeyboardInterrupt, match="stop here"):
        petsc.KrylovSchur(matrix).run(4.4, 2, 1e-10, report=report)
