"""Measurements of eigenstates from Python: each function is the section ``[measure.*]`` of a job, with its refusals.

They take the states that ``solve`` returns, which know their model, and return labelled arrays (xarray) with the energies of
the states.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import xarray as xr

from bigbath.errors import IncompleteWindow, JobError
from bigbath.measure.context import Context
from bigbath.measure.distribution import MeasureDistribution
from bigbath.measure.entanglement import MeasureEntanglement
from bigbath.measure.gap_ratio import MeasureGapRatio
from bigbath.measure.observables import MeasureObservables, sums_of
from bigbath.measure.participation import MeasureParticipation
from bigbath.measure.propagator import MeasurePropagator
from bigbath.measure.vectors import elements_between
from bigbath.solvers import Eigenstates
from bigbath.variables import described

#: Probability that the states may miss of an initial one.
MISSING = 1e-8
#: An operator in QuSpin's notation: [["zz", [[J, i, j], ...]], ...].
OperatorStrings = Sequence[Any]


class _Measurement(Protocol):
    def measure(self, context: Context) -> xr.Dataset: ...


def _measured(measurement: _Measurement, context: Context) -> xr.Dataset:
    """What a measurement gives, with the energies of the states and of the initial ones."""
    dataset = measurement.measure(context)
    parts = {"state": context.states, "bath_state": context.bath, "branch": context.system}
    names = {"state": "energy", "bath_state": "bath_energy", "branch": "system_energy"}
    there = {d: part for d, part in parts.items() if d in dataset.dims and part is not None}
    dataset = dataset.assign_coords({names[d]: (d, part.energies) for d, part in there.items()})
    low, high = context.states.extremes
    return described(dataset.assign_attrs(E_min=low, E_max=high))


def gap_ratio(
    states: Eigenstates,
    *,
    orders: Sequence[int] = (),
    accept_unresolved: bool = False,
    accept_unverified: bool = False,
) -> xr.Dataset:
    """Mean of min(a, b)/max(a, b) over neighbouring level spacings a, b of each sector: ``gap_ratio`` (sector).

    0.531 for levels that repel as those of random matrices (GOE), 0.386 for independent ones (Oganesyan & Huse, Phys. Rev.
    B 75, 155111; Atas et al., Phys. Rev. Lett. 110, 084101). ``orders``: also ratios of spacings between k-th neighbours.
    ``sector_label``, ``gap_ratio_unresolved`` say of which levels. The same as ``[measure.gap_ratio]``.

    Raises UnresolvedSpectrum where a sector mixes levels of several, unless ``accept_unresolved``; IncompleteWindow for
    states that are not certified, unless ``accept_unverified``; JobError for a window of several pieces.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=7)))
    >>> states = bb.solve(h, bb.Density(epsilon=0.5, k=60))
    >>> print(f"{float(bb.gap_ratio(states).gap_ratio[0]):.2f}")
    0.52
    """
    chosen = MeasureGapRatio(orders=tuple(orders), accept_unresolved=accept_unresolved)
    return _measured(chosen, Context.of(states, accept_unverified=accept_unverified))


def entanglement(states: Eigenstates, *cuts: Sequence[int] | range, accept_unverified: bool = False) -> xr.Dataset:
    """-Tr rho_A ln rho_A in nats: ``entanglement`` (state) of the system, ``entanglement_cut`` (state, cut) of ``cuts``.

    A cut is a set of sites, numbered with the system first. States of a degenerate level have no entanglement of their own:
    NaN. The same as ``[measure.entanglement]``. IncompleteWindow as in ``gap_ratio``; JobError for wrong sites.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=7))), bb.Nearest(k=3))
    >>> S = bb.entanglement(states, range(4)).entanglement_cut
    >>> S.dims, bool((S < 4 * 0.6931472).all())
    (('state', 'cut'), True)
    """
    chosen = MeasureEntanglement(cuts=tuple(tuple(cut) for cut in cuts))
    return _measured(chosen, Context.of(states, accept_unverified=accept_unverified))


def participation(
    states: Eigenstates, q: Sequence[float] = (1.0, 2.0), *, accept_unverified: bool = False
) -> xr.Dataset:
    """ln(sum_b |<b|n>|^2q)/(1 - q) over configurations b, between 0 and ln D: ``participation`` (state, q).

    ``q``: orders > 0; 1 is Shannon's. For a degenerate level it is that of its projector. The same as
    ``[measure.participation]``. IncompleteWindow as in ``gap_ratio``.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=7))), bb.Nearest(k=3))
    >>> bb.participation(states, q=[2]).participation.sizes["state"]
    3
    """
    chosen = MeasureParticipation(q=tuple(q))
    return _measured(chosen, Context.of(states, accept_unverified=accept_unverified))


def observables(
    states: Eigenstates,
    operators: Mapping[str, OperatorStrings] | None = None,
    *,
    pauli: Sequence[Literal["x", "y", "z"]] | None = None,
    elements: bool = False,
    accept_unverified: bool = False,
) -> xr.Dataset:
    """<n|O|n> of operators, ``expectation`` (state, operator), and of Pauli matrices, ``sigma_z`` (state, site) and so on.

    ``operators``: sums of Pauli strings by name, as QuSpin writes them: ``{"bond": [["zz", [[1.0, 0, 1]]]]}``. ``pauli``:
    letters whose local values are wanted (None: z and x, or none beside operators). ``elements``: also |<m|O|n>|^2,
    ``element_squared`` (state, other_state, operator), NaN with states of degenerate levels; their <n|O|n> is the mean over
    the level. The same as ``[measure.observables]``. IncompleteWindow as in ``gap_ratio``; JobError for what is no operator.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=7))), bb.Nearest(k=3))
    >>> bb.observables(states, {"bond": [["zz", [[1.0, 1, 2]]]]}).expectation.sizes
    Frozen({'state': 3, 'operator': 1})
    """
    letters = tuple(pauli) if pauli is not None else () if operators else ("z", "x")
    chosen = MeasureObservables(pauli=letters, operators=operators, elements=elements or None)  # type: ignore[arg-type]
    return _measured(chosen, Context.of(states, accept_unverified=accept_unverified))


def matrix_elements(states: Eigenstates, operator: OperatorStrings) -> np.ndarray:
    """<m|O|n> (k, k) of a sum of Pauli strings between the states as they are, float64 or complex128.

    The phase of each state, and the basis of a degenerate level, are the solver's: only what does not depend on them means
    something, as |<m|O|n>|^2 between levels (``observables(..., elements=True)``) or sums that hold each state twice.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=7))), bb.Nearest(k=3))
    >>> bb.matrix_elements(states, [["z", [[1.0, 0]]]]).shape
    (3, 3)
    """
    chosen = MeasureObservables(operators={"operator": operator})  # type: ignore[dict-item]
    assert chosen.operators is not None
    return elements_between(states, sums_of(chosen.operators["operator"], Context.of(states).sites))


def observational_entropy(
    states: Eigenstates, bath: Eigenstates, *, shell_width: float = 0.5, accept_unverified: bool = False
) -> xr.Dataset:
    """-sum_M P(M) ln[P(M)/d_M] in nats of the steady state over energy shells M of d_M levels: ``observational`` (bath_state, branch).

    Of every product state of a state of H_B (``bath``) and a level of the system (``branch``), with ``shannon``, the von
    Neumann entropy of the same steady state, which it bounds from above, and ``P`` (bath_state, branch, shell). ``shell_width`` in units of the coupling. The same as ``[measure.distribution]``
    (entropy paper, Eqs. 2, 3, 31 and Fig. 5). IncompleteWindow for states that are not certified, or
    do not hold the whole of an initial one; JobError for states that are not of H and H_B of one model.

    >>> import bigbath as bb
    >>> model = bb.draw(bb.Imbrie(L=6))
    >>> states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
    >>> S = bb.observational_entropy(states, bath, shell_width=1.0)
    >>> bool((S.observational >= S.shannon).all())
    True
    """
    _require_parts(states, bath)
    chosen = MeasureDistribution(shell_width=shell_width, fit="none")
    dataset = _measured(chosen, Context.of(states, bath, accept_unverified=accept_unverified))
    if (held := float(dataset.norm.min())) < 1 - MISSING:
        raise IncompleteWindow(
            f"an entropy needs all states that the initial ones reach; these hold {held:.3g} of one: take Whole()"
        )
    return dataset


def propagator(
    states: Eigenstates,
    bath: Eigenstates | None = None,
    *,
    kappa: Sequence[float],
    epsilon: Sequence[float] = (0.0,),
    accept_unverified: bool = False,
) -> xr.Dataset:
    """Propagator ``D`` (branch, branch_from, epsilon, kappa) between the system's levels, autocorrelation ``A``; theory with ``bath``.

    ``epsilon``: energies, ``kappa`` > 0: rates, in units of the coupling. D in its inverse square, A in its inverse. All
    states of H are needed, and for ``D_theory``, ``A_theory`` all of H_B. The same as ``[measure.propagator]`` (diffusion
    paper, Eqs. 7, 13-17, 22). IncompleteWindow where states are missing; JobError for an energy outside the spectrum.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=6))), bb.Whole())
    >>> bb.propagator(states, kappa=[0.5, 1.0]).A.dims
    ('epsilon', 'kappa')
    """
    _require_parts(states, bath)
    chosen = MeasurePropagator(epsilon=tuple(epsilon), kappa=tuple(kappa))
    return _measured(chosen, Context.of(states, bath, accept_unverified=accept_unverified))


def _require_parts(states: Eigenstates, bath: Eigenstates | None) -> None:
    """JobError unless ``states`` are those of H, and ``bath`` those of H_B of the same composite."""
    for one, part in ((states, "H"), (bath, "B")):
        if isinstance(one, Eigenstates) and one.part != part:
            raise JobError(f'these are states of the part {one.part}: take solve(build(composite, "{part}"), window)')
    if isinstance(bath, Eigenstates) and bath.composite is not states.composite and bath.composite != states.composite:
        raise JobError("states and bath are of different models, or of different realizations of one")
