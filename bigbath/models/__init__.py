"""Models as composites S + B + V; to add one, write its file and name it here."""

from typing import Annotated

from pydantic import Field

from bigbath.models.composite import Composite, MatrixComposite, SpinComposite, Symmetry, disorder_stream, scaled
from bigbath.models.custom import Custom
from bigbath.models.imbrie import Imbrie
from bigbath.models.levy import Levy
from bigbath.models.quantum_sun import QuantumSun
from bigbath.models.ring import Ring
from bigbath.models.tfim import TFIM
from bigbath.models.xxz import XXZ


def draw(model: "Model", *, seed: int = 1, realization: int = 0) -> Composite:
    """One disorder realization of a model, from (master seed, realization index) alone; a clean model has one."""
    return model.composite(disorder_stream(seed, realization))


#: Any model, told apart by its ``name``.
Model = Annotated[Ring | Imbrie | TFIM | Levy | XXZ | QuantumSun | Custom, Field(discriminator="name")]

__all__ = [
    "TFIM", "XXZ", "Composite", "Custom", "Imbrie", "Levy", "MatrixComposite", "Model", "QuantumSun", "Ring", "SpinComposite", "Symmetry",
    "disorder_stream", "draw", "scaled",
]  # fmt: skip
