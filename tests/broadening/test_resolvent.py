import numpy as np
import pytest
from conftest import diagonalised

from bigbath.broadening.resolvent import (
    closed_form,
    from_eigenpairs,
    lanczos,
    self_energy,
    self_energy_parts,
    spectral_density,
)
from bigbath.errors import ImpossibleRequest
from bigbath.models import Ring

STATE = (100, 0)


@pytest.fixture(scope="module")
def one(ring):
    """One product state, dense H in the eigenbasis of H_0, all amplitudes."""
    basis = np.einsum("ai,bm->abmi", ring.system.vectors, ring.bath.vectors()).reshape(512, 512)
    amplitudes = (basis.conj().T @ ring.states.vectors()).reshape(256, 2, 512)
    matrix = basis.conj().T @ ring.h.matrix.toarray() @ basis
    return basis[:, STATE[0] * 2 + STATE[1]], amplitudes, matrix, ring.v.elements(np.array([STATE[0]]))[0, STATE[1]]


TIGHT = {"rtol": 1e-8, "atol": 1e-10}
Z = np.array([-1.0 - 0.3j, 0.4 - 0.05j, 3.0 - 1.0j])


def test_eq_22_against_a_direct_solve(ring, one):
    phi = one[0]
    direct = [phi @ np.linalg.solve(z * np.eye(512) - ring.h.matrix.toarray(), phi) for z in Z]
    assert np.allclose(from_eigenpairs(ring.d.p[STATE], ring.states.energies, Z), direct, **TIGHT)


def test_eq_9_with_the_first_line_of_eq_10(ring, one):
    _, amplitudes, matrix, row = one
    parts = self_energy_parts(amplitudes, ring.states.energies, row, STATE, ring.bare[STATE], Z)
    at = STATE[0] * 2 + STATE[1]
    rest = np.delete(np.arange(512), at)
    couplings = matrix[at, rest]
    projected = [couplings @ np.linalg.solve(z * np.eye(511) - matrix[np.ix_(rest, rest)], couplings) for z in Z]
    assert np.allclose(parts.exact, projected, **TIGHT)
    resolvent = from_eigenpairs(ring.d.p[STATE], ring.states.energies, Z)
    closed = closed_form(Z, ring.bare[STATE], ring.strength.diagonal[STATE], parts.exact[None])[0]
    assert np.allclose(closed, resolvent, **TIGHT)
    whole = np.zeros(512)
    whole[rest] = couplings
    full = [whole @ np.linalg.solve(z * np.eye(512) - matrix, whole) for z in Z]
    assert np.allclose(parts.full, full, **TIGHT)
    # the printed second line is another number: with c = <phi|VΦ R|phi> = G R, full = exact + c^2/R
    assert np.allclose(parts.full, parts.exact + parts.exact**2 * resolvent, **TIGHT)


def test_eq_11_and_12_by_explicit_sums(ring, one):
    _, amplitudes, _, row = one
    parts = self_energy_parts(amplitudes, ring.states.energies, row, STATE, ring.bare[STATE], Z)
    flat = amplitudes.reshape(512, 512)
    v = row.reshape(512).copy()
    v[STATE[0] * 2 + STATE[1]] = 0
    for n, z in enumerate(Z):
        r = (flat / (z - ring.states.energies)) @ flat.T
        products = np.outer(v, v) * r
        assert np.isclose(parts.diagonal[n], np.trace(products), **TIGHT)
        assert np.isclose(parts.cross[n], products.sum() - np.trace(products), **TIGHT)
        same = products.reshape(256, 2, 256, 2)
        assert np.isclose(parts.same_bath[n], np.einsum("mimj->", same) - np.trace(products), **TIGHT)


def test_continued_fraction_is_the_resolvent_and_its_tail_the_self_energy(ring, one):
    phi = one[0]
    full = lanczos(lambda x: ring.h.matrix @ x, phi, 450)
    exact = from_eigenpairs(ring.d.p[STATE], ring.states.energies, Z)
    assert np.allclose(full.resolvent(Z), exact, **TIGHT)
    assert np.isclose(full.alpha[0], ring.bare[STATE] + ring.strength.diagonal[STATE])
    g = self_energy(exact, Z, np.asarray(ring.bare[STATE]), np.asarray(ring.strength.diagonal[STATE]))
    assert np.allclose(full.self_energy(Z), g, **TIGHT)
    short = lanczos(lambda x: ring.h.matrix @ x, phi, 12)
    nodes, weights = short.measure()
    moments = [ring.d.p[STATE] @ ring.states.energies**k for k in range(23)]
    assert np.allclose([weights @ nodes**k for k in range(23)], moments, rtol=1e-9, atol=1e-8)
    with pytest.raises(ImpossibleRequest, match="steps = 0"):
        lanczos(lambda x: x, phi, 0)


def test_eq_24_the_spectral_density_integrates_to_the_shell_probabilities(ring):
    x = np.linspace(-40, 40, 400001)
    gamma = 2e-3
    density = spectral_density(from_eigenpairs(ring.d.p[STATE], ring.states.energies, x[::8] - 1j * gamma))
    assert np.all(density > 0)
    step = x[8] - x[0]
    assert np.isclose(density.sum() * step, 1, atol=2e-3)
    edges = ring.d.shells.edges
    inside = np.array(
        [density[(x[::8] >= a) & (x[::8] < b)].sum() * step for a, b in zip(edges[:-1], edges[1:], strict=True)]
    )
    assert np.abs(inside - ring.d.P[STATE]).max() < 0.01


def test_cross_terms_vanish_with_the_projected_resolvent_only(ring):
    """Eq. 16 errs less and less with N for G of Eq. 9; the cross terms of the printed second line stay (found)."""

    def sizes(exact):
        m = exact.bath.energies.size
        basis = np.einsum("ai,bm->abmi", exact.system.vectors, exact.bath.vectors()).reshape(2 * m, 2 * m)
        amplitudes = (basis.conj().T @ exact.states.vectors()).reshape(m, 2, 2 * m)
        found = []
        for mu in np.linspace(m // 4, 3 * m // 4, 12).astype(int):
            row = exact.v.elements(np.array([mu]))[0, 0]
            z = exact.fit.centre[mu, :1] - 0.5j
            parts = self_energy_parts(amplitudes, exact.states.energies, row, (int(mu), 0), exact.bare[mu, 0], z)
            found.append((abs(parts.neglected[0]), abs(parts.cross[0])))
        return np.mean(found, axis=0)

    small, large = sizes(diagonalised(Ring(N=7))), sizes(ring)
    assert large[0] < 0.8 * small[0]
    assert large[1] > 0.8 * small[1]
    assert large[1] > 2 * large[0]
