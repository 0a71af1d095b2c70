"""Eigenstates together with the evidence for them."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from bigbath.errors import ImpossibleRequest, IncompleteWindow
from bigbath.ranks import Comm, total
from bigbath.resources import require_memory
from bigbath.solvers.window import TIE, AnyWindow, allowed_residual
from bigbath.spaces import Sector

#: Largest |V^T V - 1| of states that may be called complete.
ORTHOGONALITY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a solver knows about its own result.

    ``residual``: largest ||H v - E v|| (absolute, 2-norm). ``orthogonality``: largest |V^T V - 1| entry, or above
    1024 states of a sector a stochastic estimate of its Frobenius norm, which bounds it. ``norm``: ||H||.
    ``edges``: the intervals that make up the window. ``counted``: number of levels between them by inertia
    (Sylvester's law), by full diagonalisation, or (filter) by a random vector that the states found explain but for a
    stated probability; ``found``: number returned. ``complete``: "yes" only if the two
    agree and the residuals and orthogonality are small.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Eigenstates of one symmetry sector, in the sector's coordinates.

    ``energies``: (k,) ascending. ``kept``: the vectors (d, k), or the slab (rows[1] - rows[0], k) of this rank; without
    columns where only energies were asked for. ``residuals``: (k,).
    """

    sector: Sector
    energies: np.ndarray
    kept: np.ndarray
    residuals: np.ndarray
    rows: tuple[int, int]

    @property
    def vectors(self) -> np.ndarray:
        """The vectors (d, k), or the slab (rows[1] - rows[0], k) of this rank; ImpossibleRequest where none were kept."""
        if self.kept.shape[1] != self.energies.size:
            raise ImpossibleRequest(
                "these states have energies only, since they were solved with vectors = false: solve with vectors = true "
                "for what needs eigenvectors"
            )
        return self.kept

    @property
    def dtype(self) -> np.dtype:
        """float64 or complex128, of the vectors."""
        return self.kept.dtype

    def without_vectors(self) -> "Block":
        """Energies and residuals alone."""
        return replace(self, kept=np.empty((self.kept.shape[0], 0), dtype=self.dtype))


@dataclass(frozen=True, kw_only=True, eq=False)
class Eigenstates:
    """States of an energy window, kept by symmetry sector, with evidence.

    ``extremes``: (E_min, E_max) of the whole Hamiltonian, ``dim`` D its dimension. ``comm`` is the communicator over which the rows of the
    vectors are distributed, None on one process.
    """

    blocks: tuple[Block, ...]
    window: AnyWindow
    extremes: tuple[float, float]
    evidence: Evidence
    comm: Comm = None
    dim: int = 0

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

    def vectors(self) -> np.ndarray:
        """All vectors (D, k) in the whole space, columns in the order of ``energies``; on one process only.

        Raises ImpossibleRequest when they do not fit into memory, or were not kept. Kernels use the blocks and never need
        this.
        """
        if self.comm is not None and self.comm.size > 1:
            raise NotImplementedError("vectors are distributed; use the blocks")
        if not self.blocks:
            return np.empty((self.dim, 0))
        dim = self.blocks[0].sector.whole
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
