"""CSR matrices of Pauli strings over all configurations, built by QuSpin: the only place that imports it."""

from importlib.metadata import packages_distributions
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse as sp

from bigbath.conserved.sums import is_real
from bigbath.conserved.words import words
from bigbath.errors import MissingCapability
from bigbath.models.composite import Term

#: QuSpin drops couplings, and sums of couplings, below 2.2e-15. It is given couplings of at least SMALLEST, so that no sum but
#: an exact zero is below that, and of at most about HUGE, so that no sum overflows.
SMALLEST, HUGE = 2.0**10, 2.0**1000


def load() -> tuple[Any, Any]:
    """QuSpin's ``hamiltonian`` and ``spin_basis_general``; MissingCapability when QuSpin is absent or hidden."""
    try:
        from quspin.basis import spin_basis_general
        from quspin.operators import hamiltonian
    except (ImportError, AttributeError) as error:
        spec = find_spec("quspin")
        others = strangers()
        place = f"`quspin` is loaded from {spec.origin}" if spec else "there is no package `quspin`"
        owner = f", which {', '.join(others)} has installed over QuSpin's or in its place" if others else ""
        remedy = f"`pip uninstall {' '.join(others)}`, then " if others else ""
        raise MissingCapability(
            f"QuSpin cannot be loaded ({error}): {place}{owner}. Do {remedy}`pip install --force-reinstall quspin`, and see "
            "that there is no file or directory of that name on PYTHONPATH"
        ) from error
    return hamiltonian, spin_basis_general


def strangers() -> list[str]:
    """Distributions other than QuSpin that install a top-level package ``quspin``."""
    return sorted(name for name in set(packages_distributions().get("quspin", [])) if name.lower() != "quspin")


def matrix(terms: tuple[Term, ...], sites: int) -> sp.csr_array:
    """Matrix (2^L, 2^L) over all configurations."""
    hamiltonian, spin_basis_general = load()
    enlarged = _enlarged(terms)
    static = [
        [letters, [[coupling[0] * enlarged, *coupling[1:]] for coupling in couplings]]
        for letters, couplings in terms
        if couplings
    ]
    basis = spin_basis_general(sites, pauli=1)
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    result = sp.csr_array(hamiltonian(static, [], basis=basis, dtype=_dtype(terms, sites), **silent).tocsr())
    result.sum_duplicates()
    result.eliminate_zeros()
    result.data /= enlarged
    return result


def _enlarged(terms: tuple[Term, ...]) -> float:
    """A power of two that makes the smallest coupling at least SMALLEST, unless the largest would be above HUGE."""
    sizes = [abs(coupling[0]) for _, couplings in terms for coupling in couplings if coupling[0] != 0]
    if not sizes:
        return 1.0
    exponent = min(np.log2(SMALLEST) - np.log2(min(sizes)), np.log2(HUGE) - np.log2(max(sizes)))
    return float(2.0 ** np.ceil(exponent))


def _dtype(terms: tuple[Term, ...], sites: int) -> type:
    return np.float64 if is_real(words(terms, sites)) else np.complex128
