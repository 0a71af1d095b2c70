"""Initial states: configurations, products of spins, random states, thermal states."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ive

from bigbath.dynamics.functions import series
from bigbath.dynamics.propagate import Propagator
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.spaces import Sector, charge_names, contraction, everything, label, sectors


def configuration(sector: Sector, spins: str) -> np.ndarray:
    """The basis state of a string of spins, "udud...", "u" up and "d" down, from site 0 on: (d,) float64.

    "neel" is udud... In a sector of symmetries: the state's part there, normalised. JobError for a state outside.

    >>> import bigbath as bb
    >>> (part,) = bb.sectors(bb.build(bb.draw(bb.XXZ(L=6, W=1.0))), only={"magnetisation": 0})
    >>> int(bb.configuration(part, "neel").sum())
    1
    """
    sites = sector.whole.bit_length() - 1
    if sector.whole != 2**sites:
        raise JobError(f"a configuration needs a model of spins, this one has {sector.whole} states")
    spins = _spins(spins, sites)
    number = int(spins.replace("u", "0").replace("d", "1"), 2)
    index = int(sector.space.index(np.array([number]))[0])
    if index < 0:
        raise JobError(f"the configuration {spins!r} is not in the sector {sector}")
    vector = np.zeros(sector.space.dim)
    vector[index] = 1.0
    return _normalised(sector.reduce(vector), f"the configuration {spins!r}", sector)


def charge_sector(h: Hamiltonian, spins: str) -> Sector:
    """The smallest sector of charges that holds a configuration, as ``configuration`` reads it; everything without charges.

    >>> import bigbath as bb
    >>> bb.charge_sector(bb.build(bb.draw(bb.XXZ(L=6))), "neel").dim
    20
    """
    names = charge_names(h)
    if not names or not h.sites:
        return everything(h.dim)
    signs = np.array([1 if spin == "u" else -1 for spin in _spins(spins, h.sites)])
    values = {label(charge): int(np.dot(charge.weights, signs)) for charge in h.charges}
    return sectors(h, use=names, only=values)[0]


def joint_state(sector: Sector, dims: tuple[int, int], phi: np.ndarray, bath: Sector, vector: np.ndarray) -> np.ndarray:
    """phi_S x v_B (d,) of a system state ``phi`` (D_S,) and a ``vector`` of a sector of the bath. JobError if it leaves the sector."""
    product = contraction(phi, bath, sector, dims).conj().T @ vector
    if abs(float(np.linalg.norm(product)) - 1) > 1e-9:
        raise JobError(f"a product of system and bath states is not within the sector {sector}: remove spectrum.sector")
    return product


def _spins(spins: str, sites: int) -> str:
    """One letter a site."""
    spins = "".join("ud"[j % 2] for j in range(sites)) if spins == "neel" else spins
    if len(spins) != sites or set(spins) - set("ud"):
        raise JobError(f'{spins!r} is no configuration of {sites} spins: write one "u" or "d" for each, or "neel"')
    return spins


def product_state(sector: Sector, spins: Sequence[np.ndarray]) -> np.ndarray:
    """The product of single-spin states (2,), one a site: (d,), its part in the sector, normalised.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> x = np.array([1.0, 1.0]) / np.sqrt(2)
    >>> bb.product_state(bb.everything(8), [x, x, x]).round(3)[:2]
    array([0.354, 0.354])
    """
    result = np.ones(1)
    for spin in spins:
        result = np.kron(result, np.asarray(spin))
    return _normalised(sector.project(result), "the product state", sector)


def random_state(sector: Sector, stream: np.random.Generator) -> np.ndarray:
    """A typical state (d,) complex128: independent normal components, normalised.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> psi = bb.random_state(bb.everything(8), np.random.default_rng(1))
    >>> float(np.linalg.norm(psi).round(12))
    1.0
    """
    vector = stream.standard_normal(sector.dim) + 1j * stream.standard_normal(sector.dim)
    return vector / np.linalg.norm(vector)


def thermal_state(propagator: Propagator, beta: float, stream: np.random.Generator) -> np.ndarray:
    """exp(-beta H/2)|r> (d,), normalised, for a random real vector |r>: thermal expectation values but for its scatter.

    exp(-x cos) = I_0(x) + 2 sum_n (-1)^n I_n(x) T_n, x = beta a/2.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> propagator = bb.Propagator.of(bb.build(bb.draw(bb.Imbrie(L=4))))
    >>> bb.thermal_state(propagator, 0.5, np.random.default_rng(1)).shape
    (32,)
    """
    x = beta * propagator.scale.halfwidth / 2
    order = int(np.ceil(8 * np.sqrt(abs(x)) + 0.5 * abs(x) + 40))
    n = np.arange(order)
    weights = ive(n, x) * np.where(n > 0, 2.0, 1.0) * (-1.0) ** n
    vector = series(propagator, weights, stream.standard_normal(propagator.operator.dim))
    return vector / np.linalg.norm(vector)


def _normalised(vector: np.ndarray, what: str, sector: Sector) -> np.ndarray:
    norm = float(np.linalg.norm(vector))
    if norm < 1e-12:
        raise JobError(f"{what} has no part in the sector {sector}")
    return vector / norm
