"""Which figures a result can show. To add one for a new measurement: one function with ``@panel`` in ``panels.py``.

A measured number without a panel of its own gets one from its dimensions: against the swept key, or against the energy of the
eigenstates; names, units and labels are read from the variable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.errors import JobError
from bigbath.plots import style
from bigbath.plots.means import is_flag, measured
from bigbath.store import Result
from bigbath.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to draw of a result: system ``branch`` numbers, bath ``states`` nearest these energies, one ``realization``.

    Empty or None: all branches, a few states over the spectrum, the first realization where only one can be drawn.
    """

    branches: tuple[int, ...] = ()
    states: tuple[float, ...] = ()
    realization: int | None = None

    def task(self, result: Result, variable: str) -> Task:
        """The first task that holds ``variable``, of the chosen realization."""
        for task in sorted(result.tasks):
            if self.realization in (None, task.realization) and variable in result.tasks[task].variables:
                return task
        there = sorted({task.realization for task in result.tasks})
        if self.realization is not None and self.realization not in there:
            raise JobError(f"--realization {self.realization}: the file holds {_listed(there)}")
        raise JobError(f"the result holds no {variable}")

    def branches_of(self, dataset: xr.Dataset) -> list[int]:
        """Positions along ``branch``; JobError for a number that is not there."""
        numbers = [int(n) for n in dataset.branch.values]
        for branch in self.branches:
            if branch not in numbers:
                raise JobError(f"--branch {branch}: there are {_listed(numbers)}")
        return [numbers.index(n) for n in self.branches or numbers]

    def states_of(self, energies: np.ndarray, most: int = 3) -> list[int]:
        """Positions of the states nearest the chosen energies, or of ``most`` of them from the spectrum's middle part."""
        if self.states:
            return sorted({int(np.abs(energies - energy).argmin()) for energy in self.states})
        inner = np.linspace(0, energies.size - 1, most + 2)[1:-1] if energies.size > most else np.arange(energies.size)
        return np.unique(inner.astype(int)).tolist()


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (", ..." if len(numbers) > 12 else "")


#: Draws on axes.
Draw = Callable[[Result, Selection, Axes], None]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A figure by name; ``needs``: variables without which it cannot be drawn, the chief one first; ``shows``: others that it
    makes a panel of their own needless for. ``every_point``: it shows all points of a sweep by itself.
    """

    name: str
    needs: tuple[str, ...]
    shows: tuple[str, ...] = ()
    every_point: bool = False
    draw: Draw


_PANELS: dict[str, Panel] = {}


def panel(
    name: str, *, needs: Sequence[str], shows: Sequence[str] = (), every_point: bool = False
) -> Callable[[Draw], Draw]:
    """Register a function as the figure ``name``."""

    def register(draw: Draw) -> Draw:
        _PANELS[name] = Panel(name=name, needs=tuple(needs), shows=tuple(shows), every_point=every_point, draw=draw)
        return draw

    return register


def panels_of(result: Result) -> tuple[dict[str, Panel], dict[str, Panel]]:
    """The figures of a result's measurements, and those that it can show besides.

    With a sweep a panel whose chief variable is a number shows that against the swept key. What only says how good other
    numbers are is among the latter.
    """
    from bigbath.plots import level_panels, panels  # noqa: F401  both register their panels

    names = dict.fromkeys(name for dataset in result.tasks.values() for name in measured(dataset))
    numbers = {name: None for name in names if name.removesuffix("_steady") == name or name[:-7] not in names}
    there = {str(name) for dataset in result.tasks.values() for name in dataset.variables}
    chief = {name: p for name, p in _PANELS.items() if there.issuperset(p.needs)}
    covered = {variable for p in chief.values() for variable in (*p.needs, *p.shows)}
    if result.job.sweep is not None:
        chief = {
            name: replace(p, draw=panels.of_variable(p.needs[0]).draw)
            if p.needs[0] in numbers and not p.every_point
            else p
            for name, p in chief.items()
        }
    others = {name: panels.of_variable(name) for name in numbers if name not in chief}
    flags = {name for name in others if is_flag(name)}
    covered |= flags | {name for name in others if name.endswith("_theory") and name.removesuffix("_theory") in others}
    chief |= {name: p for name, p in others.items() if name not in covered}
    last = ("levels",) if len(chief) > 1 else ()
    besides = {
        name: p for name, p in (*others.items(), *chief.items()) if name in covered - chief.keys() or name in last
    }
    return {name: p for name, p in chief.items() if name not in besides}, besides


def chosen_panels(result: Result, what: Sequence[str] = ()) -> list[Panel]:
    """The panels called ``what``, or the one of each measurement; JobError for a name that cannot be drawn."""
    chief, besides = panels_of(result)
    there = chief | besides
    if not there:
        raise JobError("the result holds nothing to plot")
    for name in what:
        if name not in there:
            raise JobError(f"--what {name}: this result can show {', '.join(there)}")
    return [there[name] for name in what] or list(chief.values())[:MOST]


#: At most this many panels when none is chosen.
MOST = 8


@style.styled
def plot_result(
    result: Result,
    what: str | Sequence[str] = (),
    *,
    branch: Sequence[int] = (),
    state: Sequence[float] = (),
    realization: int | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Figures of a result, each in a panel: of every measurement, or those named in ``what`` (``bigbath plot --help``).

    ``branch``: numbers of system states; ``state``: energies near which bath states are chosen; ``ax``: draw the one panel
    there. Returns the figure, which belongs to no window. JobError for names and numbers that the result does not hold.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=5), spectrum=bb.Spectrum(window="whole"), measure={"entanglement": {}})
    >>> bb.plot_result(bb.run(job), "entanglement").savefig("entanglement.pdf")
    """
    chosen = chosen_panels(result, (what,) if isinstance(what, str) else tuple(what))
    selection = Selection(branches=tuple(branch), states=tuple(state), realization=realization)
    if realization is not None and realization not in (there := sorted({t.realization for t in result.tasks})):
        raise JobError(f"--realization {realization}: the file holds {_listed(there)}")
    if ax is not None:
        if len(chosen) > 1:
            names = ", ".join(p.name for p in chosen)
            raise JobError(f"ax= takes one panel: choose one of {names}")
        chosen[0].draw(result, selection, ax)
        return style.one_panel(ax)[0]
    columns = 1 if len(chosen) == 1 else 2
    figure, axes = style.panels(-(-len(chosen) // columns), columns, height=style.HEIGHT + 0.4)
    for one, axis in zip(chosen, axes.flat, strict=False):
        one.draw(result, selection, axis)
    for axis in axes.flat[len(chosen) :]:
        axis.set_visible(False)
    return figure
