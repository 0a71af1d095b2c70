"""Matrices of strings inside a charge sector: as kron products restricted to its configurations, and as QuSpin has them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from quspin.basis import spin_basis_general
from quspin.operators import hamiltonian
from support import dense, explicit

from bigbath.conserved.charges import Charge
from bigbath.operators.within import matrix_within
from bigbath.spaces import FixedCharges
from bigbath.spaces.charges import dimensions


def conserving(stream, sites, charge, *, is_complex):
    """Hops between sites of equal weight, with phases and strings of sigma^z beside them; and strings of sigma^z."""
    terms = []
    for _ in range(stream.integers(1, 8)):
        order = stream.permutation(sites)
        beside = stream.integers(0, sites - 1)
        J, K = stream.normal(size=2) * 10.0 ** stream.integers(-3, 3)
        z, where = "z" * beside, order[2 : 2 + beside].tolist()
        z = z[: len(where)]
        i, j = int(order[0]), int(order[1])
        if charge.weights[i] == charge.weights[j]:
            terms += [("xx" + z, ((J, i, j, *where),)), ("yy" + z, ((J, i, j, *where),))]
            if is_complex:
                terms += [("xy" + z, ((K, i, j, *where),)), ("yx" + z, ((-K, i, j, *where),))]
        if where:
            terms.append((z, ((K, *where),)))
    return tuple(terms)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), sites=st.integers(2, 6), is_complex=st.booleans())
def test_a_sector_is_the_block_of_the_whole_matrix(seed, sites, is_complex):
    stream = np.random.default_rng(seed)
    charge = Charge(tuple(int(w) for w in stream.integers(1, 3, sites)))
    terms = conserving(stream, sites, charge, is_complex=is_complex)
    whole = explicit(terms, sites)
    scale = max(np.abs(whole).max(), 1e-300)
    for values, dim in dimensions((charge,), sites).items():
        space = FixedCharges(sites=sites, charges=(charge,), values=values)
        found, states = matrix_within(space, terms, sites), space.states()
        assert found.shape == (dim, dim)
        assert np.abs(dense(found) - whole[np.ix_(states, states)]).max(initial=0) < 1e-14 * scale


def test_the_random_field_ring_is_quspins():
    L, stream = 10, np.random.default_rng(3)
    hops = [[float(stream.normal()), j, (j + 1) % L] for j in range(L)]
    fields = [[float(h), j] for j, h in enumerate(stream.normal(size=L))]
    static = [["xx", hops], ["yy", hops], ["zz", hops], ["z", fields]]
    basis = spin_basis_general(L, Nup=L // 2, pauli=1)
    theirs = hamiltonian(static, [], basis=basis, dtype=np.float64, check_symm=False, check_herm=False).toarray()
    space = FixedCharges(sites=L, charges=(Charge((1,) * L),), values=(0,))
    assert np.array_equal(2**L - 1 - basis.states, space.states())
    terms = tuple((letters, tuple(tuple(c) for c in couplings)) for letters, couplings in static)
    assert np.abs(dense(matrix_within(space, terms, L)) - theirs).max() < 1e-13
