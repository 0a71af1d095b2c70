"""Terms of a user's model: a string of letters, the places where it acts, the law of its couplings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bigbath.choice import LARGEST, choice
from bigbath.errors import JobError
from bigbath.models.expression import Number, Parameters
from bigbath.models.laws import Coupling, Fixed, Place, Sampler, fixed, is_random, sampler
from bigbath.models.letters import ALL, MOST, PAULI, conjugate
from bigbath.models.placement import Bonds, Sites, chosen_sites, places

Part = Literal["system", "bath", "interaction"]

#: One term as QuSpin writes it: letters, then coupling and sites of each string, ("zz", ((J, i, j), ...)).
QuSpin = tuple[str, tuple[tuple[Fixed, ...], ...]]


@choice
class Strings:
    """Strings of spin operators with a law of couplings.

    ``string``: a letter (I, x, y, z, +, -, n) for each site. ``coupling``: a number, an expression of parameters ("J/4"), a law
    (``Uniform``, ``Normal``, ``LogUniform``, ``RandomSign``, ``QuasiPeriodic``), drawn anew for each place, or [re, im]. ``sites``:
    where, absent: on all sites of the part. ``bonds``: "chain", "ring", "all-to-all", "star", "ladder", a table of these with
    keys, or a list of places; needed for strings on several sites. ``decay``: couplings are divided by r^decay, r the distance of
    two sites. ``plus_hc``: add the Hermitian conjugate of each string.

    >>> import bigbath as bb
    >>> bonds = bb.Strings(string="zz", bonds="chain", coupling=-1.0)
    >>> fields = bb.Strings(string="x", coupling=bb.Uniform(low=-0.5, high=0.5))
    >>> bb.build(bb.draw(bb.Custom(L=4, terms=[bonds, fields]), seed=1, realization=0)).dim
    16
    """

    string: str
    coupling: Coupling
    sites: Sites | None = None
    bonds: Bonds | None = None
    decay: Number | None = None
    plus_hc: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """What a term refers to: the number of sites, those of the system, and the parameters."""

    L: int
    system_sites: int
    parameters: Parameters

    def sites(self, part: Part | None) -> range:
        """Sites that a part may have; all for the interaction, and for None."""
        match part:
            case "system":
                return range(self.system_sites)
            case "bath":
                return range(self.system_sites, self.L)
        return range(self.L)

    def part_of(self, place: Place) -> Part:
        """The part that a string belongs to by its sites."""
        inside = [j < self.system_sites for j in place]
        return "system" if all(inside) else "interaction" if any(inside) else "bath"


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """A term whose places and law are known: ``factors`` (n,) of the couplings of n ``places``; ``where`` it was written."""

    where: str
    letters: str
    places: tuple[Place, ...]
    factors: np.ndarray
    sampler: Sampler
    is_random: bool
    plus_hc: bool

    def drawn(self, stream: np.random.Generator) -> Iterator[tuple[str, list[tuple[complex, Place]]]]:
        """Letters and (coupling, place) of every string, the conjugates last. JobError for a coupling beyond numbers."""
        couplings = self.sampler(stream, self.places) * self.factors
        if not np.all(np.abs(couplings) <= LARGEST):
            raise JobError(f"model.{self.where}: a coupling of {self.letters!r} is larger than {LARGEST:g}")
        yield self.letters, list(zip(couplings.tolist(), self.places, strict=True))
        if self.plus_hc:
            yield conjugate(self.letters), list(zip(couplings.conj().tolist(), self.places, strict=True))

    def unpaired(self) -> Iterator[tuple[str, Place, complex]]:
        """The strings whose conjugate must be somewhere: fixed couplings without ``plus_hc``."""
        if not self.is_random and not self.plus_hc:
            for letters, strings in self.drawn(np.random.default_rng(0)):
                yield from ((letters, place, coupling) for coupling, place in strings)


def described(letters: str, place: Place, coupling: complex) -> str:
    """What to do about a string without its Hermitian conjugate."""
    if conjugate(letters) == letters:
        return f"the coupling {_number(coupling / 2)} of {letters!r} on {list(place)} must be real: the string is Hermitian"
    other = f'["{conjugate(letters)}", [[{_number(complex(coupling).conjugate())}, {", ".join(map(str, place))}]]]'
    return f"{letters!r} on {list(place)} lacks its Hermitian conjugate: add {other}, or plus_hc = true in a table"


def _number(value: complex) -> str:
    value = complex(value)
    return f"[{value.real:.6g}, {value.imag:.6g}]" if value.imag else f"{value.real:.6g}"


def written(term: Strings | QuSpin, where: str, part: Part | None, layout: Layout) -> Written:
    """A term of a part, None for any. ValueError names its key ``where`` and what is wrong."""
    allowed = layout.sites(part)
    try:
        if isinstance(term, Strings):
            return _generated(term, where, allowed, layout)
        return _listed(*term, where, allowed, layout)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _generated(term: Strings, where: str, allowed: range, layout: Layout) -> Written:
    letters, plus_hc, random = term.string, term.plus_hc, is_random(term.coupling)
    _check_letters(letters)
    hermitian = conjugate(letters) == letters
    if plus_hc and hermitian:
        raise ValueError(f"plus_hc: {letters!r} is its own Hermitian conjugate")
    if random and not plus_hc and not hermitian:
        raise ValueError(f"random couplings of {letters!r} need plus_hc = true: nothing else has their conjugates")
    if random and hermitian and isinstance(term.coupling, tuple):
        raise ValueError(f"{letters!r} is Hermitian, its random couplings must be real")
    sites = tuple(allowed) if term.sites is None else chosen_sites(term.sites, layout.L, layout.system_sites)
    _check_sites(sites, letters, allowed)
    found = places(term.bonds, sites, len(letters))
    factors = np.ones(len(found))
    if term.decay is not None:
        if len(letters) != 2:
            raise ValueError("decay is for strings on two sites")
        with np.errstate(over="ignore"):
            factors = np.array([r for _, r in found]) ** -layout.parameters.value(term.decay)
    return Written(
        where=where, letters=letters, places=tuple(place for place, _ in found), factors=factors,
        sampler=sampler(term.coupling, layout.parameters), is_random=random, plus_hc=plus_hc,
    )  # fmt: skip


def _listed(letters: str, couplings: Any, where: str, allowed: range, layout: Layout) -> Written:
    _check_letters(letters)
    found, values = [], []
    for coupling in couplings:
        if len(coupling) != len(letters) + 1:
            raise ValueError(f"{letters!r} needs a coupling and {len(letters)} sites, got {list(coupling)}")
        sites = [int(j) if isinstance(j, float) and j.is_integer() else j for j in coupling[1:]]
        _check_sites(sites, letters, allowed)
        if len(set(sites)) != len(sites):
            raise ValueError(f"sites {sites} of {letters!r} repeat")
        found.append(tuple(sites))
        values.append(fixed(coupling[0], layout.parameters))
    constants = np.array(values) if values else np.zeros(0)
    return Written(
        where=where, letters=letters, places=tuple(found), factors=np.ones(len(found)),
        sampler=lambda stream, places: constants, is_random=False, plus_hc=False,
    )  # fmt: skip


def _check_sites(sites: Sequence[Any], letters: str, allowed: range) -> None:
    if any(not isinstance(j, int) or j not in allowed for j in sites):
        raise ValueError(
            f"sites {list(sites)[:9]} of {letters!r} must be integers in {allowed.start} ... {allowed.stop - 1}"
        )


def _check_letters(letters: str) -> None:
    if not letters or set(letters) - set(ALL):
        raise ValueError(f"{letters!r:.80} is not a string of spin operators; use the letters I, x, y, z, +, -, n")
    if sum(letter not in PAULI for letter in letters) > MOST:
        raise ValueError(f"{letters!r:.80} has more than {MOST} of the letters +, -, n: write it in x, y, z")
