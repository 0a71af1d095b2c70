"""What the Pauli strings of a Hamiltonian conserve, found on the strings: no matrix, no vector of the space."""

from bigbath.conserved.charges import Charge, LadderString, charges, is_conserved, ladder
from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import keeps
from bigbath.conserved.unresolved import degenerate, has_antiunitary, unresolved

__all__ = [
    "Charge",
    "Finding",
    "LadderString",
    "charges",
    "degenerate",
    "has_antiunitary",
    "is_conserved",
    "keeps",
    "ladder",
    "unresolved",
]
