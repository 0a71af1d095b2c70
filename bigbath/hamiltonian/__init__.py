"""Matrices of composites (QuSpin), their sizes and their symmetry sectors."""

from bigbath.hamiltonian.build import Hamiltonian, Part, build, pauli_strings, to_dense
from bigbath.hamiltonian.flips import Flips, flips
from bigbath.hamiltonian.size import Size, check_size, size
from bigbath.hamiltonian.symmetry import Sector, sectors, symmetry_names

__all__ = [
    "Flips",
    "Hamiltonian",
    "Part",
    "Sector",
    "Size",
    "build",
    "check_size",
    "flips",
    "pauli_strings",
    "sectors",
    "size",
    "symmetry_names",
    "to_dense",
]
