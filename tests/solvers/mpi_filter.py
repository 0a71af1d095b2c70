"""One rank of an MPI run, started by test_mpi.py: the filter over all ranks against LAPACK on each. Prints "OK <rank>"."""

import sys

import numpy as np
from mpi4py import MPI

from bigbath import Dense, Density, Filter, Interval, Nearest, Ring, build, distribution, draw, solve, system_states
from bigbath.models import TFIM, Imbrie


def check(model, window, comm, shared_out=True, symmetries=()):
    """Energies, evidence and p_n of the communicator equal those of one process."""
    composite = draw(model, seed=3, realization=1)
    h, bath_h, system = build(composite), build(composite, "B"), system_states(composite)
    bath = solve(bath_h, Nearest(target=0.2, k=5), engine=Dense())
    shared = solve(h, window, engine=Filter(), comm=comm, symmetries=symmetries)
    assert (len(shared.blocks) == 1) == ("matrix" not in vars(h))  # only sectors need it
    alone = solve(h, window, engine=Dense(), symmetries=symmetries)
    share = [b.rows[1] - b.rows[0] for b in shared.blocks]
    assert all(b.vectors.shape[0] == n < b.sector.dim for b, n in zip(shared.blocks, share, strict=True))
    assert np.abs(shared.energies - alone.energies).max() < 1e-9
    assert np.abs(np.subtract(shared.extremes, np.linalg.eigvalsh(h.matrix.toarray())[[0, -1]])).max() < 1e-11
    e = shared.evidence
    assert e.complete == "yes", e.reason
    assert e.residual <= 1e-10 * e.norm
    assert e.orthogonality <= 1e-9
    p, q = (distribution(states, bath, system, width=0.1, keep=True) for states in (shared, alone))
    assert np.abs(p.p - q.p).max() < 1e-9


def main():
    comm = MPI.COMM_WORLD
    assert comm.size == int(sys.argv[1]), f"{comm.size} ranks instead of {sys.argv[1]}"
    check(Imbrie(L=9), Nearest(target=0.1, k=10), comm)
    if comm.size == 2:
        check(TFIM(L=9), Density(epsilon=0.4, k=10), comm)  # in a rotated basis
        check(Ring(N=10), Interval(lower=-0.2, upper=0.3), comm, symmetries=None)  # sectors
    comm.Barrier()
    print(f"OK {comm.rank}", flush=True)


if __name__ == "__main__":
    main()
