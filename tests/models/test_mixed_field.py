"""The mixed-field chain: any boundary, any number of system spins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import explicit, matrix_of

import bigbath as bb
from bigbath.errors import JobError


@given(st.integers(3, 7), st.data())
@settings(max_examples=25)
def test_against_kronecker_products(N, data):
    S = data.draw(st.integers(1, N - 1))
    boundary = data.draw(st.sampled_from(["periodic", "open", "antiperiodic"]))
    g, h = data.draw(st.floats(-2, 2)), data.draw(st.floats(-2, 2))
    model = bb.Ring(N=N, g=g, h=h, boundary=boundary, system_sites=S)
    fields = [("x", [(g, j) for j in range(N)]), ("z", [(h, j) for j in range(N)])]
    bonds = [(-1.0, j, j + 1) for j in range(N - 1)]
    bonds += {"periodic": [(-1.0, N - 1, 0)], "open": [], "antiperiodic": [(1.0, N - 1, 0)]}[boundary]
    H = explicit([*fields, ("zz", bonds)], N).real
    V = explicit([("zz", [b for b in bonds if (b[1] < S) != (b[2] < S)])], N).real
    assert np.abs(matrix_of(model) - H).max() < 1e-13
    assert np.abs(matrix_of(model, "V") - V).max() < 1e-13
    below, above = matrix_of(model, "B"), matrix_of(model, "S")
    assert np.abs(np.kron(above, np.eye(2 ** (N - S))) + np.kron(np.eye(2**S), below) + V - H).max() < 1e-13
    energies = bb.solve(bb.build(bb.draw(model)), "whole").energies  # in all of its symmetries
    assert np.abs(energies - np.linalg.eigvalsh(H)).max() < 1e-12
    bath = bb.solve(bb.build(bb.draw(model), "B"), "whole").energies
    assert np.abs(bath - np.linalg.eigvalsh(below)).max() < 1e-12


@pytest.mark.parametrize("boundary", ["periodic", "open", "antiperiodic"])
def test_distributions_of_two_system_spins(boundary):
    """p_n of every product state, level by level, against LAPACK without any symmetry."""
    model = bb.Ring(N=7, boundary=boundary, system_sites=2)
    job = bb.Job(
        model=model, spectrum={"window": "whole"}, bath={"window": "whole"}, measure={"distribution": {"keep": True}}
    )
    found = bb.run(job).dataset.squeeze()
    E, psi = np.linalg.eigh(matrix_of(model))
    e, phi = np.linalg.eigh(matrix_of(model, "B"))
    _, chi = np.linalg.eigh(matrix_of(model, "S"))
    assert np.abs(found.bath_energy - e).max() < 1e-11
    single = np.flatnonzero((np.diff(e, prepend=-np.inf) > 1e-6) & (np.diff(e, append=np.inf) > 1e-6))
    levels = np.cumsum(np.diff(E, prepend=E[0]) > 1e-8)
    for mu in single[::5]:
        for i in range(4):
            p = np.abs(psi.T @ np.kron(chi[:, i], phi[:, mu])) ** 2
            ours = found.p.isel(branch=i, bath_state=mu).values
            assert np.abs(np.bincount(levels, ours) - np.bincount(levels, p)).max() < 1e-9


def test_too_many_system_spins():
    with pytest.raises(JobError, match="system_sites = 5 leaves no bath"):
        bb.Ring(N=5, system_sites=5)
