"""How H acts: Pauli strings or a given matrix, QuSpin's CSR, the matrix-free forms, and the choice among them."""

from bigbath.operators.choice import is_matrix_free, operator_of, step_rate
from bigbath.operators.flip_operator import FlipOperator
from bigbath.operators.flips import Flips, flips
from bigbath.operators.hamiltonian import Hamiltonian, Part, build, dims_of, pauli_strings, to_dense
from bigbath.operators.matrix_operator import MatrixOperator
from bigbath.operators.operator import Operator
from bigbath.operators.scale import Scale
from bigbath.operators.size import Size, check_size, size

__all__ = [
    "FlipOperator", "Flips", "Hamiltonian", "MatrixOperator", "Operator", "Part", "Scale", "Size", "build", "check_size", "dims_of",
    "flips", "is_matrix_free", "operator_of", "pauli_strings", "size", "step_rate", "to_dense",
]  # fmt: skip
