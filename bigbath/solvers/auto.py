"""``Auto``: the engine with the cheapest forecast; and the list of all engines."""

from typing import Literal, get_args

from bigbath.choice import choice
from bigbath.errors import ImpossibleRequest
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.resources import memory_limit
from bigbath.solvers.dense import Dense
from bigbath.solvers.eigenstates import Eigenstates
from bigbath.solvers.engine import Engine
from bigbath.solvers.filter import Filter
from bigbath.solvers.forecast import Forecast
from bigbath.solvers.problem import Problem
from bigbath.solvers.shift_invert import ShiftInvert


@choice
class Auto:
    """The engine with the shortest forecast among those that take the window and fit into memory; the evidence says why.

    Where its states are not complete, or it turns out not to fit, the next one follows.

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.Imbrie(L=5)))
    >>> evidence = bb.solve(h, bb.Nearest(k=2), engine=bb.Auto()).evidence
    >>> evidence.engine, evidence.chosen.startswith("forecast for 64 states: dense")
    ('dense', True)
    """

    kind: Literal["auto"] = "auto"

    def refuses(self, problem: Problem) -> str | None:
        """Why no engine takes the problem."""
        reasons = [(engine.kind, engine.refuses(problem)) for engine in _engines()]
        return "; ".join(f"{kind}: {reason}" for kind, reason in reasons) if all(r for _, r in reasons) else None

    def forecast(self, problem: Problem) -> Forecast:
        """That of the engine which is chosen."""
        return self.choose(problem)[0].forecast(problem)

    def choose(self, problem: Problem, comm: Comm = None) -> tuple[Engine, str]:
        """The engine, and why."""
        ranked, reason = self._ranked(problem, comm)
        return ranked[0], reason

    def _ranked(self, problem: Problem, comm: Comm) -> tuple[list[Engine], str]:
        """Those that do not refuse: those that fit by their time, then the others by their memory. And the reason in words."""
        memory = memory_limit() if comm is None else min(comm.allgather(memory_limit()))
        forecasts, remarks = [], []
        for engine in _engines():
            if refused := engine.refuses(problem):
                remarks.append(f"{engine.kind} is left out: {refused.split('. ')[0]}")
            else:
                forecasts.append((engine, engine.forecast(problem)))
        if not forecasts:
            raise ImpossibleRequest(f"no engine takes this window; {'; '.join(remarks)}")
        forecasts.sort(key=lambda pair: (True, pair[1].bytes) if pair[1].bytes > memory else (False, pair[1].seconds))
        fitting = [(e.kind, f.seconds) for e, f in forecasts if f.bytes <= memory]
        remarks += [f"{e.kind} does not fit into memory" for e, f in forecasts if f.bytes > memory]
        times = ", ".join(f"{kind} {seconds:.2g} s" for kind, seconds in fitting)
        largest = max(s.dim for s in problem.sectors)
        where = f"{largest:,} states" if len(problem.sectors) == 1 else f"sectors of at most {largest:,} states"
        return [e for e, _ in forecasts], "; ".join([f"forecast for {where}: {times or 'none fits'}", *remarks])

    def solve(self, problem: Problem, comm: Comm = None, report: Report = silent) -> Eigenstates:
        """The states by the cheapest engine that finds them all."""
        ranked, reason = self._ranked(problem, comm)
        failed: list[str] = []
        incomplete: Eigenstates | None = None
        impossible: ImpossibleRequest | None = None
        for engine in ranked:
            if failed:
                report(f"{failed[-1]}: {engine.kind}", 0, 1)
            try:
                states = engine.solve(problem, comm, report)
            except ImpossibleRequest as error:
                if comm is not None and comm.size > 1 and not failed:
                    raise  # other ranks may be in the middle of it
                failed.append(f"{engine.kind}: {error}")
                impossible = impossible or error
                continue
            if states.evidence.complete == "yes":
                why = "; ".join(failed) or reason
                return states.with_evidence(chosen=why)
            failed.append(f"the {engine.kind} could not resolve the levels: {states.evidence.reason}")
            incomplete = incomplete or states
        if incomplete is None:
            raise impossible or AssertionError("there is no engine")
        return incomplete.with_evidence(chosen=reason, reason="; ".join(failed))


AnyEngine = Auto | Dense | ShiftInvert | Filter

#: All engines but ``Auto``. To add one, write its file and name it in the line above.
ENGINES = tuple(kind for kind in get_args(AnyEngine) if kind is not Auto)


def _engines() -> list[Engine]:
    return [kind() for kind in ENGINES]
