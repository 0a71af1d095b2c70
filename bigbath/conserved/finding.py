"""A quantity that the levels of a sector are not resolved by."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``name``: the conserved quantity or kind of degeneracy; ``sentence``: what was found, in words."""

    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"
