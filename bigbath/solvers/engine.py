"""What an engine is: which windows it takes, what they cost, and the states with evidence."""

from typing import Protocol

from bigbath.progress import Report
from bigbath.ranks import Comm
from bigbath.solvers.eigenstates import Eigenstates
from bigbath.solvers.forecast import Forecast
from bigbath.solvers.problem import Problem


class Engine(Protocol):
    """Finds eigenstates. A frozen choice; ``kind`` is its name in a job file."""

    @property
    def kind(self) -> str:
        """The engine's name."""

    def refuses(self, problem: Problem) -> str | None:
        """Why it cannot solve the problem here at all, in words; None where it can. Costs nothing."""

    def forecast(self, problem: Problem) -> Forecast:
        """Time and memory of ``solve``, from dimensions, strings and the window alone: nothing is built."""

    def solve(self, problem: Problem, comm: Comm, report: Report) -> Eigenstates:
        """The window's states, with evidence; ImpossibleRequest or MissingCapability where it cannot find them."""
