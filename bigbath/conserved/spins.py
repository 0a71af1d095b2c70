"""Conserved sums of one-site operators: magnetisation along any axis, total spin in any local frames."""

from collections import defaultdict

import numpy as np
import scipy.sparse as sp

from bigbath.conserved.charges import Charge
from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import Fixed
from bigbath.conserved.words import Word, Words, bits, commute, times

#: Eigenvalues of the Gram matrix of commutators below this, in units of the largest, are zero.
_ZERO = 1e-12


def conserved_spins(found: Words, sites: int) -> np.ndarray:
    """Orthonormal (k, sites, 3): every sum_j a_j . sigma_j that commutes with the sum of the strings.

    Null space of the commutators, which are linear in the 3 L numbers a_j; 10^5 strings take seconds.
    """
    entries: dict[tuple[Word, int], float] = defaultdict(float)
    for word, coupling in found.items():
        for bit in bits(word[0] | word[1]):
            site = sites - bit.bit_length()
            for axis, letter in enumerate(((bit, 0), (bit, bit), (0, bit))):
                if not commute(letter, word):
                    image, phase = times(letter, word)
                    entries[image, 3 * site + axis] += (phase * coupling).imag
    numbers: dict[Word, int] = {}
    rows = np.array([numbers.setdefault(image, len(numbers)) for image, _ in entries], dtype=int)
    columns = np.array([column for _, column in entries], dtype=int)
    matrix = sp.csr_array((np.array(list(entries.values())), (rows, columns)), shape=(len(numbers), 3 * sites))
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scaled = sp.diags_array(1 / np.where(norms > 0, norms, 1)) @ matrix
    values, vectors = np.linalg.eigh((scaled.T @ scaled).toarray())
    return vectors[:, values <= _ZERO * max(values[-1], 1e-300)].T.reshape(-1, sites, 3)


def find_charges(conserved: tuple[Charge, ...], fixed: Fixed) -> tuple[Finding, ...]:
    """Sums of sigma^z over two and more sites that are not resolved, of all ``conserved`` ones; a single one is a string."""
    known = [np.array(c.weights, dtype=float) for c, _ in fixed.charges]
    known += [np.array(c.weights, dtype=float) for c in conserved if len(c.sites) == 1]
    left: list[Charge] = []
    for charge in conserved:
        known.append(np.array(charge.weights, dtype=float))
        if np.linalg.matrix_rank(np.array(known)) < len(known):
            known.pop()
        else:
            left.append(charge)
    if not left:
        return ()
    names = ", ".join(map(str, left[:3])) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
    return (
        Finding(
            name="conserved magnetisation",
            sentence=f"H conserves {names}, and levels of different values are in one sector",
        ),
    )


def find_spins(found: Words, conserved: tuple[Charge, ...], fixed: Fixed) -> tuple[Finding, ...]:
    """Unresolved total spin, and magnetisation along other axes than z; ``conserved``: all sums of sigma^z that are."""
    space = conserved_spins(found, fixed.sites)
    if not len(space):
        return ()
    along_z = [np.outer(c.weights, (0, 0, 1)) for c in (*conserved, *(c for c, _ in fixed.charges))]
    single, findings = [], []
    for site, axes in _one_site(space):
        single += [_placed(axis, site, fixed.sites) for axis in axes]
        if len(axes) == 1 and np.abs(axes[0]).max() < 1 - 1e-9 and not _turned(axes[0], site, fixed):
            findings.append(
                Finding(name="conserved spin", sentence=f"H conserves the spin of site {site} along one axis")
            )
    known = np.array([a.ravel() for a in (*along_z, *single)]).reshape(-1, 3 * fixed.sites)
    rest = _outside(space.reshape(len(space), -1), known)
    if len(rest):
        products = np.cross(space[:, None], space[None])
        if np.abs(products).max() > 1e-6:
            sentence = "H commutes with all components of a total spin (SU(2)), and multiplets share a sector"
            findings.append(Finding(name="total spin", sentence=sentence))
        else:
            sentence = "H conserves a sum of spins along other axes than z, and its values share a sector"
            findings.append(Finding(name="conserved magnetisation along another axis", sentence=sentence))
    return tuple(findings)


def _one_site(space: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(site, axes (n, 3)) of the vectors of a space that live on one site."""
    result = []
    for site in range(space.shape[1]):
        if np.abs(space[:, site]).max() < 1e-9:
            continue
        elsewhere = np.delete(space, site, axis=1).reshape(len(space), -1)
        values, left = np.linalg.eigh(elsewhere @ elsewhere.T)
        axes = left[:, values < 1e-9].T @ space[:, site]
        if len(axes):
            result.append((site, axes))
    return result


def _placed(axis: np.ndarray, site: int, sites: int) -> np.ndarray:
    vector = np.zeros((sites, 3))
    vector[site] = axis
    return vector


def _turned(axis: np.ndarray, site: int, fixed: Fixed) -> bool:
    """Whether a fixed string reverses the axis: then its two signs are in different sectors."""
    bit = fixed.mask((site,))
    for x, z in fixed.strings:
        letter = {(True, False): 0, (True, True): 1, (False, True): 2}.get((bool(x & bit), bool(z & bit)))
        if letter is not None and abs(axis[letter]) < 1e-9:
            return True
    return False


def _outside(space: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Directions of ``space`` (orthonormal rows) that are orthogonal to ``known``."""
    if not len(known):
        return space
    basis = np.linalg.svd(known, full_matrices=False)
    basis_rows = basis.Vh[1e-9 * basis.S[0] < basis.S]
    rest = space - (space @ basis_rows.T) @ basis_rows
    left = np.linalg.svd(rest, full_matrices=False)
    return left.Vh[left.S > 1e-6]
