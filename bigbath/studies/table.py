"""A table of printed numbers: paper, ours, verdict."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Row:
    """``paper``: the number as printed, a string that carries its digits; ``ours``: what was computed."""

    name: str
    paper: str
    ours: float
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "yes" when ours, rounded to the printed digits, is the paper's number; else "no"."""
        printed = Decimal(self.paper)
        rounded = Decimal(repr(float(self.ours))).quantize(printed)
        return "yes" if rounded == printed else "no"

    @property
    def accepted(self) -> bool:
        """Whether the number is the paper's, or a note says why it is not."""
        return self.verdict == "yes" or bool(self.note)

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data: name, paper, ours, verdict, and a note when there is one."""
        row: dict[str, str | float] = {
            "name": self.name,
            "paper": float(self.paper),
            "ours": float(self.ours),
            "verdict": self.verdict,
        }
        return {**row, "note": self.note} if self.note else row
