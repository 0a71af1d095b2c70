"""What all statistics of levels share: they refuse spectra that mix sectors, and say what is mixed."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from bigbath.choice import choice
from bigbath.conserved import Finding, degenerate, has_antiunitary, unresolved
from bigbath.errors import JobError, UnresolvedSpectrum
from bigbath.measure.context import Context
from bigbath.models import Composite, SpinComposite
from bigbath.models.composite import Term
from bigbath.solvers.eigenstates import Block
from bigbath.solvers.window import TIE


@choice
class LevelStatistic:
    """``accept_unresolved``: measure although something is conserved that the sectors do not tell apart, or levels are
    degenerate; what was found is stored beside the numbers.
    """

    section: ClassVar[str]
    accept_unresolved: bool = False

    def before(
        self, composite: Composite, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None
    ) -> None:
        """UnresolvedSpectrum when the strings say, before any work, that levels of several sectors would be mixed.

        ``symmetries``, ``sector``: as in ``[spectrum]``.
        """
        if not self.accept_unresolved:
            declared = tuple(s.name for s in composite.symmetries)
            used = (*(declared if symmetries is None else symmetries), *(sector or ()))
            self._refuse(_conserved(composite, used, sector or {}))

    def resolved(self, context: Context) -> tuple[list[np.ndarray], xr.Dataset]:
        """Levels of each sector; and a dataset with their labels, the random matrices to compare them with ("goe",
        "gue") and what is not resolved in each, or "resolved".

        JobError for windows of several pieces; UnresolvedSpectrum unless ``accept_unresolved``.
        """
        states = context.states.require_complete(accept_unverified=context.accept_unverified)
        if len(states.evidence.edges) > 1:
            raise JobError(f'measure.{self.section} needs one window without gaps, not window.kind = "levels"')
        texts = []
        for block in states.blocks:
            labels = dict(block.sector.labels)
            findings = (
                *_conserved(context.composite, tuple(labels), labels),
                *degenerate(block.energies, TIE * states.evidence.norm),
            )
            if not self.accept_unresolved:
                self._refuse(findings)
            texts.append("; ".join(map(str, findings)) or "resolved")
        columns = {
            "sector_label": [str(b.sector) for b in states.blocks],
            "random_matrices": [_compared_with(context.composite, b) for b in states.blocks],
            f"{self.section}_unresolved": texts,
        }
        said = xr.Dataset({name: ("sector", np.array(column, dtype=str)) for name, column in columns.items()})
        return [b.energies for b in states.blocks], said

    def _refuse(self, findings: tuple[Finding, ...]) -> None:
        if findings:
            raise UnresolvedSpectrum(
                f"measure.{self.section}: the levels would not be those of one irreducible sector.\n"
                + "".join(f"  {finding}\n" for finding in findings)
                + "Declare symmetries that resolve this, or select a sector (spectrum.sector); or set "
                f"measure.{self.section}.accept_unresolved = true, which stores the finding beside the numbers."
            )


def _conserved(composite: Composite, used: tuple[str, ...], labels: Mapping[str, int]) -> tuple[Finding, ...]:
    """Findings for the sectors of the symmetries ``used``; none for models without strings."""
    if not isinstance(composite, SpinComposite):
        return ()
    return unresolved(*_strings(composite), **_sector(composite, used, labels), declared=composite.symmetries)


def _compared_with(composite: Composite, block: Block) -> str:
    """Random matrices of the same symmetry: "goe", or "gue" where no antiunitary symmetry was found."""
    labels = dict(block.sector.labels)
    if not np.iscomplexobj(block.vectors):
        return "goe"
    if not isinstance(composite, SpinComposite):
        return "gue"
    return "goe" if has_antiunitary(*_strings(composite), **_sector(composite, tuple(labels), labels)) else "gue"


def _strings(composite: SpinComposite) -> tuple[tuple[Term, ...], int]:
    return composite.system + composite.bath + composite.interaction, composite.system_sites + composite.bath_sites


def _sector(composite: SpinComposite, used: tuple[str, ...], labels: Mapping[str, int]) -> dict[str, Any]:
    return {
        "used": tuple(s for s in composite.symmetries if s.name in used),
        "labels": labels,
        "system_sites": composite.system_sites,
    }
