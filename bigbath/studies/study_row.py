"""What the rows of all studies share: a verdict, and JSON data."""

from dataclasses import asdict
from typing import Any


class StudyRow:
    """Base of the dataclasses whose instances are the rows of a study."""

    @property
    def verdict(self) -> str | None:
        """What is said of the row; None where nothing is judged."""
        return None

    @property
    def accepted(self) -> bool:
        """Whether nothing contradicts what is expected."""
        return self.verdict != "no"

    def as_dict(self) -> dict[str, Any]:
        """What is known of the row as JSON data, with its verdict."""
        row = {name: value for name, value in asdict(self).items() if value is not None and value != ""}  # type: ignore[call-overload]
        return row if self.verdict is None else row | {"verdict": self.verdict}
