"""Complex Hermitian matrices for a real PETSc: A + iB as the real symmetric [[A, -B], [B, A]], each level twice.

Real and imaginary part of a component follow each other. An eigenvector v gives the two real ones of v and of i v, so that
inertia counts every level twice, and the real eigenvectors of a level span its complex ones and their multiples by i.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from bigbath.ranks import Comm, same, total


def real_form(matrix: sp.csr_array | np.ndarray) -> sp.csr_array:
    """The real symmetric matrix (2d, 2d) of a Hermitian one (d, d)."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    sparse = sp.csr_array(matrix)
    result = sp.csr_array(sp.kron(sparse.real, np.eye(2)) + sp.kron(sparse.imag, turn))
    result.eliminate_zeros()
    return result


def as_real(vectors: np.ndarray) -> np.ndarray:
    """Complex vectors (d, k) as real ones (2d, k)."""
    result = np.empty((2 * vectors.shape[0], vectors.shape[1]), order="F")
    result[0::2], result[1::2] = vectors.real, vectors.imag
    return result


def twice(energies: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every eigenpair of the real form, from those (k,), (d, k) of the complex matrix; orthonormal, ascending."""
    pairs = np.stack([as_real(vectors), as_real(1j * vectors)], axis=2)
    return np.repeat(energies, 2), np.asfortranarray(pairs.reshape(pairs.shape[0], -1))


def once(energies: np.ndarray, vectors: np.ndarray, comm: Comm = None) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs (k,), (d, k) of the complex matrix from all 2k real ones of their levels: this rank's rows.

    Z = x + i y has rank k; an orthonormal basis of its span, and Rayleigh-Ritz in it with H Z = Z E.
    """
    z = vectors[0::2] + 1j * vectors[1::2]
    if not energies.size:
        return energies, z
    gram = total(z.conj().T @ z, comm)
    squares, directions = same(scipy.linalg.eigh(gram), comm)
    basis = directions[:, squares > 1] / np.sqrt(squares[squares > 1])  # 2 or 0, but for rounding
    middle = energies.mean()
    projected = basis.conj().T @ (gram * (energies - middle)) @ basis
    shifted, rotation = same(scipy.linalg.eigh((projected + projected.conj().T) / 2), comm)
    return shifted + middle, np.asfortranarray(z @ (basis @ rotation))
