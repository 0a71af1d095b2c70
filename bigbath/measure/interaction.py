"""Measurement ``interaction``: V between the states of H_0, self-consistency (entropy paper, Eqs. 13, 36, 37, 42, 43)."""

from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from bigbath.broadening.interaction import Strength, channel_sums, interaction, shell_strength, strength
from bigbath.broadening.porter_thomas import freedom_of
from bigbath.broadening.prediction import coupled_states, predicted_entropies
from bigbath.broadening.self_consistent import other_branch, reconstruct, solve_parameters, solve_spectra
from bigbath.broadening.shells import shells_of
from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.measure.context import Context
from bigbath.operators import build

_PAIR = ("bath_state", "branch")
#: Closed equations: cells of energy; how far these reach beyond the bare spectrum, in units of the largest (<V^2>)^(1/2);
#: change of the density, in the 1-norm, below which a state has settled.
CELLS, REACH, SETTLED = 240, 3.0, 1e-3


@choice
class MeasureInteraction:
    """``shell_width``: Delta of the bath shells (Fig. 2). ``eta``: offset of Eq. 43; with it and the fits of
    ``measure.distribution`` chi and Delta are reconstructed (Fig. 4). ``solve``: also iterate Eqs. 36, 37 from scratch.
    ``closed``: solve the closed equations 27-30 for p itself, from |V|^2 alone, and predict the entropies from them.

    >>> import bigbath as bb
    >>> bb.Measures(interaction=bb.MeasureInteraction(shell_width=0.5)).interaction.closed
    False
    """

    needs_vectors: ClassVar[bool] = False
    shell_width: Annotated[float, Field(gt=0)] = 1.0
    eta: float | None = None
    solve: bool = False
    closed: bool = False

    def measure(self, context: Context) -> xr.Dataset:
        """F^2 in bath shells, channel sums and what follows from them; needs the whole bath.

        With ``eta`` it takes ``centre`` and ``chi`` from ``measure.distribution``, which comes before it.
        """
        fits = context.done.get("distribution")
        if context.bath is None:
            raise JobError('measure.interaction needs the bath\'s states: add a [bath] section with window = "whole"')
        if self.eta is not None and (fits is None or "chi" not in fits):
            raise JobError(
                'measure.interaction.eta reconstructs fitted parameters: add [measure.distribution] with fit = "lorentzian"'
            )
        bath, system = context.bath, context.system
        context.report("interaction", 0.0, 1.0)
        v = strength(interaction(build(context.composite, "V"), bath, system))
        shells = shells_of(bath, self.shell_width)
        data = {
            "F2": ((*_PAIR, "other_branch", "bath_shell"), shell_strength(v, bath.energies, shells)),
            "channel": ((*_PAIR, "other_branch"), channel_sums(v)),
            "V_diagonal": (_PAIR, v.diagonal),
            "bath_shell_energy": ("bath_shell", shells.energy),
            "bath_shell_count": ("bath_shell", shells.count),
        }
        attrs: dict[str, float | int] = {"bath_shell_width": self.shell_width}
        bare = bath.energies[:, None] + system.energies[None, :]
        if self.eta is not None and fits is not None:
            attrs["eta"] = self.eta
            data |= self._reconstructed(v, fits.centre.values, fits.chi.values)
        if self.solve:
            context.report("self-consistent parameters", 0.7, 1.0)
            solution = solve_parameters(v, bare, eta=self._offsets())
            data |= {
                "chi_solved": (_PAIR, solution.chi),
                "shift_solved": (_PAIR, solution.centre - bare - v.diagonal),
                "solution_settled": (_PAIR, solution.convergence.settled.astype("i1")),
                "solution_change": ("iteration", solution.convergence.changes),
            }
        if self.closed:
            context.report("closed equations for p", 0.8, 1.0)
            data |= _closed(v, bare, fits)
        context.report("interaction", 1.0, 1.0)
        return xr.Dataset(data, coords={"other_branch": np.arange(1, system.energies.size + 1)}, attrs=attrs)

    def _offsets(self) -> np.ndarray | None:
        """eta_i = (-1)^(i-1) eta."""
        return None if self.eta is None else np.array([self.eta, -self.eta])

    def _reconstructed(
        self, v: Strength, centre: np.ndarray, chi: np.ndarray
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        offsets = self._offsets()
        assert offsets is not None
        new_chi, shift = reconstruct(v, centre, chi, other_branch(centre, offsets))
        return {"chi_reconstructed": (_PAIR, new_chi), "shift_reconstructed": (_PAIR, shift)}


def _closed(v: Strength, bare: np.ndarray, fits: xr.Dataset | None) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Eqs. 27-30 and what follows from them; P in the shells of ``fits`` when there are any."""
    reach = REACH * float(np.sqrt(channel_sums(v).sum(axis=-1).max()))
    support = (float(bare.min()) - reach, float(bare.max()) + reach)
    spectra = solve_spectra(v, bare, support, cells=CELLS, tolerance=SETTLED)
    freedom = freedom_of(real=v.real)
    entropies = predicted_entropies(spectra, coupled_states(v), freedom)
    peak = spectra.density.argmax(axis=-1)[..., None]
    data: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "chi_closed": (_PAIR, np.take_along_axis(spectra.chi, peak, axis=-1)[..., 0]),
        "shift_closed": (_PAIR, np.take_along_axis(spectra.shift, peak, axis=-1)[..., 0]),
        "norm_closed": (_PAIR, spectra.norm),
        "closed_settled": (_PAIR, spectra.convergence.settled.astype("i1")),
        "observational_closed": (_PAIR, entropies.smooth),
        "observational_own_closed": (_PAIR, entropies.own),
        "von_neumann_closed": (_PAIR, entropies.von_neumann),
        "renyi2_closed": (_PAIR, entropies.renyi2),
    }
    if fits is not None:
        edges = fits.shell_lower_edge.values
        data["P_closed"] = ((*_PAIR, "shell"), spectra.binned(np.append(edges, edges[-1] + fits.attrs["shell_width"])))
    return data
