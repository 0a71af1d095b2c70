"""What the Pauli strings of a Hamiltonian conserve, found on the strings: no matrix, no vector of the space."""

from bigbath.conserved.charges import Charge, LadderString, charges, is_conserved, ladder

__all__ = ["Charge", "LadderString", "charges", "is_conserved", "ladder"]
