"""Models as composites S + B + V; to add one, write its file and name it here."""

from typing import Annotated, get_args

from pydantic import Field

from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.models.composite import Composite, MatrixComposite, SpinComposite, Symmetry, disorder_stream, scaled
from bigbath.models.custom import Custom, DeclaredSymmetry
from bigbath.models.imbrie import Imbrie
from bigbath.models.laws import LogUniform, Normal, QuasiPeriodic, RandomSign, Uniform
from bigbath.models.levy import Levy
from bigbath.models.matrices import Matrices, composite_of
from bigbath.models.matrix_file import MatrixFile
from bigbath.models.quantum_sun import QuantumSun
from bigbath.models.ring import Ring
from bigbath.models.terms import Strings
from bigbath.models.tfim import TFIM
from bigbath.models.xxz import XXZ


@choice
class Stream:
    """The random stream of one disorder realization: master ``seed`` and number of the ``realization``."""

    seed: Annotated[int, Field(ge=0)] = 1
    realization: Annotated[int, Field(ge=0)] = 0


def draw(model: "Model", *, seed: int = 1, realization: int = 0) -> Composite:
    """One disorder realization of a model, from (master seed, realization index) alone; a clean model has one.

    JobError for what is no model, or no seed.

    >>> import bigbath as bb
    >>> first, second = (bb.draw(bb.Imbrie(L=4), seed=3, realization=n) for n in (0, 1))
    >>> first == bb.draw(bb.Imbrie(L=4), seed=3), first == second
    (True, False)
    """
    if not isinstance(model, get_args(get_args(Model)[0])):
        raise JobError(f"draw takes a model, as Ring(N=11), not a {type(model).__name__}")
    stream = Stream(seed=seed, realization=realization)
    return model.composite(disorder_stream(stream.seed, stream.realization))


#: Any model, told apart by its ``name``.
Model = Annotated[Ring | Imbrie | TFIM | Levy | XXZ | QuantumSun | Custom | Matrices, Field(discriminator="name")]

__all__ = [
    "TFIM", "XXZ", "Composite", "Custom", "DeclaredSymmetry", "Imbrie", "Levy", "LogUniform", "Matrices", "MatrixComposite",
    "MatrixFile", "Model", "Normal", "QuantumSun", "QuasiPeriodic", "RandomSign", "Ring", "SpinComposite", "Strings", "Symmetry",
    "Uniform", "composite_of", "disorder_stream", "draw", "scaled",
]  # fmt: skip
