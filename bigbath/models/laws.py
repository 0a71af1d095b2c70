"""Laws of couplings: what number stands before each string of a term."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag

from bigbath.choice import choice
from bigbath.models.expression import Number, Parameters

#: The golden ratio: the wave number of a quasi-periodic field, in turns per site.
GOLDEN = (5**0.5 + 1) / 2

#: Sites of one string of a term.
Place = tuple[int, ...]
#: One number (n,) for each of n places, from a random stream or not.
Sampler = Callable[[np.random.Generator, Sequence[Place]], np.ndarray]


@choice
class Uniform:
    """Uniform between ``low`` and ``high``.

    >>> import bigbath as bb
    >>> bb.Uniform(low=-1.0, high=1.0).high
    1.0
    """

    kind: Literal["uniform"] = "uniform"
    low: Number
    high: Number

    is_random = True

    def sampler(self, parameters: Parameters) -> Sampler:
        """Its draws. ValueError for bounds out of order."""
        low, high = parameters.value(self.low), parameters.value(self.high)
        if low > high:
            raise ValueError(f"the lower bound comes first, got {low:g} and {high:g}")
        return lambda stream, places: stream.uniform(low, high, len(places))


@choice
class Normal:
    """Gaussian of standard deviation ``sigma`` around ``mean``.

    >>> import bigbath as bb
    >>> bb.Normal(mean=0.0, sigma=0.5).sigma
    0.5
    """

    kind: Literal["normal"] = "normal"
    mean: Number = 0.0
    sigma: Number

    is_random = True

    def sampler(self, parameters: Parameters) -> Sampler:
        """Its draws. ValueError for a negative deviation."""
        mean, sigma = parameters.value(self.mean), parameters.value(self.sigma)
        if sigma < 0:
            raise ValueError(f"sigma = {sigma:g} must not be negative")
        return lambda stream, places: stream.normal(mean, sigma, len(places))


@choice
class LogUniform:
    """The logarithm is uniform between those of ``low`` and ``high``, both positive.

    >>> import bigbath as bb
    >>> bb.LogUniform(low=0.1, high=10.0).low
    0.1
    """

    kind: Literal["log-uniform"] = "log-uniform"
    low: Number
    high: Number

    is_random = True

    def sampler(self, parameters: Parameters) -> Sampler:
        """Its draws. ValueError for bounds that are out of order or not positive."""
        low, high = parameters.value(self.low), parameters.value(self.high)
        if not 0 < low <= high:
            raise ValueError(f"bounds must be positive, the lower one first, got {low:g} and {high:g}")
        return lambda stream, places: np.exp(stream.uniform(np.log(low), np.log(high), len(places)))


@choice
class RandomSign:
    """``J`` or -``J``, each with probability 1/2.

    >>> import bigbath as bb
    >>> bb.RandomSign(J=2.0).J
    2.0
    """

    kind: Literal["sign"] = "sign"
    J: Number = 1.0

    is_random = True

    def sampler(self, parameters: Parameters) -> Sampler:
        """Its draws."""
        J = parameters.value(self.J)
        return lambda stream, places: J * (1.0 - 2.0 * stream.integers(2, size=len(places)))


@choice
class QuasiPeriodic:
    """``W`` cos(2 pi ``beta`` j + ``phase``) at site j, or on the bond whose first site is j.

    ``phase`` in radians; absent: uniform in [0, 2 pi), one for all places of a term.

    >>> import bigbath as bb
    >>> bb.QuasiPeriodic(W=2.0).W
    2.0
    """

    kind: Literal["quasi-periodic"] = "quasi-periodic"
    W: Number
    beta: Number = GOLDEN
    phase: Number | None = None

    @property
    def is_random(self) -> bool:
        """Whether the phase is drawn."""
        return self.phase is None

    def sampler(self, parameters: Parameters) -> Sampler:
        """Its values."""
        W, beta = parameters.value(self.W), parameters.value(self.beta)
        fixed = None if self.phase is None else parameters.value(self.phase)

        def sample(stream: np.random.Generator, places: Sequence[Place]) -> np.ndarray:
            phase = stream.uniform(0, 2 * np.pi) if fixed is None else fixed
            return W * np.cos(2 * np.pi * beta * np.array([place[0] for place in places], float) + phase)

        return sample


#: A law of random or site-dependent couplings, told apart by its ``kind``.
Law = Annotated[Uniform | Normal | LogUniform | RandomSign | QuasiPeriodic, Field(discriminator="kind")]


@choice
class _Complex:
    """A complex number as bigbath's tables write Python's own."""

    re: float
    im: float


def _shape(value: Any) -> str:
    match value:
        case int() | float():
            return "number"
        case str():
            return "expression"
        case list() | tuple():
            return "pair"
        case dict() if "re" in value:
            return "complex"
    return "law"


_Float = Annotated[float, Tag("number")]
_Expression = Annotated[str, Tag("expression")]
_Law = Annotated[Law, Tag("law")]
_OfPython = Annotated[_Complex, AfterValidator(lambda number: (number.re, number.im)), Tag("complex")]
_Real = Annotated[_Float | _Expression | _Law, Discriminator(_shape)]

#: A number, an expression or a law; or real and imaginary part of a complex coupling, each of them one of these.
Coupling = Annotated[
    _Float | _Expression | _Law | Annotated[tuple[_Real, _Real], Tag("pair")] | _OfPython, Discriminator(_shape)
]

#: A fixed coupling, a number, an expression, or real and imaginary part; or the number of a site.
Fixed = Annotated[
    Annotated[float | int, Tag("number")] | _Expression | Annotated[tuple[Number, Number], Tag("pair")] | _OfPython,
    Discriminator(lambda value: "number" if (shape := _shape(value)) == "law" else shape),
]


def is_random(coupling: Any) -> bool:
    """Whether a coupling differs between realizations."""
    if isinstance(coupling, tuple):
        return any(map(is_random, coupling))
    return getattr(coupling, "is_random", False)


def sampler(coupling: Any, parameters: Parameters) -> Sampler:
    """Couplings (n,) of n places, real or complex. ValueError for parameters that make no sense."""
    if isinstance(coupling, tuple):
        real, imaginary = (sampler(part, parameters) for part in coupling)
        return lambda stream, places: real(stream, places) + 1j * imaginary(stream, places)
    if isinstance(coupling, int | float | str):
        value = parameters.value(coupling)
        return lambda stream, places: np.full(len(places), value)
    return coupling.sampler(parameters)


def fixed(coupling: Any, parameters: Parameters) -> complex:
    """The number that a fixed coupling is."""
    if isinstance(coupling, tuple):
        return complex(*(parameters.value(part) for part in coupling))
    return parameters.value(coupling)
