"""Eigenstates together with the evidence for them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from bigbath.compact import Compact
from bigbath.errors import ImpossibleRequest, IncompleteWindow, JobError
from bigbath.models import Composite, MatrixComposite
from bigbath.operators import Part, dims_of
from bigbath.ranks import Comm, total
from bigbath.resources import require_memory
from bigbath.solvers.window import TIE, AnyWindow, Interval, Levels, NoStates, allowed_residual
from bigbath.spaces import Sector

if TYPE_CHECKING:
    import xarray as xr

#: Largest |V^T V - 1| of states that may be called complete.
ORTHOGONALITY = 1e-9

ENERGIES_ONLY = (
    "these states have energies only, since they were solved with vectors = false: solve with vectors = true "
    "for what needs eigenvectors"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Evidence(Compact):
    """What a solver knows about its own result.

    ``residual``: largest ||H v - E v|| (absolute, 2-norm). ``orthogonality``: largest |V^T V - 1| entry, or above
    1024 states of a sector a stochastic estimate of its Frobenius norm, which bounds it. ``norm``: ||H||.
    ``chosen``: why ``Auto`` took this engine, "" where it was asked for.
    ``edges``: the intervals that make up the window. ``counted``: number of levels between them by inertia
    (Sylvester's law), by full diagonalisation, or (filter) by a random vector that the states found explain but for a
    stated probability; ``found``: number returned. ``complete``: "yes" only if the two
    agree and the residuals and orthogonality are small.

    >>> import bigbath as bb
    >>> found = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Nearest(k=5)).evidence
    >>> found.complete, found.counted, found.residual < 1e-10 * found.norm
    ('yes', 5, True)
    """

    engine: str
    norm: float
    residual: float
    orthogonality: float
    edges: tuple[tuple[float, float], ...]
    counted: int | None
    found: int
    complete: Literal["yes", "no", "unverified"]
    reason: str
    iterations: int = 0
    factorisations: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    chosen: str = ""

    @property
    def engine_in_words(self) -> str:
        """ "dense, chosen by auto"."""
        return f"{self.engine}, chosen by auto" if self.chosen else self.engine

    def _facts(self) -> dict[str, Any]:
        counted = "not counted" if self.counted is None else f"{self.counted:,} counted"
        return {
            "complete": self.complete,
            "states": f"{self.found:,} found, {counted}",
            "engine": self.engine_in_words,
            "largest residual": f"{self.residual:.1e} (|H| = {self.norm:.3g})",
            "orthogonality": f"{self.orthogonality:.1e}",
            "because": self.reason,
            **({"auto": self.chosen} if self.chosen else {}),
        }


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Eigenstate(Compact):
    """One eigenstate: ``energy``, ``residual`` ||H v - E v||, both in units of the coupling, and its ``sector``.

    ``coordinates``: (d,) in the sector, None where only energies were kept. ``vector()`` is made of them when it is asked for.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Whole())
    >>> states[0].vector().shape, states[0].energy < states[1].energy
    ((32,), True)
    """

    energy: float
    residual: float
    sector: Sector
    coordinates: np.ndarray | None

    def vector(self) -> np.ndarray:
        """The vector (D,) over all configurations, float64 or complex128; ImpossibleRequest where only energies were kept."""
        if self.coordinates is None:
            raise ImpossibleRequest(ENERGIES_ONLY)
        require_memory(16 * self.sector.whole, "an eigenvector in the whole space", "Use .coordinates and .sector.")
        return self.sector.lift(self.coordinates[:, None])[:, 0]

    def _facts(self) -> dict[str, Any]:
        return {"energy": f"{self.energy:.12g}", "residual": f"{self.residual:.1e}", "sector": str(self.sector)}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Block(Compact):
    """Eigenstates of one symmetry sector, in the sector's coordinates.

    ``energies``: (k,) ascending. ``kept``: the vectors (d, k), or the slab (rows[1] - rows[0], k) of this rank; without
    columns where only energies were asked for. ``residuals``: (k,).
    """

    sector: Sector
    energies: np.ndarray
    kept: np.ndarray
    residuals: np.ndarray
    rows: tuple[int, int]

    def _facts(self) -> dict[str, Any]:
        return {"states": f"{self.energies.size:,} of {self.sector.dim:,} in the sector {self.sector}"}

    @property
    def vectors(self) -> np.ndarray:
        """The vectors (d, k), or the slab (rows[1] - rows[0], k) of this rank; ImpossibleRequest where none were kept."""
        if self.kept.shape[1] != self.energies.size:
            raise ImpossibleRequest(ENERGIES_ONLY)
        return self.kept

    @property
    def dtype(self) -> np.dtype:
        """float64 or complex128, of the vectors."""
        return self.kept.dtype

    def only(self, which: np.ndarray) -> "Block":
        """The states in the columns ``which``, with their vectors if these were kept."""
        columns = which if self.kept.shape[1] else which[:0]
        return replace(self, energies=self.energies[which], kept=self.kept[:, columns], residuals=self.residuals[which])

    def without_vectors(self) -> "Block":
        """Energies and residuals alone."""
        return replace(self, kept=np.empty((self.kept.shape[0], 0), dtype=self.dtype))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Eigenstates(Compact):
    """States of an energy window, kept by symmetry sector, with evidence.

    A sequence in ascending energy: ``len(states)``, ``for state in states``, ``states[3].vector()``, ``states[10:20]``, which
    is certified in a ``window`` of its own like the one it is cut from, unless it cuts a level.

    ``extremes``: (E_min, E_max) of the whole Hamiltonian, or of the sectors that were selected; ``dim`` D its dimension. ``comm`` is
    the communicator over which the rows of the vectors are distributed, None on one process. ``composite``, ``part``: what
    they are states of; None for a Hamiltonian that was not built from a model.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.Imbrie(L=4))), bb.Whole())
    >>> len(states), states[10:20].evidence.complete, states.vectors([0, 1]).shape
    (32, 'yes', (32, 2))
    """

    blocks: tuple[Block, ...]
    window: AnyWindow
    extremes: tuple[float, float]
    evidence: Evidence
    comm: Comm = None
    dim: int = 0
    composite: Composite | None = None
    part: Part = "H"

    @property
    def dims(self) -> tuple[int, int]:
        """(D_S, D_B) of the space that they are states over; (D, 1) where the model is not known."""
        return (self.dim, 1) if self.composite is None else dims_of(self.composite, self.part)

    @property
    def sites(self) -> int:
        """Number of spins; 0 for a model of matrices, or where it is not known."""
        if self.composite is None or isinstance(self.composite, MatrixComposite):
            return 0
        return (self.dims[0] * self.dims[1]).bit_length() - 1

    def __len__(self) -> int:
        return sum(b.energies.size for b in self.blocks)

    def __iter__(self) -> Iterator[Eigenstate]:
        for block, column in self._places():
            yield self._state(block, column)

    @overload
    def __getitem__(self, which: int) -> Eigenstate: ...

    @overload
    def __getitem__(self, which: slice) -> "Eigenstates": ...

    def __getitem__(self, which: int | slice) -> "Eigenstate | Eigenstates":
        """A state, or the states of a slice without steps."""
        if isinstance(which, slice):
            first, last, step = which.indices(len(self))
            if step != 1:
                raise JobError("a slice of eigenstates takes neighbours: no steps")
            return self._between(first, max(first, last))
        number = range(len(self))[which]
        return self._state(*self._places()[number])

    def _places(self) -> list[tuple[Block, int]]:
        """The block of each state, and its column there, in the order of ``energies``."""
        places = [(block, column) for block in self.blocks for column in range(block.energies.size)]
        return [places[n] for n in self.order]

    def _state(self, block: Block, column: int) -> Eigenstate:
        if self.comm is not None and self.comm.size > 1:
            raise NotImplementedError("vectors are distributed; use the blocks")
        return Eigenstate(
            energy=float(block.energies[column]), residual=float(block.residuals[column]), sector=block.sector,
            coordinates=block.kept[:, column] if block.kept.shape[1] else None,
        )  # fmt: skip

    def _between(self, first: int, last: int) -> "Eigenstates":
        """States number ``first`` ... ``last`` - 1; complete in their own, narrower window, unless that cuts a level."""
        energies, position = self.energies, np.empty(len(self), dtype=np.int64)
        position[self.order] = np.arange(len(self))
        blocks, start = [], 0
        for block in self.blocks:
            mine = position[start : start + block.energies.size]
            kept = np.flatnonzero((mine >= first) & (mine < last))
            start += block.energies.size
            if kept.size:
                blocks.append(block.only(kept))
        e, reason = self.evidence, f"states {first} to {last - 1} of a window: {self.evidence.reason}"
        ends, cut = [-np.inf, np.inf], first == last
        for side, at in enumerate((first, last)):
            if 0 < at < energies.size:
                ends[side] = float(energies[at - 1] + energies[at]) / 2
                if energies[at] - energies[at - 1] <= TIE * e.norm:
                    cut, ends[side] = True, float(energies[at - side]) + (2 * side - 1) * 2 * TIE * e.norm
        edges = tuple((max(lo, ends[0]), min(hi, ends[1])) for lo, hi in e.edges if lo < ends[1] and hi > ends[0])
        complete = e.complete
        if cut:
            complete, reason = "no", "the slice is empty" if first == last else "the slice cuts a degenerate level"
        elif complete != "no" and e.residual > (allowed := allowed_residual(e.norm, edges)):
            complete, reason = (
                "no",
                f"residuals up to {e.residual:.1e} are too large for so narrow a slice: {allowed:.1e}",
            )
        counted = None if e.counted is None else last - first
        evidence = replace(e, edges=edges, counted=counted, found=last - first, complete=complete, reason=reason)
        return replace(self, blocks=tuple(blocks), evidence=evidence, window=self._window_between(first, last, edges))

    def _window_between(self, first: int, last: int, edges: tuple[tuple[float, float], ...]) -> AnyWindow:
        """The window that holds the states number ``first`` ... ``last`` - 1 alone; ``edges``: its intervals."""
        if first == last:
            return NoStates()
        if (first, last) == (0, len(self)):
            return self.window
        if isinstance(self.window, Levels):
            nearest = [int(np.abs(self.energies - e).argmin()) for e in self.window.energies]
            mine = tuple(e for e, n in zip(self.window.energies, nearest, strict=True) if first <= n < last)
            if mine:
                return Levels(energies=mine)
        return Interval(lower=edges[0][0], upper=edges[-1][1])

    def to_dataset(self) -> "xr.Dataset":
        """Energies, residuals and sectors as labelled arrays along ``state``, with the evidence as attributes (JSON)."""
        import xarray as xr  # only here: it takes longer to import than the rest of the engines

        from bigbath.variables import described

        coords = {
            "energy": ("state", self.energies),
            "residual": ("state", self.residuals),
            "sector_index": ("state", self.sector_index),
        }
        attrs = {
            "evidence_spectrum": json.dumps(asdict(self.evidence)),
            "sectors_spectrum": json.dumps([str(b.sector) for b in self.blocks]),
            "E_min": self.extremes[0],
            "E_max": self.extremes[1],
        }
        return described(xr.Dataset(coords=coords, attrs=attrs))

    def _facts(self) -> dict[str, Any]:
        energies, kind = self.energies, getattr(self.window, "kind", "")
        span = f", energies {energies[0]:.6g} to {energies[-1]:.6g}" if energies.size else ""
        scalars = {b.dtype.name for b in self.blocks if b.kept.shape[1]}
        return {
            "states": f"{len(self):,} of {self.dim:,}{span}",
            "window": f"{kind}, complete: {self.evidence.complete}",
            "sectors": "; ".join(f"{b.sector} ({b.energies.size})" for b in self.blocks[:4])
            + (f"; ... {len(self.blocks)} in all" if len(self.blocks) > 4 else ""),
            "spectrum": f"{self.extremes[0]:.6g} to {self.extremes[1]:.6g}",
            "vectors": ", ".join(sorted(scalars)) or "none",
            "engine": self.evidence.engine_in_words,
        }

    @property
    def energies(self) -> np.ndarray:
        """All energies (k,), ascending but for the rounding inside multiplets."""
        return self._gather([b.energies for b in self.blocks])

    @property
    def residuals(self) -> np.ndarray:
        """||H v - E v|| of each state (k,), in the order of ``energies``."""
        return self._gather([b.residuals for b in self.blocks])

    @property
    def order(self) -> np.ndarray:
        """Permutation (k,) that sorts the concatenated blocks by energy, and each multiplet by sector.

        The rounding of the energies of a multiplet differs between engines; their order does not.
        """
        if not self.blocks:
            return np.empty(0, dtype=np.int64)
        joined = np.concatenate([b.energies for b in self.blocks])
        ascending = np.argsort(joined, kind="stable")
        level = np.empty(joined.size, dtype=np.int64)
        level[ascending] = np.cumsum(np.diff(joined[ascending], prepend=-np.inf) > TIE * self.evidence.norm)
        return np.argsort(level, kind="stable")

    @property
    def sector_index(self) -> np.ndarray:
        """Number of the block that each state is from (k,)."""
        return self._gather([np.full(b.energies.size, i) for i, b in enumerate(self.blocks)])

    def _gather(self, parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)[self.order] if parts else np.empty(0)

    def vectors(self, which: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Vectors (D, k) in the whole space, columns in the order of ``energies``; on one process only.

        ``which``: numbers of the states that are wanted (None: all). Raises ImpossibleRequest when they do not fit into
        memory, or were not kept. Kernels use the blocks and never need this.
        """
        if self.comm is not None and self.comm.size > 1:
            raise NotImplementedError("vectors are distributed; use the blocks")
        if not self.blocks:
            return np.empty((self.dim, 0))
        dim = self.blocks[0].sector.whole
        if which is not None:
            require_memory(16 * dim * len(which), "these eigenvectors in the whole space", "Take fewer.")
            columns = [self[int(n)].vector() for n in which]
            return np.stack(columns, axis=1) if columns else np.empty((dim, 0))
        require_memory(16 * dim * self.order.size, "all eigenvectors in the whole space", "Use the blocks instead.")
        return np.hstack([b.sector.lift(b.vectors) for b in self.blocks])[:, self.order]

    def without_vectors(self) -> "Eigenstates":
        """The energies, their residuals and the evidence alone."""
        return replace(self, blocks=tuple(block.without_vectors() for block in self.blocks))

    def require_complete(self, *, accept_unverified: bool = False) -> "Eigenstates":
        """Self, or IncompleteWindow when the window is not certified complete."""
        allowed = ("yes", "unverified") if accept_unverified else ("yes",)
        if self.evidence.complete not in allowed:
            raise IncompleteWindow(
                f"the window is not certified complete ({self.evidence.complete}): {self.evidence.reason}.{self._remedy}"
            )
        return self

    @property
    def _remedy(self) -> str:
        """What would certify the window; the filter's own reason says it."""
        if self.evidence.complete == "unverified":
            return " Set engine.certify = true, or accept_unverified = true in the job."
        return ' Use engine = "dense".' if self.evidence.engine.startswith("shift-invert") else ""

    def in_units(self, unit: float) -> "Eigenstates":
        """The states of ``unit`` H, of which these are the states of H."""
        if unit == 1:
            return self
        e = self.evidence
        blocks = (replace(b, energies=b.energies * unit, residuals=b.residuals * unit) for b in self.blocks)
        edges = tuple((lo * unit, hi * unit) for lo, hi in e.edges)
        return replace(
            self,
            blocks=tuple(blocks),
            extremes=(self.extremes[0] * unit, self.extremes[1] * unit),
            evidence=replace(e, norm=e.norm * unit, residual=e.residual * unit, edges=edges),
        )

    def with_evidence(self, **changes: Any) -> "Eigenstates":
        """The same states with amended evidence."""
        return replace(self, evidence=replace(self.evidence, **changes))


def orthogonality(vectors: np.ndarray, comm: Comm = None) -> float:
    """Largest |V^T V - 1| entry; above 1024 columns a bound of it from 16 random vectors, at O(d k) each."""
    k = vectors.shape[1]
    if k == 0:
        return 0.0
    if k <= 1024:
        return float(np.abs(total(vectors.conj().T @ vectors, comm) - np.eye(k)).max())
    x = np.random.default_rng(0).standard_normal((k, 16))
    return float(np.linalg.norm(total(vectors.conj().T @ (vectors @ x), comm) - x) / 4)


def assess(
    engine: str,
    blocks: list[Block],
    norm: float,
    *,
    edges: tuple[tuple[float, float], ...],
    counted: int | None,
    reason: str,
    comm: Comm = None,
    **numbers: Any,
) -> Evidence:
    """Evidence for the states in ``blocks``: complete only if their count, residuals and orthogonality say so."""
    found = sum(b.energies.size for b in blocks)
    residual = max((float(b.residuals.max()) for b in blocks), default=0.0)
    orthogonal = max((orthogonality(b.vectors, comm) for b in blocks), default=0.0)
    complete: Literal["yes", "no", "unverified"] = "yes" if counted is not None else "unverified"
    if counted is not None and counted != found:
        complete, reason = "no", f"{found} states were found where {counted} are"
    if residual > (allowed := allowed_residual(norm, edges)):
        complete, reason = "no", f"the largest residual {residual:.1e} exceeds {allowed:.1e}"
    if orthogonal > ORTHOGONALITY:
        complete, reason = "no", f"the states are not orthogonal: |V^T V - 1| = {orthogonal:.1e}"
    return Evidence(
        engine=engine, norm=norm, residual=residual, orthogonality=orthogonal, edges=edges, counted=counted,
        found=found, complete=complete, reason=reason, **numbers,
    )  # fmt: skip
