"""The scale of a Chebyshev recurrence: x = (E - centre) / halfwidth = cos(theta) in (-1, 1)."""

from dataclasses import dataclass

import numpy as np

#: The scaled spectrum ends this far inside (-1, 1), in units of its half-width.
MARGIN = 5e-4

#: The least half-width, in units of the norm: that of a spectrum of one level but for rounding.
FLAT = 1e-12


@dataclass(frozen=True, kw_only=True)
class Scale:
    """x = (E - ``centre``) / ``halfwidth``."""

    centre: float
    halfwidth: float

    @classmethod
    def of(cls, extremes: tuple[float, float]) -> "Scale":
        """The scale that takes the ends of a spectrum to -1 and 1, less the margin."""
        lowest, highest = extremes
        least = max(FLAT * max(abs(lowest), abs(highest)), 1e-300)
        return cls(centre=(lowest + highest) / 2, halfwidth=max((highest - lowest) / 2, least) * (1 + MARGIN))

    def angle(self, energy: float) -> float:
        """theta in [0, pi]; it falls as the energy grows."""
        return float(np.arccos(np.clip((energy - self.centre) / self.halfwidth, -1, 1)))
