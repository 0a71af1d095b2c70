"""Measurement ``observables``: expectation values and matrix elements of operators in eigenstates."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.conserved.sums import is_hermitian
from bigbath.conserved.words import Words, words
from bigbath.errors import JobError
from bigbath.measure.context import Context, refuse_sites, sites_of
from bigbath.measure.resolution import Resolution
from bigbath.measure.vectors import OfVectors, each_state, elements_between, level_mean, multiplicity
from bigbath.models.composite import Term
from bigbath.operators.between import matrix_between
from bigbath.resources import require_memory
from bigbath.spaces import Space

#: An operator as QuSpin writes it: [["zz", [[J, i, j], ...]], ...].
Strings = Annotated[tuple[tuple[str, tuple[tuple[float | int, ...], ...]], ...], Field(min_length=1)]


@choice
class MeasureObservables:
    """<n|sigma^a_j|n> of every site j for the Pauli matrices in ``pauli``, and <n|O|n> of every operator in ``operators``.

    ``operators``: sums of Pauli strings by name, in QuSpin's notation with the letters I, x, y, z and real couplings, as
    ``{hop = [["xx", [[1.0, 0, 1]]], ["yy", [[1.0, 0, 1]]]]}``. Site 0 is the system's first. ``elements``: also
    |<m|O|n>|^2 of every operator, for all pairs of states. Cost D a state and string; for the elements of k states k^2 D.
    For a degenerate level <n|O|n> is the trace over the level divided by its multiplicity, the same for each of its
    states; elements with one of its states are not defined (NaN).

    >>> import bigbath as bb
    >>> hop = [["xx", [[1.0, 0, 1]]], ["yy", [[1.0, 0, 1]]]]
    >>> bb.MeasureObservables(pauli=(), operators={"hop": hop}, elements=True).elements
    True
    """

    pauli: tuple[Literal["x", "y", "z"], ...] = ("z", "x")
    operators: dict[str, Strings] | None = None
    elements: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> "MeasureObservables":
        if not self.pauli and not self.operators:
            raise ValueError("nothing to measure: name Pauli matrices in pauli, or operators")
        if self.elements and not self.operators:
            raise ValueError("elements are those of operators: give operators")
        return self

    def before(self, resolution: Resolution, symmetries: object, sector: object) -> None:
        """JobError for strings that the model has no sites for."""
        self._sums(sites_of(resolution.composite))

    def _sums(self, sites: int) -> dict[str, Words]:
        return {
            name: sums_of(strings, sites, f"measure.observables.operators.{name}")
            for name, strings in (self.operators or {}).items()
        }

    def measure(self, context: Context) -> xr.Dataset:
        """Variables ``sigma_z`` and so on (state, site); ``expectation`` (state, operator) and ``element_squared``
        (state, other_state, operator).
        """
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        sites = context.sites
        sums = self._sums(sites)
        shared = multiplicity(states)
        data: dict[str, tuple] = {"multiplicity": ("state", shared)}
        coords: dict[str, object] = {"site": np.arange(sites)} if self.pauli else {}
        for letter in self.pauli:
            local = [words(((letter, ((1.0, site),)),), sites) for site in range(sites)]
            values = each_state(states, lambda space, local=local: expectations(space, local))  # type: ignore[misc]
            data[f"sigma_{letter}"] = (("state", "site"), level_mean(states, values.reshape(-1, sites)))
        if sums:
            values = each_state(states, lambda space: expectations(space, list(sums.values())))
            data["expectation"] = (("state", "operator"), level_mean(states, values.reshape(-1, len(sums))))
            coords["operator"] = list(sums)
        if self.elements:
            k = states.energies.size
            require_memory(8 * k * k * len(sums), f"{k:,}^2 elements of {len(sums)} operators", "Take fewer states.")
            squares = [np.abs(elements_between(states, one)) ** 2 for one in sums.values()]
            undefined = (shared > 1)[:, None, None] | (shared > 1)[None, :, None]
            table = np.where(undefined, np.nan, np.stack(squares, axis=-1))
            data["element_squared"] = (("state", "other_state", "operator"), table)
        return xr.Dataset(data, coords=coords)


def sums_of(strings: tuple[Term, ...], sites: int, name: str = "operator") -> Words:
    """The Pauli strings of an operator with their couplings; JobError for what is none on ``sites`` spins."""
    for letters, couplings in strings:
        if not letters or set(letters) - set("Ixyz"):
            raise JobError(f"{name}: {letters!r} is not a Pauli string; use the letters I, x, y, z")
        for coupling in couplings:
            where = list(coupling[1:])
            if len(where) != len(letters):
                raise JobError(f"{name}: {letters!r} needs a coupling and {len(letters)} sites, got {list(coupling)}")
            refuse_sites(where, sites, f"{name}, {letters!r}")
    sums = words(strings, sites)
    assert is_hermitian(sums)  # real couplings of Pauli matrices on different sites
    return sums


def expectations(space: Space, operators: list[Words]) -> OfVectors:
    """<v|O|v> (m, operators) of vectors (d, m) over a space; what leads out of it counts as 0."""
    matrices = [matrix_between(one, space, space) for one in operators]

    def values(vectors: np.ndarray) -> np.ndarray:
        return np.stack([np.vecdot(vectors.T, (matrix @ vectors).T).real for matrix in matrices], axis=1)

    return values
