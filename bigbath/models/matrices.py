"""Matrices of the user's own for S, B and V, in files or in memory."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Discriminator, Tag

from bigbath.choice import choice
from bigbath.errors import JobError
from bigbath.models.composite import MatrixComposite
from bigbath.models.matrix_file import AnyMatrixFile, hermitian

#: Larger systems would make a dense matrix too large.
LARGEST_SYSTEM = 4096


@choice
class Matrices:
    """System, bath and interaction of sparse Hermitian matrices, each in a file (SciPy's ``.npz``, Matrix Market's ``.mtx``).

    H = S (x) 1 + 1 (x) B + g V. ``system``: (D_S, D_S), absent: no system, H = B. ``bath``: (D_B, D_B). ``interaction``: V
    (D_S D_B, D_S D_B) with the index i D_B + b, or a list of pairs [S_a, B_a] of which V is the sum of Kronecker products; absent:
    V = 0. A path in a job file is relative to the job file. A file is identified by its content: with other content it is another
    job.

    >>> import bigbath as bb, scipy.sparse as sp
    >>> sp.save_npz("bath.npz", sp.diags_array([1.0, 2.0, 4.0]))
    >>> model = bb.Matrices(bath="bath.npz")
    >>> print(bb.solve(bb.build(bb.draw(model)), "whole").energies)
    [1. 2. 4.]
    """

    name: Literal["matrices"] = "matrices"
    system: AnyMatrixFile | None = None
    bath: AnyMatrixFile
    interaction: (
        Annotated[
            Annotated[AnyMatrixFile, Tag("matrix")]
            | Annotated[tuple[tuple[AnyMatrixFile, AnyMatrixFile], ...], Tag("pairs")],
            Discriminator(lambda value: "pairs" if isinstance(value, list | tuple) else "matrix"),
        ]
        | None
    ) = None
    g: float = 1.0

    disordered = False

    def composite(self, stream: np.random.Generator) -> MatrixComposite:
        """The matrices of the files; ``stream`` is not used. Errors as ``MatrixFile.load`` and ``composite_of``."""
        pairs = (
            [(a.load(), b.load()) for a, b in self.interaction]
            if isinstance(self.interaction, tuple)
            else None if self.interaction is None else self.interaction.load()
        )  # fmt: skip
        return composite_of(
            system=None if self.system is None else self.system.load(),
            bath=self.bath.load(),
            interaction=pairs,
            g=self.g,
        )


def composite_of(
    *, bath: Any, system: Any = None, interaction: Any | Sequence[tuple[Any, Any]] = None, g: float = 1.0
) -> MatrixComposite:
    """A composite of matrices in memory, for ``bigbath.build``: H = system (x) 1 + 1 (x) bath + g interaction.

    ``system`` (D_S, D_S), ``bath`` (D_B, D_B) and ``interaction`` (D_S D_B, D_S D_B) sparse or dense, real or complex;
    ``interaction`` may also be a list of pairs (S_a, B_a). Without a system, D_S = 1. JobError names what does not fit.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> pair = (np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((3, 3)))
    >>> composite = bb.composite_of(bath=np.diag([0.0, 1.0, 2.0]), system=np.diag([0.5, -0.5]), interaction=[pair])
    >>> bb.build(composite).dim
    6
    """
    below = hermitian(bath, "bath")
    above = sp.csr_array((1, 1), dtype=float) if system is None else hermitian(system, "system")
    d_system, d_bath = above.shape[0], below.shape[0]
    if d_system > LARGEST_SYSTEM:
        raise JobError(
            f"the system has {d_system:,} states, more than {LARGEST_SYSTEM:,}: system and bath are exchanged?"
        )
    if interaction is None:
        pairs = []
    elif isinstance(interaction, list | tuple):
        pairs = [_pair(n, pair, d_system, d_bath) for n, pair in enumerate(interaction)]
    else:
        pairs = _blocks(hermitian(interaction, "interaction"), d_system, d_bath)
    return MatrixComposite(system=above.toarray(), bath=below, interaction=tuple((a * g, b) for a, b in pairs))


def _pair(number: int, pair: Any, d_system: int, d_bath: int) -> tuple[np.ndarray, sp.csr_array]:
    name = f"interaction.{number}"
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise JobError(f"{name} must be a pair of matrices, one on the system and one on the bath")
    above, below = hermitian(pair[0], f"{name}.0"), hermitian(pair[1], f"{name}.1")
    if (above.shape[0], below.shape[0]) != (d_system, d_bath):
        raise JobError(
            f"{name} is of {above.shape[0]} x {below.shape[0]} states, system and bath are of {d_system} x {d_bath}"
        )
    return above.toarray(), below


def _blocks(V: sp.csr_array, d_system: int, d_bath: int) -> list[tuple[np.ndarray, sp.csr_array]]:
    """V = sum_ij |i><j| (x) V_ij, without blocks that are zero."""
    if V.shape[0] != d_system * d_bath:
        raise JobError(f"interaction has {V.shape[0]:,} rows, system and bath have {d_system} x {d_bath:,} states")
    entries = sp.coo_array(V)
    (i, a), (j, b) = (np.divmod(c, d_bath) for c in entries.coords)
    pairs = []
    block = i * d_system + j
    for number in np.unique(block):
        mine = block == number
        unit = np.zeros((d_system, d_system))
        unit[divmod(int(number), d_system)] = 1
        pairs.append((unit, sp.csr_array((entries.data[mine], (a[mine], b[mine])), shape=(d_bath, d_bath))))
    return pairs
