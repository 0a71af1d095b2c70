"""A claim of a paper in words, with a number and a limit that decide it."""

from dataclasses import dataclass

from bigbath.studies.study_row import StudyRow


@dataclass(frozen=True, kw_only=True)
class Claim(StudyRow):
    """``claim``: the paper's words; ``ours``: the number that tests them; ``limit``: the claim holds when ``ours`` is at most this.

    ``note``: what is true instead; a claim that fails with a note is explained.
    """

    name: str
    claim: str
    ours: float
    limit: float
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the claim "holds" or "fails"."""
        return "holds" if self.ours <= self.limit else "fails"

    @property
    def accepted(self) -> bool:
        """Whether the claim holds, or a note says what is true."""
        return self.verdict == "holds" or bool(self.note)
