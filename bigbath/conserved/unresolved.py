"""Is a sector irreducible, as far as the Pauli strings can tell?"""

from collections.abc import Iterable, Mapping

import numpy as np

from bigbath.conserved.charges import Charge
from bigbath.conserved.charges import charges as conserved_charges
from bigbath.conserved.clusters import find_clusters
from bigbath.conserved.finding import Finding
from bigbath.conserved.free_fermions import find_free_fermions
from bigbath.conserved.kramers import antiunitary, find_kramers
from bigbath.conserved.permutations import candidates, commutes, find_momentum, find_permutations, leaves_sector
from bigbath.conserved.sector import Fixed
from bigbath.conserved.spins import find_charges, find_spins
from bigbath.conserved.strings import find_strings
from bigbath.conserved.sums import is_real
from bigbath.conserved.words import words
from bigbath.models.composite import Symmetry, Term


def unresolved(
    terms: tuple[Term, ...],
    sites: int,
    *,
    used: tuple[Symmetry, ...] = (),
    labels: Mapping[str, int] | None = None,
    charges: tuple[tuple[Charge, int | None], ...] = (),
    system_sites: int = 1,
    declared: Iterable[Symmetry] = (),
    conserved: tuple[Charge, ...] | None = None,
) -> tuple[Finding, ...]:
    """What H conserves, or why its levels are degenerate, beyond what a sector fixes; () for a resolved one.

    ``used``: symmetries whose sectors are taken one by one. ``labels``: values of some of them, which select a
    sector. ``charges``: conserved sums of sigma^z and their values (None: each value is a sector of its own).
    ``declared``: symmetries that the model has, used or not. ``conserved``: all conserved sums of sigma^z, where they are
    known already.

    Tested: sums of sigma^z and of spins along any axes, total spin in any local frames, Pauli strings, antiunitary
    symmetries with square -1, momentum pairs, parts that commute, free fermions, and permutations of sites: those
    declared, reflections and shifts of all sites and of the bath, exchanges of two sites, each also times a string.
    Not tested: other permutations, products of spin rotations and permutations, solutions by Bethe's ansatz,
    disconnected sets of basis states, conserved operators of two and more spins.
    """
    fixed = Fixed(sites=sites, symmetries=used, labels=labels or {}, charges=charges)
    found = fixed.content(terms)
    is_real_h, same = is_real(words(terms, sites)), tuple(range(sites))
    others = [s for s in declared if s not in used]
    conserved = conserved_charges(terms, sites) if conserved is None else conserved
    return (
        *find_charges(conserved, fixed),
        *find_spins(found, conserved, fixed),
        *find_strings(found, fixed),
        *(() if leaves_sector(same, fixed, is_real_h=is_real_h, conjugated=True) else find_kramers(found, fixed)),
        *find_momentum(fixed, is_real_h=is_real_h),
        *find_clusters(found, fixed),
        *find_free_fermions(found, fixed),
        *find_permutations(found, fixed, system_sites, others, is_real_h=is_real_h),
    )


def has_antiunitary(
    terms: tuple[Term, ...],
    sites: int,
    *,
    used: tuple[Symmetry, ...] = (),
    labels: Mapping[str, int] | None = None,
    charges: tuple[tuple[Charge, int | None], ...] = (),
    system_sites: int = 1,
) -> bool:
    """Whether complex conjugation times a Pauli string, or times that and a permutation, is a symmetry of the sector.

    With one, levels are compared with the orthogonal class (GOE); without any, with the unitary one (GUE). The same
    permutations are tried as in ``unresolved``, and those used; rotations by other angles than 90 degrees are not.
    """
    fixed = Fixed(sites=sites, symmetries=used, labels=labels or {}, charges=charges)
    found = fixed.content(terms)
    is_real_h, same = is_real(words(terms, sites)), tuple(range(sites))
    if antiunitary(found, fixed) is not None and not leaves_sector(same, fixed, is_real_h=is_real_h, conjugated=True):
        return True
    tried = (*fixed.permutations, *(permutation for _, permutation in candidates(sites, system_sites)))
    return any(
        commutes(permutation, found, fixed, conjugated=True)
        for permutation in tried
        if not leaves_sector(permutation, fixed, is_real_h=is_real_h, conjugated=True)
    )


def degenerate(energies: np.ndarray, tie: float) -> tuple[Finding, ...]:
    """Levels (n,), ascending, of one sector that coincide up to their rounding ``tie``."""
    count = int(np.sum(np.diff(energies) <= tie))
    if not count:
        return ()
    return (Finding(name="degenerate levels", sentence=f"{count} of {energies.size - 1} level spacings are zero"),)
