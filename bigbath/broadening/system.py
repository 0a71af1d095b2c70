"""Eigenstates of the small system S."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bigbath.compact import Compact
from bigbath.models import Composite
from bigbath.operators import build, to_dense


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SystemStates(Compact):
    """Eigenstates of H_S: ``energies`` (D_S,) ascending, ``vectors`` (D_S, D_S) in columns. Branch i is column i - 1.

    >>> import bigbath as bb
    >>> bb.system_states(bb.draw(bb.Imbrie(L=4, Delta=0.9))).energies
    array([-0.45,  0.45])
    """

    energies: np.ndarray
    vectors: np.ndarray


def system_states(composite: Composite) -> SystemStates:
    """Eigenstates of H_S by LAPACK.

    >>> import bigbath as bb
    >>> bb.system_states(bb.draw(bb.Imbrie(L=4, Delta=0.9))).energies
    array([-0.45,  0.45])
    """
    energies, vectors = scipy.linalg.eigh(to_dense(build(composite, "S").matrix))
    return SystemStates(energies=energies, vectors=vectors)
