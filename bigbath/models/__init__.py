"""Models as composites S + B + V; to add one, write its file and name it here."""

from typing import Annotated

from pydantic import Field

from bigbath.models.composite import Composite, MatrixComposite, SpinComposite, Symmetry, disorder_stream, scaled
from bigbath.models.custom import Custom
from bigbath.models.imbrie import Imbrie
from bigbath.models.levy import Levy
from bigbath.models.ring import Ring
from bigbath.models.tfim import TFIM

#: Any model, told apart by its ``name``.
Model = Annotated[Ring | Imbrie | TFIM | Levy | Custom, Field(discriminator="name")]

__all__ = [
    "TFIM", "Composite", "Custom", "Imbrie", "Levy", "MatrixComposite", "Model", "Ring", "SpinComposite", "Symmetry",
    "disorder_stream", "scaled",
]  # fmt: skip
