import numpy as np
import pytest
from conftest import diagonalised

from bigbath.broadening.density_of_states import FromLevels
from bigbath.broadening.eth import eth_function
from bigbath.broadening.interaction import channel_sums, fit_square_wave, interaction, shell_strength
from bigbath.broadening.shells import shells_of
from bigbath.errors import ImpossibleRequest
from bigbath.models import Custom, Imbrie
from bigbath.operators import build
from bigbath.solvers import Levels, solve

TWO_CHANNELS = Custom(
    system_sites=1,
    L=6,
    system=(("z", ((0.7, 0),)),),
    bath=(
        ("zz", ((1.0, 1, 2), (0.8, 2, 3), (1.1, 3, 4), (0.9, 4, 5))),
        ("x", tuple((1.0 + 0.1 * j, j) for j in range(1, 6))),
        ("z", ((0.3, 2),)),
    ),
    interaction=(("xz", ((0.4, 0, 1),)), ("zx", ((0.3, 0, 3),)), ("yy", ((0.2, 0, 5),))),
)


@pytest.mark.parametrize("model", ["ring", "two channels"])
def test_elements_against_dense_algebra(ring, model):
    exact = ring if model == "ring" else diagonalised(TWO_CHANNELS)
    dense = exact.dense_interaction()
    chosen = np.array([0, 3, 17])
    assert np.allclose(exact.v.elements(chosen), dense[chosen], atol=1e-12)
    assert exact.v.rank == (1 if model == "ring" else 3)
    weights = np.abs(dense) ** 2
    assert np.allclose(exact.strength.diagonal, np.einsum("mimi->mi", dense).real, atol=1e-12)
    values = np.random.default_rng(0).standard_normal((*exact.bare.shape, 3))
    expected = np.einsum("minj,njx->mix", weights, values)
    assert np.allclose(exact.strength.sums(values, own=True), expected, atol=1e-10)
    own = np.einsum("mimi->mi", weights)[..., None] * values
    assert np.allclose(exact.strength.sums(values), expected - own, atol=1e-10)


def test_channel_sums_are_expectations_of_the_squared_operator(ring):
    sums = channel_sums(ring.strength)
    assert np.allclose(sums, np.einsum("minj->mij", np.abs(ring.dense_interaction()) ** 2), rtol=1e-10)
    g, h = 1.05, 0.1
    mean = sums.mean(axis=0)  # <(sigma_1 + sigma_last)^2> has mean 2 over the bath
    assert np.allclose(mean[0, 1], 2 * g**2 / (g**2 + h**2))
    assert np.allclose(mean[0, 0], 2 * h**2 / (g**2 + h**2))


def test_shell_strengths_add_up_to_the_channel_sums(ring):
    shells = shells_of(ring.bath, 1.0)
    assert np.allclose(
        shell_strength(ring.strength, ring.bath.energies, shells).sum(axis=-1), channel_sums(ring.strength)
    )


def test_square_wave_recovers_its_own_parameters():
    x = np.linspace(-15, 15, 31)
    y = 0.13 * (np.tanh(1.9 * (x + 3)) + np.tanh(1.9 * (4.2 - x)))
    fit = fit_square_wave(x, y)
    assert np.allclose([fit.amplitude, fit.slope, fit.lower, fit.upper], [0.13, 1.9, 3.0, 4.2], atol=1e-6)
    assert np.allclose(fit(x), y)


def test_eth_function_sums_back_to_the_strength(ring):
    energies = ring.bath.energies
    edges = np.linspace(energies[0] - 0.1, energies[-1] + 0.1, 8)
    reach = energies[-1] - energies[0] + 0.1
    density = FromLevels(levels=energies, width=0.5)
    eth = eth_function(ring.v, 0, 1, density, energy_edges=edges, delta_edges=np.linspace(-reach, reach, 12))
    assert eth.count.sum() == energies.size * (energies.size - 1)
    scale = np.exp(density.entropy((edges[1:] + edges[:-1]) / 2))[:, None]
    off_diagonal = np.nansum(np.where(eth.count > 0, eth.f2 * eth.count / scale, 0.0))
    dense = np.abs(ring.dense_interaction()[:, 0, :, 1]) ** 2
    assert np.isclose(off_diagonal, dense.sum() - np.trace(dense), rtol=1e-10)
    assert np.nanmax(np.abs(eth.f2 - eth.f2[:, ::-1]) / np.nanmax(eth.f2)) < 1e-10  # |O_mn| = |O_nm|


def test_disordered_bath_has_one_product_too():
    exact = diagonalised(Imbrie(L=6))
    assert exact.v.rank == 1
    assert np.allclose(channel_sums(exact.strength)[:, 0, 1], 0.4**2)


def test_interaction_refuses_part_of_a_bath(ring):
    part = solve(build(ring.composite, "B"), Levels(energies=(0.5,)))
    with pytest.raises(ImpossibleRequest, match="all 256 bath states"):
        interaction(build(ring.composite, "V"), part, ring.system)
