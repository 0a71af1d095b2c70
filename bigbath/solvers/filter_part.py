"""One sector of a filter solve: its filtered vectors, their samples, and the Ritz pairs of all samples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bigbath.chebyshev import DensityOfStates, random_vectors
from bigbath.operators import Operator, Scale
from bigbath.ranks import total
from bigbath.resources import cores
from bigbath.solvers.basis import Basis
from bigbath.solvers.sampling import BETA, Chain, Checkpoint, Plan, advance
from bigbath.solvers.subspace import SPURIOUS, residual_directions
from bigbath.solvers.window import allowed_residual
from bigbath.spaces import Sector

#: More samples that levels get where they are crowded, as a part of those expected.
LONGER = 0.2

#: A remainder of the test's vector that no missing state would leave, but with a probability of about that.
HELD = 1e-2

#: Part of the probability that a state is missing above which a Ritz vector is looked at; part of the allowed residual that is left when it is
#: filtered again; how many filters that may take, a tenth of it the next time.
SEEN, CLEAN, REFILTERED = 0.1, 0.3, 3.0

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
        return float(self.remainder + self._inside(edges).sum())

    def _inside(self, edges: tuple[float, float]) -> np.ndarray:
        """What each Ritz vector may leave of the test's vector in the window, 0 for eigenvectors."""
        distance = np.maximum(edges[0] - self.energies, self.energies - edges[1])
        share = self.residuals / np.maximum(distance, np.maximum(self.residuals, np.finfo(float).tiny))
        return np.where(self.good, 0, share * np.abs(self.weights))

    def missed(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Probability that a state of the window is missing, 1 at most. The same vector may have been looked at before."""
        return 0.0 if self.plan is None else min(1.0, self.leftover(edges) * self._per_leftover(scale, edges))

    def _per_leftover(self, scale: Scale, edges: tuple[float, float]) -> float:
        """Probability that a state is missing, over what is left over."""
        assert self.plan is not None
        amplitude = self.plan.amplitude(scale, edges)
        return self.tests * float(np.sqrt(2 / np.pi)) / amplitude if amplitude > 0 else np.inf

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
        block = random_vectors(self.operator, (*self._key, number))
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

    def sample_longer(self, report: Steps) -> None:
        """More samples of the same vectors, LONGER times as many as of the first."""
        self._sample(self._longer, None, None, report)

    def spoiled(self, scale: Scale, edges: tuple[float, float], least: float) -> np.ndarray:
        """The Ritz vectors that keep a window from being complete: those in it, and those that the test may see there."""
        within = self.levels & ~self.good & (self.energies >= edges[0]) & (self.energies <= edges[1])
        seen = self._inside(edges) * self._per_leftover(scale, edges) > SEEN * least
        return np.flatnonzero(within | seen)

    def refilter(self, norm: float, core: tuple[float, float], which: np.ndarray, report: Steps) -> int | None:
        """Filter once more what rounding has left in crowded levels; None where other vectors take fewer products.

        Rounding enters by the few smallest directions of the samples, so that the residuals of many levels have few directions:
        Ritz vectors, ``which`` see ``spoiled``, are turned so that the first hold them, and those are filtered again, no more than they
        need. Good Ritz vectors come first then; returns their number.
        """
        assert self.plan is not None
        if not 0 < which.size <= self.basis.capacity - self.basis.size:
            return None
        comm = self.operator.comm
        columns = self.basis.columns(0, self.basis.size)
        sizes, rotation = residual_directions(self.operator.product, self.energies[which], columns, which, comm)
        allowed = CLEAN * allowed_residual(norm, (core,))
        left = np.cumsum((np.abs(rotation * sizes) ** 2)[:, ::-1], axis=1)[:, ::-1].max(axis=0)
        count = int(np.sum(left > allowed**2))
        betas = np.maximum(np.log(sizes[:count] / allowed), 1.0)
        if betas.sum() > self._refilters * BETA:
            return None
        self._refilters /= 10
        filtered = self._filtered(self.basis.take_out(which, rotation, count), betas, report)
        kept = np.delete(np.arange(self.energies.size), which[:count])
        order = np.argsort(~self.good[kept], kind="stable")
        self.basis.reorder(order)
        self.energies = self.energies[kept][order]
        self.residuals = self.residuals[kept][order]
        self.basis.columns(self.basis.size, self.basis.size + count)[:] = filtered
        self.basis.extend(count)
        return int(self.good.sum())

    def _filtered(self, vectors: np.ndarray, betas: np.ndarray, report: Steps) -> np.ndarray:
        """The filter on vectors (d, n), of which e^-beta is left beyond the band, beta descending."""
        assert self.plan is not None
        width, chains = self.operator.columns, []
        for columns in np.split(np.arange(betas.size), range(width, betas.size, width)):
            block = np.zeros((vectors.shape[0], width), dtype=vectors.dtype)
            block[:, : columns.size] = vectors[:, columns]
            chains.append(Chain(self.operator, block, self.plan.softer(betas[columns[0]]), self.plan.times))
        self.products += sum(chain.left for chain in chains) * width
        advance(chains, self._threads, vectors, None, report)
        return np.concatenate([chain.filtered for chain in chains], axis=1)[:, : betas.size]

    @property
    def _threads(self) -> int:
        return cores() if self.operator.comm is None else 1

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
        pairs, basis, self._refilters = min(pairs, self._room), self.basis, REFILTERED
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

        ``first``: so many are there already.
        """
        assert self.plan is not None
        comm, basis = self.operator.comm, self.basis
        middle, reach = sum(core) / 2, self.plan.tested * (core[1] - core[0]) / 2
        energies, residuals = basis.ritz(norm, (middle - reach, middle + reach), first)
        self.energies = np.append(self.energies[:first], energies)
        order = np.argsort(self.energies)
        if first:
            basis.reorder(order)
        self.energies = self.energies[order]
        self.residuals = np.append(self.residuals[:first], residuals)[order]
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
