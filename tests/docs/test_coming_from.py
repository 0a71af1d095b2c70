"""The guides name what exists, and their dictionaries of conventions are true."""

import re
from pathlib import Path

import numpy as np
import pytest

import bigbath as bb

DOCS = Path(__file__).parents[2] / "docs"
S = {"x": np.array([[0, 1], [1, 0]]) / 2, "y": np.array([[0, -1j], [1j, 0]]) / 2, "z": np.diag([0.5, -0.5])}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_names_of_the_package_exist(page: Path) -> None:
    for name in re.findall(r"\bbb\.(\w+)", page.read_text()):
        assert hasattr(bb, name), name


def matrix_of(**strings: float) -> np.ndarray:
    """A bond of a custom model in spin operators."""
    terms = [[string, [[J, 0, 1]]] for string, J in strings.items()]
    return bb.build(bb.draw(bb.Custom(L=2, terms=terms, pauli=False))).matrix.toarray()


def test_bonds_of_xdiag() -> None:
    J = 0.7
    xx, yy, zz = (np.kron(S[letter], S[letter]) for letter in "xyz")
    up = S["x"] + 1j * S["y"]
    exchange = J / 2 * (np.kron(up, up.conj().T) + np.kron(up.conj().T, up))
    assert np.allclose(matrix_of(xx=J, yy=J, zz=J), J * (xx + yy + zz))
    assert np.allclose(matrix_of(xx=J, yy=J), exchange)
    assert np.allclose(matrix_of(zz=J), J * zz)


def test_symmetries_of_dynamite() -> None:
    """The parity of the number of down spins, and the flip of all spins."""
    declared = [{"name": "parity", "sign": "all"}, {"name": "flip", "flip": "all"}]
    model = bb.Custom(
        L=4, terms=[["xx", [[1.0, j, j + 1] for j in range(3)]], ["zz", [[0.4, 0, 1]]]], symmetries=declared
    )
    h = bb.build(bb.draw(model))
    (even,) = bb.sectors(h, use=["parity"], only={"parity": 1})
    down = np.array([bin(n).count("1") for n in range(16)])
    assert np.allclose(even.project(np.eye(16)).T @ even.project(np.eye(16)), np.diag((down % 2 == 0).astype(float)))
    (flipped,) = bb.sectors(h, use=["flip"], only={"flip": -1})
    assert np.allclose(flipped.lift(np.eye(8)), -flipped.lift(np.eye(8))[::-1])


def test_a_string_of_spins_and_a_magnetisation() -> None:
    h = bb.build(bb.draw(bb.XXZ(L=6, W=1.0)))
    down = 2
    (sector,) = bb.sectors(h, only={"magnetisation": 6 - 2 * down})
    assert sector.dim == 15
    assert np.flatnonzero(sector.lift(bb.configuration(sector, "uudduu")[:, None])).tolist() == [0b001100]
