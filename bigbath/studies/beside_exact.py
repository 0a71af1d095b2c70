"""Verdict of a sampled number beside the exact one."""

from typing import Any

from bigbath.studies.study_row import StudyRow

#: Standard errors within which a value agrees with the exact one (15 degrees of freedom: 99 %).
AGREEMENT = 3.0


class BesideExact(StudyRow):
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
