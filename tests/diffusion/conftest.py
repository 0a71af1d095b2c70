"""Small systems with all their eigenstates."""

from dataclasses import dataclass

import numpy as np
import pytest

from bigbath.broadening import SystemStates
from bigbath.cluster.realize import system_states
from bigbath.models import TFIM, Composite, Custom, Imbrie, Levy, MatrixComposite, Ring, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Dense, Eigenstates, Whole, solve


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    composite: Composite
    system: SystemStates
    states: Eigenstates
    bath: Eigenstates


def solved(composite: Composite, **options: object) -> Solved:
    states, bath = (solve(build(composite, part), Whole(), engine=Dense(), **options) for part in ("H", "B"))
    return Solved(composite=composite, system=system_states(composite), states=states, bath=bath)


def random_composite(levels: int, bath: int, seed: int) -> MatrixComposite:
    """A thermometer of ``levels`` random levels on a random symmetric bath, coupled by two random terms."""
    stream = np.random.default_rng(seed)

    def symmetric(n: int) -> np.ndarray:
        x = stream.standard_normal((n, n))
        return (x + x.T) / np.sqrt(8 * n)

    interaction = tuple((symmetric(levels), 0.5 * symmetric(bath)) for _ in range(2))
    return MatrixComposite(system=symmetric(levels), bath=symmetric(bath), interaction=interaction)


MODELS = {"tfim": TFIM(L=5), "imbrie": Imbrie(L=5), "levy": Levy(L=5), "ring": Ring(N=6)}
#: A thermometer of two spins, four levels, in a disordered chain; its reflection-free Hamiltonian has complex entries.
COMPLEX = Custom(
    L=6,
    system_sites=2,
    system=(("z", ((0.45, 0), (0.8, 1))), ("xy", ((0.3, 0, 1),))),
    bath=(("zz", ((1.0, 2, 3), (0.9, 3, 4), (1.1, 4, 5))), ("x", ((1.0, 2), (1.0, 3), (1.0, 4), (1.0, 5)))),
    interaction=(("yx", ((0.4, 1, 2),)), ("xz", ((0.3, 0, 3),))),
    disorder=(("z", "bath", -1.0, 1.0),),
)


@pytest.fixture(scope="session", params=[*MODELS, "two random levels", "three random levels", "complex"])
def small(request: pytest.FixtureRequest) -> Solved:
    if request.param in MODELS:
        return solved(MODELS[request.param].composite(disorder_stream(7, 0)))
    if request.param == "complex":
        return solved(COMPLEX.composite(disorder_stream(7, 0)))
    return solved(random_composite(2 if "two" in request.param else 3, 24, 11))
