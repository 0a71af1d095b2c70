"""A claim that a number with a standard error decides: it holds, it fails, or the error is too large to tell."""

from dataclasses import dataclass
from typing import Any, Literal

from bigbath.studies.study_row import StudyRow

#: Standard errors that "within errors" means, and by which a number must lie below a bound.
ERRORS = 3


@dataclass(frozen=True, kw_only=True)
class Judged(StudyRow):
    """``claim``: ``ours`` +- ``error`` is ``expected`` (``kind`` "is", within three errors) or lies below it ("below").

    ``note``: what is true instead; a claim that fails with a note is explained.
    """

    name: str
    claim: str
    kind: Literal["is", "below"]
    ours: float
    error: float
    expected: float
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "holds", "fails", or "undecided": the number is not known, or within three errors of a bound."""
        reach = ERRORS * self.error
        if not abs(self.ours) + reach < float("inf"):
            return "undecided"
        if self.kind == "is":
            return "holds" if abs(self.ours - self.expected) <= reach else "fails"
        if self.ours + reach < self.expected:
            return "holds"
        return "undecided" if self.ours - reach <= self.expected else "fails"

    @property
    def accepted(self) -> bool:
        """Whether the claim does not fail, or a note says what is true."""
        return self.verdict != "fails" or bool(self.note)

    def as_dict(self) -> dict[str, Any]:
        """As of every row, with the note where the claim fails."""
        return {name: value for name, value in super().as_dict().items() if name != "note" or self.verdict == "fails"}
