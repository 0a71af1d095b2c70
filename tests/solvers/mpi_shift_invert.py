"""One rank of an MPI run, started by test_mpi.py: shift-invert over all ranks against LAPACK on each. Prints "OK <rank>"."""

import sys

import numpy as np
import scipy.sparse as sp
from mpi4py import MPI

from bigbath import (
    Dense,
    Interval,
    Nearest,
    Ring,
    ShiftInvert,
    build,
    distribution,
    draw,
    solve,
    system_states,
)
from bigbath.models import Custom, Imbrie
from bigbath.solvers import petsc
from bigbath.solvers.block_ldl import BlockLDL
from bigbath.solvers.block_pattern import BlockPattern

#: A chain of six spins with fields in all three directions: complex, and without a conserved charge.
COMPLEX = Custom(
    L=6,
    system=(("x", ((0.4, 0),)), ("y", ((0.3, 0),))),
    bath=(("xy", tuple((0.5 + 0.1 * j, j, j + 1) for j in range(1, 5))), ("z", tuple((0.7, j) for j in range(1, 6)))),
    interaction=(("zz", ((0.6, 0, 1),)),),
    disorder=(("x", "bath", 0.1, 0.9),),
)


def check(model, window, comm, factor="auto"):
    """Energies, evidence and p_n of the communicator equal those of one process."""
    composite = draw(model, seed=3, realization=1)
    h, bath_h, system = build(composite), build(composite, "B"), system_states(composite)
    bath = solve(bath_h, Nearest(target=0.2, k=5), engine=Dense())
    shared = solve(h, window, engine=ShiftInvert(factor=factor), comm=comm)
    alone = solve(h, window, engine=Dense())
    assert all(b.rows[1] - b.rows[0] == b.vectors.shape[0] < b.sector.dim for b in shared.blocks), (
        "rows are not shared out"
    )
    assert shared.energies.size == alone.energies.size
    assert np.abs(shared.energies - alone.energies).max() < 1e-9
    e = shared.evidence
    assert e.complete == "yes", e.reason
    assert e.found == e.counted == alone.evidence.found
    assert e.residual <= 1e-10 * e.norm
    assert e.orthogonality <= 1e-9
    p, q = (distribution(states, bath, system, width=0.1, keep=True) for states in (shared, alone))
    assert p.shells.count.size > 2
    assert np.abs(p.p - q.p).max() < 1e-9
    assert np.abs(p.P - q.P).max() < 1e-9
    assert np.abs(p.mean - q.mean).max() < 1e-9


def count(model, x, comm):
    """Levels below x by both factorisations over the communicator, and by LAPACK."""
    h = build(draw(model, seed=3, realization=1))
    below = int((np.linalg.eigvalsh(h.matrix.toarray()) < x).sum())
    for factor in ("mumps", "blocks"):
        assert petsc.Inertia(petsc.distribute(h.matrix, comm, factor)[0]).below(x) == below


def assert_zero_pivots(comm):
    """[[0, C], [C^T, 0]], 200 pivots of which are zero: inertia and a solution, the same on all ranks."""
    c = np.random.default_rng(2).standard_normal((200, 200))
    matrix = sp.csr_array(sp.block_array([[None, sp.csr_array(c)], [sp.csr_array(c.T), None]]))
    ldl = BlockLDL(BlockPattern.of(matrix), matrix, comm)
    ldl.factorise(0.0)
    assert (ldl.negative, ldl.zero) == (200, 0)
    b = np.random.default_rng(3).standard_normal(400)
    y = ldl.solve(b)
    assert np.linalg.norm(matrix @ y - b) <= 1e-9 * np.linalg.norm(b)
    assert all(np.array_equal(y, other) for other in comm.allgather(y))


def main():
    comm = MPI.COMM_WORLD
    assert comm.size == int(sys.argv[1]), f"{comm.size} ranks instead of {sys.argv[1]}"
    if sys.argv[2:] == ["fail"] and comm.rank == comm.size - 1:
        raise RuntimeError("this rank fails on purpose")
    check(Imbrie(L=6), Interval(lower=-1.0, upper=0.5), comm)
    check(Imbrie(L=8), Interval(lower=-0.5, upper=0.5), comm, factor="blocks")
    count(Imbrie(L=5), 0.1, comm)  # one block: only the first rank has a column
    count(Imbrie(L=9), 0.1, comm)
    assert_zero_pivots(comm)
    check(COMPLEX, Nearest(target=0.1, k=6), comm)
    if comm.size == 2:  # three ranks on two cores wait for each other: a minute
        check(Imbrie(L=7), Nearest(target=0.1, k=20), comm)
        check(Ring(N=8), Nearest(target=0.3, k=25), comm)
    comm.Barrier()
    print(f"OK {comm.rank}", flush=True)


if __name__ == "__main__":
    main()
