"""One sector of a filter solve: its filtered vectors, their samples, and the Ritz pairs of all samples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bigbath.chebyshev import DensityOfStates, random_vectors
from bigbath.operators import Operator, Scale
from bigbath.ranks import same, total
from bigbath.resources import cores
from bigbath.solvers.basis import Basis
from bigbath.solvers.sampling import BETA, Chain, Checkpoint, Plan, advance, at_angles
from bigbath.solvers.subspace import SPURIOUS, residual_directions
from bigbath.solvers.window import allowed_residual
from bigbath.spaces import Sector

#: More samples that levels get where they are crowded, as a part of those expected.
LONGER = 0.2

#: A remainder of the test's vector that no missing state would leave, but with a probability of about that.
HELD = 1e-2

#: Part of the allowed probability that a state is missing which a level outside the window may take up.
SEEN = 0.1

#: Part of the allowed residual that is left of levels that are filtered again; beta of a filter as they typically need.
LEFT, SOFT = 0.3, 10.0

#: How many filters of one vector these may take in all for one plan, a tenth of that the second time.
REFILTERED = 3.0

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
    energies: np.ndarray = field(default_factory=lambda: np.empty(0))
    residuals: np.ndarray = field(default_factory=lambda: np.empty(0))
    good: np.ndarray = field(init=False)
    levels: np.ndarray = field(init=False)
    remainder: float = 0.0
    weights: np.ndarray = field(init=False)
    tests: int = 0
    vectors: int = 0
    products: int = 0
    _refilters: float = 0.0
    _chains: list[Chain] = field(default_factory=list)
    _test: Chain = field(init=False)
    _key: tuple[int, ...] = ()
    _checkpoint: Checkpoint | None = None

    def leftover(self, edges: tuple[float, float]) -> float:
        """Bound on |<m|test>| for any state |m> in the window that is not among the states found.

        What no Ritz vector explains, plus the Ritz vectors in the window that are not eigenvectors, plus the part of
        those outside that can lie in the window: |<m|u>| <= residual / distance.
        """
        return float(self.remainder + np.sum((self._share(edges) * np.abs(self.weights))[~self.good]))

    def _share(self, edges: tuple[float, float]) -> np.ndarray:
        """Bound on the part of each Ritz vector that can lie in the window."""
        distance = np.maximum(edges[0] - self.energies, self.energies - edges[1])
        return self.residuals / np.maximum(distance, np.maximum(self.residuals, np.finfo(float).tiny))

    def missed(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Probability that a state of the window is missing, 1 at most. The same vector may have been looked at before."""
        if self.plan is None:
            return 0.0
        largest = self._tolerated(scale, edges)
        return min(1.0, self.leftover(edges) / largest) if largest > 0 else 1.0

    def _tolerated(self, scale: Scale, edges: tuple[float, float]) -> float:
        """``leftover`` over this is the probability that a state is missing."""
        assert self.plan is not None
        return self.plan.amplitude(scale, edges) / (self.tests * float(np.sqrt(2 / np.pi)))

    def crowded(self, scale: Scale, edges: tuple[float, float], least: float) -> bool:
        """Whether the Ritz vectors hold every state of the window, but some are mixtures: levels are too close for these samples.

        Then ``go_on`` tells them apart, as far as there is memory.
        """
        if self.plan is None or self.missed(scale, edges) <= least:
            return False
        if self.remainder > min(HELD, self.leftover(edges) / 2):
            return False
        return self._longer_pays or self.has_room(1)

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
        self._refilters = REFILTERED
        self.basis = Basis(self.operator, plan.capacity)
        self._chains = []
        self._test = self._chain(self._random(plan.b // self.operator.columns), plan.check)
        self.add(plan.b)

    def add(self, vectors: int) -> None:
        """More filtered vectors; what has been found stays in the basis."""
        assert self.plan is not None
        columns, test = self.operator.columns, self.plan.b // self.operator.columns
        first, number = self.vectors // columns, -(-vectors // columns)
        first += first >= test  # its number is the test's
        self._chains = [self._chain(self._random(first + i), self.plan.coefficients) for i in range(number)]
        self.vectors += number * columns

    def has_room(self, vectors: int) -> bool:
        """Whether so many vectors more, in whole blocks, could be sampled."""
        assert self.plan is not None
        columns = self.operator.columns
        whole = -(-vectors // columns) * columns
        return self.basis.size + 4 * whole * self.plan.more <= self.basis.capacity

    def _random(self, number: int) -> np.ndarray:
        return random_vectors(self.operator, (*self._key, number))

    def _chain(self, block: np.ndarray, coefficients: np.ndarray) -> Chain:
        assert self.plan is not None
        return Chain(self.operator, block, coefficients, self.plan.times)

    def sample(self, directory: str | None, report: Steps) -> None:
        """Filter the vectors, and sample them until the samples bring nothing new or the memory is full."""
        assert self.plan is not None
        begins = self.basis.size == 0
        checkpoint = self._checkpoint = self._kept_in(Path(directory)) if begins and directory else None
        self.basis.new = 1.0
        self._sample(self.plan.first if begins else self.plan.more, self._test if begins else None, checkpoint, report)
        while not self.basis.complete and self._room:
            self._sample(self.plan.more, None, None, report)

    def go_on(self, scale: Scale, norm: float, core: tuple[float, float], which: np.ndarray, report: Steps) -> int:
        """Tell crowded levels apart; ``which``: see ``spoiled``.

        By filtering these again, by more samples of the same vectors, or by a filtered vector more for each core that would be idle.
        Returns how many columns, now the first, are good and need no Rayleigh-Ritz.
        """
        assert self.plan is not None
        first = self.refilter(scale, norm, core, which, report)
        if first is not None:
            return first
        if self._longer_pays:
            self._sample(self._longer, None, None, report)
        else:
            most = min(cores(), self.plan.b) if self.operator.comm is None else 1
            self.add(most if self.has_room(most) else 1)
            self.sample(None, report)
        return 0

    def spoiled(self, scale: Scale, edges: tuple[float, float], least: float) -> np.ndarray:
        """The levels that keep a window from being complete: those in it, and those of which the test may see a part there.

        How much that is, is expected from the test's filter. Its vector has no say in what is found.
        """
        assert self.plan is not None
        levels = self.levels & ~self.good
        seen = (self.energies >= edges[0]) & (self.energies <= edges[1])
        outside = np.flatnonzero(levels & ~seen)
        angles = np.array([scale.angle(energy) for energy in self.energies[outside].tolist()])
        expected = self._share(edges)[outside] * np.abs(at_angles(self.plan.check, angles))
        limit = SEEN * least * self._tolerated(scale, edges)
        seen[outside] = (limit > 0) & (expected > limit)
        return np.flatnonzero(levels & seen)

    def refilter(
        self, scale: Scale, norm: float, core: tuple[float, float], which: np.ndarray, report: Steps
    ) -> int | None:
        """Filter once more what rounding has left in crowded levels; None where that is nothing, or too much.

        Rounding enters by the few smallest directions of the samples, so that the residuals of many levels have few directions.
        Ritz vectors are turned so that the first hold these, and those are filtered, with no more steps than they need.
        """
        assert self.plan is not None
        basis, columns = self.basis, self.operator.columns
        if not 0 < which.size <= basis.capacity - basis.size:
            return None
        ends = np.array([scale.angle(self.energies[level]) for level in which[[0, -1]]])
        passed = at_angles(self.plan.softer(SOFT), ends).min()
        allowed = LEFT * allowed_residual(norm, (core,)) * max(passed, np.exp(-SOFT))
        sizes, rotation = residual_directions(
            self.operator.product, self.energies[which], basis.columns(0, basis.size), which, allowed,
            basis.columns(basis.size, basis.size + which.size), self.operator.comm,
        )  # fmt: skip
        betas = same(np.maximum(np.log(sizes / allowed), 1.0), self.operator.comm)
        if columns * betas[::columns].sum() > self._refilters * BETA:
            return None
        self._refilters /= 10
        basis.turn(which, rotation)
        noisy = which[: sizes.size]
        rest = np.setdiff1d(np.arange(basis.size), noisy)
        self._reorder(np.concatenate([rest[self.good[rest]], rest[~self.good[rest]], noisy]))
        self._filter(basis.drop(noisy.size), betas, report)
        basis.extend(noisy.size)
        return int(self.good.sum())

    def _reorder(self, order: np.ndarray) -> None:
        self.basis.reorder(order)
        self.energies, self.residuals = self.energies[order], self.residuals[order]

    def _filter(self, vectors: np.ndarray, betas: np.ndarray, report: Steps) -> None:
        """Filter vectors (d, n), in place, of which e^-beta is left beyond the band, beta descending."""
        assert self.plan is not None
        width = self.operator.columns
        together = width * self._threads
        for first in range(0, betas.size, together):
            parts = [
                slice(k, min(k + width, betas.size)) for k in range(first, min(first + together, betas.size), width)
            ]
            chains = []
            for part in parts:
                block = np.zeros((vectors.shape[0], width), dtype=vectors.dtype)
                block[:, : part.stop - part.start] = vectors[:, part]
                chains.append(self._chain(block, self.plan.softer(betas[part.start])))
            self.products += sum(chain.left for chain in chains) * width
            advance(chains, self._threads, vectors, None, report)
            for part, chain in zip(parts, chains, strict=True):
                vectors[:, part] = chain.filtered[:, : part.stop - part.start]

    @property
    def _threads(self) -> int:
        return cores() if self.operator.comm is None else 1

    @property
    def _longer(self) -> int:
        assert self.plan is not None
        return int(np.ceil(LONGER * self.plan.samples))

    @property
    def _longer_pays(self) -> bool:
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
        advance(chains, self._threads, room, checkpoint, report)
        basis.extend(count)

    def ritz(self, norm: float, core: tuple[float, float], first: int = 0) -> None:
        """Ritz pairs of all samples, and what they leave of the test's vector. ``core``: the window, as far as it is known.

        ``first``: so many columns are good Ritz vectors already and stay as they are.
        """
        assert self.plan is not None
        comm, basis = self.operator.comm, self.basis
        middle, reach = sum(core) / 2, self.plan.tested * (core[1] - core[0]) / 2
        energies, residuals = basis.ritz(norm, (middle - reach, middle + reach), first)
        self.energies = np.append(self.energies[:first], energies)
        self.residuals = np.append(self.residuals[:first], residuals)
        if first:
            self._reorder(np.argsort(self.energies, kind="stable"))
        vectors = basis.columns(0, basis.size)
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
