"""Verdict of a sampled number beside the exact one."""

from dataclasses import asdict
from typing import Any

#: Standard errors within which a value agrees with the exact one (15 degrees of freedom: 99 %).
AGREEMENT = 3.0


class BesideExact:
    """What rows with ``value``, its standard ``error`` and ``exact`` share; ``error``, ``exact``: None where there is none."""

    value: float
    error: Any
    exact: float | None

    @property
    def verdict(self) -> str:
        """ "yes" within three standard errors of the exact number, "-" without one."""
        if self.exact is None or self.error is None:
            return "-"
        return "yes" if abs(self.value - self.exact) <= AGREEMENT * self.error else "no"

    @property
    def accepted(self) -> bool:
        """Whether nothing contradicts it."""
        return self.verdict != "no"

    def as_dict(self) -> dict[str, str | float]:
        """The row as JSON data, with the verdict."""
        return {k: v for k, v in asdict(self).items() if v is not None} | {"verdict": self.verdict}  # type: ignore[call-overload]
