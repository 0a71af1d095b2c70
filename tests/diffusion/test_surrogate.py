"""Surrogate couplings: what they keep, what they destroy, and that they tell loops from other causes."""

import numpy as np
import pytest
from conftest import MODELS, Solved, solved
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.diffusion import interaction_elements
from bigbath.diffusion.ladder import ladder_of
from bigbath.diffusion.surrogate import COUPLINGS, composite_of, coupled, gaussian, with_random_signs
from bigbath.models import disorder_stream
from bigbath.operators import build, to_dense
from bigbath.studies.loops import found_of


def random_elements(levels: int, N: int, seed: int, *, real: bool) -> np.ndarray:
    """Hermitian V (D_S, N, D_S, N) with elements of very different size."""
    stream = np.random.default_rng(seed)
    x = stream.standard_t(2, (levels * N, levels * N)) + (
        0 if real else 1j * stream.standard_t(2, (levels * N, levels * N))
    )
    return ((x + x.conj().T) / 2).reshape(levels, N, levels, N) * 0.1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3), st.booleans())
def test_random_signs_change_no_theory(seed: int, levels: int, real: bool) -> None:
    """The same |V|, V_jj and Hermiticity; the ladder is the same; the closed path of three bonds is not."""
    N = 8
    V = random_elements(levels, N, seed, real=real)
    W = with_random_signs(V, np.random.default_rng(seed))
    np.testing.assert_array_equal(abs(W), abs(V))
    np.testing.assert_array_equal(np.einsum("ajbj->ajb", W), np.einsum("ajbj->ajb", V))
    flat = W.reshape(levels * N, -1)
    np.testing.assert_array_equal(flat, flat.conj().T)
    ratio = np.einsum("ajbk,ajbk->jk", W, V.conj()) / np.einsum("ajbk,ajbk->jk", V, V.conj())
    np.testing.assert_allclose(abs(ratio), 1, rtol=1e-12)  # one sign for all elements of a pair of bath states
    stream = np.random.default_rng(seed + 1)
    system, bath = np.sort(stream.standard_normal(levels)), np.sort(stream.standard_normal(N))
    one, other = (ladder_of(system, bath, v, [0.1], [1.0]).D for v in (V, W))
    np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-11)


def test_loops_vanish_in_the_mean_of_all_signs() -> None:
    V = random_elements(2, 5, 3, real=False)

    def triangle(v: np.ndarray) -> complex:
        return complex(np.trace(v[:, 0, :, 1] @ v[:, 1, :, 3] @ v[:, 3, :, 0]))

    draws = np.array([triangle(with_random_signs(V, np.random.default_rng(n))) for n in range(400)])
    assert abs(draws.mean()) < 5 * abs(triangle(V)) / np.sqrt(400)
    np.testing.assert_allclose(abs(draws), abs(triangle(V)), rtol=1e-12)


def test_gaussian_blocks_have_the_covariance_of_their_neighbours() -> None:
    V, reach, draws = random_elements(2, 7, 5, real=False), 1, 4000
    found = np.array([gaussian(V, np.random.default_rng(n), reach) for n in range(draws)])
    flat = found.reshape(draws, 14, 14)
    np.testing.assert_array_equal(flat, flat.conj().swapaxes(1, 2))
    np.testing.assert_array_equal(np.einsum("najbj->najb", found)[0], np.einsum("ajbj->ajb", V))
    for j, k in ((0, 3), (2, 4), (5, 6)):
        pairs = [(a, b) for a in (j - 1, j, j + 1) for b in (k - 1, k, k + 1) if a != b and 0 <= a < 7 and 0 <= b < 7]
        expected = np.mean([np.outer(V[:, a, :, b], V[:, a, :, b].conj()) for a, b in pairs], axis=0)
        blocks = found[:, :, j, :, k].reshape(draws, 4)
        covariance = blocks.T @ blocks.conj() / draws
        scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)).real)
        assert (abs(covariance - expected) < 6 * scale / np.sqrt(draws)).all()
    # products stay products
    S, O = np.array([[0.3, 1.0], [1.0, -0.5]]), V[0, :, 0, :].real  # noqa: E741
    product = gaussian(np.einsum("ab,jk->ajbk", S, O + O.T), np.random.default_rng(1))
    np.testing.assert_allclose(product[0, :, 0, :] * S[0, 1], product[0, :, 1, :] * S[0, 0], atol=1e-14)


@pytest.mark.parametrize("name", [*MODELS, "complex"])
def test_a_composite_of_elements_is_the_model_in_its_eigenbasis(name: str, small: Solved) -> None:
    s = small
    V = interaction_elements(s.composite, s.bath, s.system)
    again = composite_of(s.system.energies, s.bath.energies, coupled("as it is", V, np.random.default_rng(0)))
    np.testing.assert_allclose(np.linalg.eigvalsh(to_dense(build(again).matrix)), s.states.energies, atol=1e-11)


def test_a_failure_made_by_loops_goes_with_them() -> None:
    """Equal positive elements: nothing but loops, the ladder is far off. With random signs, of which it says the same, it is right."""
    N = 100
    stream = disorder_stream(1, 0)
    V = np.einsum("ab,jk->ajbk", np.array([[0.0, 1.0], [1.0, 0.0]]), np.full((N, N), 0.5 / np.sqrt(N)))
    s = solved(composite_of(np.array([-0.4, 0.4]), np.sort(stream.standard_normal(N)), V))
    one = found_of(s.system, s.bath.energies, V, [0.5])
    off = {}
    for coupling in COUPLINGS:
        found = found_of(s.system, s.bath.energies, coupled(coupling, V, stream), [0.5], one)
        off[coupling] = abs(found.ladder / found.exact - 1)[[0, 0], [0, 0], [0, 1], [0, 1], 0].max()
    assert off["as it is"] > 0.5
    assert off["random signs"] < 0.06 and off["Gaussian"] < 0.06
