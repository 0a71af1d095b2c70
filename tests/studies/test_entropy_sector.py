"""One spin of the XXZ ring at fixed magnetisation: the study's numbers beside dense matrices of the whole space."""

import numpy as np
import pytest
from scipy.special import entr
from scipy.stats import norm
from support import explicit

from bigbath.errors import JobError
from bigbath.models import XXZ, draw
from bigbath.studies import entropy_sector

L, NEAR, BATH_SIGMA = 8, 0.2, 0.05


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy_sector, "SAMPLE", 2**10)
        patch.setattr(entropy_sector, "FILTERED", 99)
        rows, figure = entropy_sector.sector(directory, sizes=(L,))
    return {(row.name, row.spin): row for row in rows}, figure, entropy_sector.page(rows)


def brute_force(spin):
    """p_n (m, n) of the product states with the spin up or down whose bath level is near 0, those levels and the sector's."""
    composite = draw(XXZ(L=L, W=0.5))
    whole = explicit(composite.system + composite.bath + composite.interaction, L).real
    states, bath = np.arange(2**L), np.arange(2 ** (L - 1))
    inside = np.bitwise_count(states) == L // 2
    E, psi = np.linalg.eigh(whole[np.ix_(inside, inside)])
    with_it = np.bitwise_count(bath) == L // 2 - (spin == "down")  # spins down of the bath
    H_B = explicit(composite.bath, L).real[: 2 ** (L - 1), : 2 ** (L - 1)]
    levels, vectors = np.linalg.eigh(H_B[np.ix_(with_it, with_it)])
    full = np.zeros((2, 2 ** (L - 1), levels.size))
    full[int(spin == "down"), with_it] = vectors
    near = np.abs(levels) < NEAR
    return (psi.T @ full.reshape(2**L, -1)[inside][:, near]).T ** 2, levels[near], E


@pytest.mark.parametrize("spin", ["up", "down"])
def test_numbers_of_the_eigenstates(study, spin):
    rows, _, _ = study
    p, levels, E = brute_force(spin)
    weight = np.exp(-(levels**2) / (2 * BATH_SIGMA**2))
    weight /= weight.sum()
    assert np.allclose(p.sum(axis=1), 1)
    assert rows["S_vN, single states", spin].value == pytest.approx(weight @ entr(p).sum(axis=1), abs=1e-9)
    edges = E[0] + 0.125 * (np.arange(int((E[-1] - E[0]) / 0.125 + 0.5) + 2) - 0.5)
    shells = -np.diff(norm.cdf((E[:, None] - edges) / 0.025), axis=1)
    count = np.maximum(shells.sum(axis=0), 1e-300)
    P = p @ shells

    def entropy(q):
        return -np.sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1) / count), 0), axis=-1)

    assert rows["S_obs, single states", spin].value == pytest.approx(weight @ entropy(P), abs=1e-6)
    assert rows["S_obs of the average", spin].exact == pytest.approx(entropy(weight @ P), abs=1e-6)


def test_shell_averages_agree_and_are_shown(study):
    rows, figure, text = study
    assert {row.verdict for row in rows.values()} == {"yes", "-"}
    assert sum(row.verdict == "yes" for row in rows.values()) == 6
    assert figure.stat().st_size > 10_000
    assert text.count("[") == 6 and text.splitlines()[0] == "|  | L = 8 |"


def test_from_sixteen_spins_on_the_filter_finds_the_states_in_shells():
    small, large = entropy_sector.job_of(14), entropy_sector.job_of(16)
    assert small.spectrum.shells is None and large.spectrum.shells == entropy_sector.SHELLS


def test_odd_rings_are_refused(tmp_path):
    with pytest.raises(JobError, match="even number"):
        entropy_sector.sector(tmp_path, sizes=(9,))
