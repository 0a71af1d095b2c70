"""One rank of an MPI run, started by test_mpi.py: the filter over all ranks against LAPACK on each, its columns. Prints "OK <rank>"."""

import sys

import numpy as np
from mpi4py import MPI

from bigbath import Dense, Density, Filter, Interval, Nearest, Ring, build, distribution, draw, solve, system_states
from bigbath.measure.entanglement import entropies_between
from bigbath.measure.vectors import each_state
from bigbath.models import TFIM, XXZ, Imbrie
from bigbath.solvers.filter_part import FilterPart
from bigbath.solvers.subspace import orthonormalise
from bigbath.spaces import system_and_bath


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


def check_magnetisation(model, only, comm):
    """Rows of a magnetisation are shared out over any number of ranks; entanglement is that of the states of one process."""
    composite = draw(model, seed=5, realization=0)
    h, window = build(composite), Density(epsilon=0.45, k=15)
    shared = solve(h, window, engine=Filter(), sector=only, comm=comm)
    alone = solve(h, window, engine=Dense(), sector=only)
    assert np.abs(shared.energies - alone.energies).max() < 1e-11
    assert np.abs(np.subtract(shared.extremes, alone.extremes)).max() < 1e-11
    assert shared.evidence.complete == "yes", shared.evidence.reason
    for block, whole in zip(shared.blocks, alone.blocks, strict=True):
        rows = comm.allgather(block.rows)
        assert [first for first, _ in rows] == [0, *(last for _, last in rows[:-1])]
        vectors = np.vstack(comm.allgather(block.vectors))
        assert vectors.shape[0] == rows[-1][1] == block.sector.dim
        overlaps = np.abs(np.sum(vectors.conj() * whole.vectors, axis=0))
        assert np.abs(overlaps - 1).max() < 1e-9

    def prepare(space):
        return entropies_between(system_and_bath(space, composite.dims[1]))

    np.testing.assert_allclose(each_state(shared, prepare), each_state(alone, prepare), atol=1e-9)


def check_crowded_levels(comm):
    """Levels of a localised spectrum, some of which are filtered again: those of LAPACK, on every rank."""
    refilter, used, only, window = FilterPart.refilter, [], {"magnetisation": 0}, Nearest(target=0.0, k=60)

    def watched(*choices):
        used.append(refilter(*choices))
        return used[-1]

    FilterPart.refilter = watched
    for realization in range(4):
        h = build(draw(XXZ(L=12, W=8.0), seed=9, realization=realization))
        shared = solve(h, window, engine=Filter(), sector=only, comm=comm)
        assert shared.evidence.complete == "yes", shared.evidence.reason
        assert np.abs(shared.energies - solve(h, window, engine=Dense(), sector=only).energies).max() < 1e-10
    FilterPart.refilter = refilter
    assert any(first is not None for first in used)
    assert all(used == other for other in comm.allgather(used))


def check_energies_only(window, comm):
    """Slices of a window, whose bases are shared out: the energies of LAPACK, and the same on every rank."""
    h, only = build(draw(XXZ(L=12, W=1.0), seed=4)), {"magnetisation": 0}
    memory = 100 * 1000 * 8 / 2**30  # of each rank, for some 100 vectors of 924 states, or 200 of a half of them
    shared = solve(h, window, engine=Filter(memory=memory / comm.size), sector=only, vectors=False, comm=comm)
    alone = solve(h, window, engine=Dense(), sector=only, vectors=False)
    assert "slices" in shared.evidence.engine
    assert shared.evidence.complete == "yes", shared.evidence.reason
    assert shared.evidence.counted == shared.evidence.found == len(alone)
    assert np.abs(shared.energies - alone.energies).max() < 1e-11
    assert all(np.array_equal(shared.energies, other) for other in comm.allgather(shared.energies))


def check_columns(seed, comm):
    """Columns of lengths over up to 18 decades, rows shared out unevenly: V^H V = 1 over all ranks, V R gives the columns back."""
    stream = np.random.default_rng(seed)  # the same on all ranks
    d, m, decades, is_complex = (
        int(stream.integers(300, 3000)),
        int(stream.integers(1, 280)),
        stream.uniform(0, 18),
        seed % 2,
    )
    left, right = (stream.normal(size=(n, m)) + 1j * is_complex * stream.normal(size=(n, m)) for n in (d, m))
    graded = np.linalg.qr(left)[0] * 10.0 ** -np.linspace(0, decades, m) @ np.linalg.qr(right)[0]
    columns = graded if is_complex else graded.real
    cuts = [0, *sorted(stream.integers(0, d, comm.size - 1)), d]
    own = columns[cuts[comm.rank] : cuts[comm.rank + 1]]
    basis, first = own.copy(order="F"), int(stream.integers(0, m))
    parts = [orthonormalise(basis[:, :first], 0, comm)[0], orthonormalise(basis, first, comm)[0]]
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(parts, comm.bcast(parts), strict=True))
    gram = comm.allreduce(basis.conj().T @ basis)
    kept = gram.diagonal().real > 0.5
    assert np.abs(gram - np.diag(kept)).max() < 1e-13
    assert kept.all() or decades > 13
    back = np.hstack([basis[:, :first] @ parts[0], basis @ parts[1]])
    assert np.abs(back - own).max(initial=0) < 1e-14


def main():
    comm = MPI.COMM_WORLD
    assert comm.size == int(sys.argv[1]), f"{comm.size} ranks instead of {sys.argv[1]}"
    for seed in range(12):
        check_columns(seed, comm)
    check_crowded_levels(comm)
    check(Imbrie(L=9), Nearest(target=0.1, k=10), comm)
    check_magnetisation(XXZ(L=12, W=1.0), {"magnetisation": 0}, comm)
    check_magnetisation(XXZ(L=12, W=1.0, phi=0.7), {"magnetisation": 2}, comm)
    if comm.size == 2:
        check_magnetisation(XXZ(L=11, W=1.0, J2=0.4), None, comm)
        check_energies_only(Density(epsilon=0.45, k=60), comm)
        check(TFIM(L=9), Density(epsilon=0.4, k=10), comm)  # in a rotated basis
        check(Ring(N=10), Interval(lower=-0.2, upper=0.3), comm, symmetries=None)  # sectors
    comm.Barrier()
    print(f"OK {comm.rank}", flush=True)


if __name__ == "__main__":
    main()
