"""One sector of a filter solve: its filtered vectors, their samples, and the Ritz pairs of all samples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bigbath.chebyshev import DensityOfStates
from bigbath.operators import Operator, Scale
from bigbath.ranks import total
from bigbath.resources import cores
from bigbath.solvers.basis import Basis
from bigbath.solvers.sampling import Chain, Checkpoint, Plan, advance
from bigbath.solvers.subspace import SPURIOUS
from bigbath.solvers.window import allowed_residual
from bigbath.spaces import Sector

#: More samples that levels get where they are crowded, as a part of those expected.
LONGER = 0.2

#: A remainder of the test's vector that no missing state would leave, but with a probability of about that.
HELD = 1e-2

#: Reports steps done and all steps.
Steps = Callable[[float, float], None]


@dataclass(eq=False)
class FilterPart:
    """One sector: its operator, density of states, and Ritz pairs.

    ``good``: which of them are eigenpairs; ``levels``: which are, or are mixtures of eigenvectors of close levels.
    ``remainder``, ``weights``: what no Ritz vector explains of the test's vector, and its overlaps with them; ``tests``: how
    often it has been looked at. ``vectors``: how many have been filtered. ``plan``: None where LAPACK found every state.
    """

    sector: Sector
    operator: Operator
    density: DensityOfStates
    plan: Plan | None = None
    basis: Basis = field(init=False)
    energies: np.ndarray = field(init=False)
    residuals: np.ndarray = field(init=False)
    good: np.ndarray = field(init=False)
    levels: np.ndarray = field(init=False)
    remainder: float = 0.0
    weights: np.ndarray = field(init=False)
    tests: int = 0
    vectors: int = 0
    products: int = 0
    _chains: list[Chain] = field(default_factory=list)
    _test: Chain = field(init=False)
    _key: tuple[int, ...] = ()
    _checkpoint: Checkpoint | None = None

    def leftover(self, edges: tuple[float, float]) -> float:
        """Bound on |<m|test>| for any state |m> in the window that is not among the states found.

        What no Ritz vector explains, plus the Ritz vectors in the window that are not eigenvectors, plus the part of
        those outside that can lie in the window: |<m|u>| <= residual / distance.
        """
        lo, hi = edges
        bad = ~self.good
        distance = np.maximum(lo - self.energies[bad], self.energies[bad] - hi)
        share = self.residuals[bad] / np.maximum(distance, self.residuals[bad])
        return float(self.remainder + np.sum(share * np.abs(self.weights[bad])))

    def missed(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Probability that a state of the window is missing, 1 at most. The same vector may have been looked at before."""
        if self.plan is None:
            return 0.0
        amplitude = self.plan.amplitude(scale, edges)
        if amplitude <= 0:
            return 1.0
        return min(1.0, self.tests * float(np.sqrt(2 / np.pi)) * self.leftover(edges) / amplitude)

    def crowded(self, scale: Scale, edges: tuple[float, float], least: float) -> bool:
        """Whether the Ritz vectors hold every state of the window, but some are mixtures: levels are too close for these samples.

        Then more samples, or another vector, tell them apart, as far as there is memory.
        """
        if self.plan is None or self.missed(scale, edges) <= least:
            return False
        if self.remainder > min(HELD, self.leftover(edges) / 2):
            return False
        return self.longer_pays or self.has_room(1)

    def set_all(self, energies: np.ndarray, vectors: np.ndarray, residuals: np.ndarray) -> None:
        """Every state of the sector (D, D), which LAPACK has found."""
        self.energies, self.residuals = energies, residuals
        self.basis = Basis.of(self.operator, vectors)
        self.good = self.levels = np.ones(energies.size, dtype=bool)

    def forget(self) -> None:
        """Free the memory of what has been found."""
        self.plan, self.basis, self._chains = None, Basis(self.operator, 0), []

    def begin(self, plan: Plan, key: tuple[int, ...]) -> None:
        """New random vectors, those of the filter and the test's. ``key`` determines them."""
        self.plan, self._key, self.vectors, self.tests = plan, key, 0, 0
        self.basis = Basis(self.operator, plan.capacity)
        self._chains = []
        self._test = self._chain(plan.b // self.operator.columns, plan.check)
        self.add(plan.b)

    def add(self, vectors: int) -> None:
        """More filtered vectors; what has been found stays in the basis."""
        assert self.plan is not None
        columns, test = self.operator.columns, self.plan.b // self.operator.columns
        first, number = self.vectors // columns, -(-vectors // columns)
        first += first >= test  # its number is the test's
        self._chains = [self._chain(first + i, self.plan.coefficients) for i in range(number)]
        self.vectors += number * columns

    def add_some(self) -> None:
        """A filtered vector more for each core that would be idle, as far as there is memory."""
        assert self.plan is not None
        most = min(cores(), self.plan.b) if self.operator.comm is None else 1
        self.add(most if self.has_room(most) else 1)

    def has_room(self, vectors: int) -> bool:
        """Whether so many vectors more could be sampled."""
        assert self.plan is not None
        return self.basis.size + 4 * vectors * self.plan.more <= self.basis.capacity

    def _chain(self, number: int, coefficients: np.ndarray) -> Chain:
        assert self.plan is not None
        return Chain(self.operator, (*self._key, number), coefficients, self.plan.times)

    def sample(self, directory: str | None, report: Steps) -> None:
        """Filter the vectors, and sample them until the samples bring nothing new or the memory is full."""
        assert self.plan is not None
        begins = self.basis.size == 0
        checkpoint = self._checkpoint = self._kept_in(Path(directory)) if begins and directory else None
        self.basis.new = 1.0
        self._sample(self.plan.first if begins else self.plan.more, self._test if begins else None, checkpoint, report)
        while not self.basis.complete and self._room:
            self._sample(self.plan.more, None, None, report)

    def sample_longer(self, report: Steps) -> None:
        """More samples of the same vectors, LONGER times as many as of the first."""
        self._sample(self._longer, None, None, report)

    @property
    def _longer(self) -> int:
        assert self.plan is not None
        return int(np.ceil(LONGER * self.plan.samples))

    @property
    def longer_pays(self) -> bool:
        """Whether more samples of these vectors are possible, and take fewer products than one filtered vector more."""
        assert self.plan is not None
        longer = self._longer * self.plan.spacing * self.plan.b
        return self.vectors == self.plan.b and self._longer <= self._room and longer <= self.plan.coefficients.size

    @property
    def _room(self) -> int:
        """Pairs of each vector for which there is memory."""
        return (self.basis.capacity - self.basis.size) // (2 * self.operator.columns * len(self._chains))

    def _sample(self, pairs: int, test: Chain | None, checkpoint: Checkpoint | None, report: Steps) -> None:
        pairs, basis = min(pairs, self._room), self.basis
        count = 2 * self.operator.columns * pairs * len(self._chains)
        room = basis.columns(basis.size, basis.size + count)
        for chain, out in zip(self._chains, np.split(room, len(self._chains), axis=1), strict=True):
            chain.sample(out)
        chains = [*self._chains, *([] if test is None else [test])]
        self.products += sum(chain.left for chain in chains) * self.operator.columns
        advance(chains, cores() if self.operator.comm is None else 1, room, checkpoint, report)
        basis.extend(count)

    def ritz(self, norm: float, core: tuple[float, float]) -> None:
        """Ritz pairs of all samples, and what they leave of the test's vector. ``core``: the window, as far as it is known."""
        assert self.plan is not None
        comm, basis = self.operator.comm, self.basis
        middle, reach = sum(core) / 2, self.plan.tested * (core[1] - core[0]) / 2
        self.energies, vectors, self.residuals = basis.ritz(norm, (middle - reach, middle + reach))
        self.good = self.residuals <= allowed_residual(norm, (core,))
        self.levels = self.residuals <= SPURIOUS * norm
        test = self._test.filtered[:, 0]
        self.weights = total(vectors.conj().T @ test, comm)
        self.remainder = float(np.sqrt(total(np.sum(np.abs(test - vectors @ self.weights) ** 2), comm)))
        self.tests += 1
        if self._checkpoint is not None:
            self._checkpoint.remove()

    def _kept_in(self, directory: Path) -> Checkpoint:
        model = self.density.moments.tobytes()
        return Checkpoint(directory, repr((self.plan, self._key)).encode() + model)
