"""V in the eigenbasis of H_T + H_B (diffusion paper, Eqs. 1, 18)."""

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import SystemStates
from bigbath.models import Composite
from bigbath.operators import build
from bigbath.solvers import Eigenstates
from bigbath.spaces import contraction


def interaction_elements(composite: Composite, bath: Eigenstates, system: SystemStates) -> np.ndarray:
    """<a j|V|b k> in the eigenbasis of H_T + H_B: (D_S, N, D_S, N), real or complex."""
    V = sp.csr_array(build(composite, "V").matrix)
    dims = (system.energies.size, bath.energies.size)
    bras = [contraction(system.vectors[:, a], None, None, dims) for a in range(dims[0])]
    U = bath.vectors()
    elements = np.zeros(
        (dims[0], dims[1], dims[0], dims[1]), dtype=np.result_type(V.dtype, U.dtype, system.vectors.dtype)
    )
    for a in range(dims[0]):
        for b in range(dims[0]):
            block = sp.csr_array(bras[a] @ V @ bras[b].conj().T)
            if block.nnz:
                elements[a, :, b, :] = U.conj().T @ (block @ U)
    return elements


def interaction_strength(composite: Composite, bath: Eigenstates, system: SystemStates) -> np.ndarray:
    """|V_jk|^2 without its diagonal, in the eigenbasis of H_T + H_B: (D_S, N, D_S, N)."""
    strength = np.abs(interaction_elements(composite, bath, system)) ** 2
    diagonal = np.arange(bath.energies.size * system.energies.size)
    strength.reshape(diagonal.size, -1)[diagonal, diagonal] = 0.0
    return strength


def always_flips(composite: Composite, system: SystemStates) -> bool:
    """Whether V has no element that leaves the thermometer in its level."""
    V = sp.csr_array(build(composite, "V").matrix)
    dims = composite.dims
    bras = [contraction(system.vectors[:, a], None, None, dims) for a in range(dims[0])]
    return all(abs(bra @ V @ bra.conj().T).max() < 1e-12 * abs(V).max() for bra in bras)
