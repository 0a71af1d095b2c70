"""What all statistics of levels share: they refuse spectra that mix sectors, and say what is mixed."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import xarray as xr

from bigbath.choice import choice
from bigbath.conserved import Finding, degenerate
from bigbath.errors import JobError, UnresolvedSpectrum
from bigbath.measure.context import Context
from bigbath.measure.resolution import FEWEST, Resolution

#: Levels of a sector closer than this, in units of ||H||, are degenerate: rounding, and rarer than that by chance.
COINCIDING = 1e-12


@choice
class LevelStatistic:
    """``accept_unresolved``: measure although something is conserved that the sectors do not tell apart, or levels are
    degenerate; what was found is stored beside the numbers.
    """

    section: ClassVar[str]
    needs_vectors: ClassVar[bool] = False
    accept_unresolved: bool = False

    def before(
        self, resolution: Resolution, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None
    ) -> None:
        """UnresolvedSpectrum when the strings say, before any work, that levels of several sectors would be mixed.

        ``symmetries``, ``sector``: as in ``[spectrum]``.
        """
        if not self.accept_unresolved:
            self._refuse(resolution.before(symmetries, sector))

    def resolved(self, context: Context) -> tuple[list[np.ndarray], xr.Dataset]:
        """Levels of each sector; and a dataset with their labels, the random matrices to compare them with ("goe",
        "gue") and what is not resolved in each, or "resolved".

        JobError for windows of several pieces; UnresolvedSpectrum unless ``accept_unresolved``.
        """
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        if len(states.evidence.edges) > 1:
            raise JobError(f'measure.{self.section} needs one window without gaps, not window.kind = "levels"')
        resolution = context.resolution or Resolution(context.composite, states.part)
        findings, matrices = [], []
        for block in states.blocks:
            sector, labels = block.sector, dict(block.sector.labels)
            left: tuple[Finding, ...] = ()
            if sector.dim >= FEWEST:
                left = resolution.of(sector.space, tuple(labels), labels)
                left += degenerate(block.energies, COINCIDING * states.evidence.norm)
            findings.append(left)
            is_complex = block.dtype.kind == "c"
            matrices.append(resolution.random_matrices(sector.space, labels) if is_complex else "goe")
        if not self.accept_unresolved:
            self._refuse(tuple(dict.fromkeys(finding for left in findings for finding in left)))
        columns = {
            "sector_label": [str(b.sector) for b in states.blocks],
            "random_matrices": matrices,
            f"{self.section}_unresolved": ["; ".join(map(str, left)) or "resolved" for left in findings],
        }
        said = xr.Dataset({name: ("sector", np.array(column, dtype=str)) for name, column in columns.items()})
        return [b.energies for b in states.blocks], said

    def _refuse(self, findings: tuple[Finding, ...]) -> None:
        if findings:
            raise UnresolvedSpectrum(
                f"measure.{self.section}: the levels would not be those of one irreducible sector.\n"
                + "".join(f"  {finding}\n" for finding in findings)
                + "Declare symmetries that resolve this, or select a sector that does (spectrum.sector); or set "
                f"measure.{self.section}.accept_unresolved = true, which stores the finding beside the numbers."
            )
