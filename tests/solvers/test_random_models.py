"""Random models with planted charges and symmetries: the union of all sectors' spectra, QuSpin's sectors, every engine.

Up to 12 spins the reference is LAPACK on the whole matrix. With 14 to 16 spins that matrix does not fit. There the
reference is: tr H and tr H^2 over all sectors from the couplings alone, LAPACK on QuSpin's own sectors of at most LARGEST
states, and for windows in one sector the same LAPACK, or, in larger ones, two engines that must agree.

``BIGBATH_LONG=1 pytest -rP`` makes 300 models (100 of them with 11 or 12 spins) and 20 large ones, and prints a line for each.
"""

import os
from math import comb

import numpy as np
import pytest
import scipy.sparse as sp
from quspin.basis import spin_basis_general
from quspin.operators import hamiltonian
from support import dense, expected_window, explicit

from bigbath.models import SpinComposite, Symmetry
from bigbath.operators import build
from bigbath.solvers import Dense, Density, Filter, Interval, ShiftInvert, solve
from bigbath.spaces import charge_names, sectors

LONG = os.environ.get("BIGBATH_LONG") == "1"

#: Sectors of a large model up to this dimension are compared with LAPACK on QuSpin's matrix.
LARGEST = 2000

ENGINES = {
    "dense": Dense(),
    "filter": Filter(b=4),
    "mumps": ShiftInvert(factor="mumps"),
    "blocks": ShiftInvert(factor="blocks"),
}


def hop(stream, a, b, tail, *, is_complex):
    """t sigma^+_a sigma^-_b + h.c., times sigma^z of the sites ``tail``: (xx + yy) Re t / 2 + (xy - yx) Im t / 2."""
    t = complex(stream.normal(), stream.normal() if is_complex else 0.0)
    z, sites = "z" * len(tail), (a, b, *tail)
    found = [("xx" + z, t.real / 2, sites), ("yy" + z, t.real / 2, sites)]
    if is_complex:
        found += [("xy" + z, t.imag / 2, sites), ("yx" + z, -t.imag / 2, sites)]
    return found


def random_strings(stream, L, planted, *, is_complex):
    """Strings (letters, coupling, sites) that keep what is planted, and nothing else but by chance."""
    part = np.zeros(L, dtype=int)
    if planted == "two parts":
        part[stream.permutation(L)[: L // 2]] = 1
    found = [("z", float(stream.normal()), (j,)) for j in range(L)]
    for _ in range(2 * L):
        sites = [int(j) for j in stream.permutation(L)[:3]]
        a, b, c = sites
        found.append(("zz", float(stream.normal()), (a, b)))
        if planted in ("magnetisation", "two parts") and part[a] == part[b]:
            found += hop(stream, a, b, (c,) if stream.random() < 0.4 else (), is_complex=is_complex)
        if planted in ("a site", "none"):
            length = int(stream.integers(1, 4))
            letters = "".join(stream.choice(list("xyz" if is_complex else "xz"), length))
            letters = "".join(
                "z" if planted == "a site" and j == 0 else p for p, j in zip(letters, sites, strict=False)
            )
            found.append((letters, float(stream.normal()), tuple(sites[:length])))
    return found


def symmetrised(stream, strings, L, extra):
    """The strings summed over a group of site permutations, or those that a spin flip keeps; and the symmetry."""
    if extra == "flip":
        kept = [s for s in strings if (s[0].count("y") + s[0].count("z")) % 2 == 0]
        return kept, (Symmetry(name="flip", permutation=tuple(range(L)), flip=frozenset(range(L))),)
    if extra == "mirror":
        order = [int(j) for j in stream.permutation(L)]
        image = dict(zip(order, reversed(order), strict=True))
        step, name, power = tuple(image[j] for j in range(L)), "mirror", 2
    elif extra == "translation":
        step, name, power = tuple((j + 1) % L for j in range(L)), "momentum", L
    else:
        return strings, ()
    moved, found = tuple(range(L)), []
    for _ in range(power):
        found += [(letters, J / np.sqrt(power), tuple(moved[j] for j in sites)) for letters, J, sites in strings]
        moved = tuple(step[j] for j in moved)
    return found, (Symmetry(name=name, permutation=step),)


def random_hamiltonian(stream, L, planted, extra, *, is_complex):
    """The Hamiltonian and its strings as (letters, ((coupling, sites ...), ...))."""
    strings = random_strings(stream, L, planted, is_complex=is_complex)
    strings, symmetries = symmetrised(stream, strings, L, extra)
    terms = tuple((letters, ((J, *sites),)) for letters, J, sites in strings)
    composite = SpinComposite(
        system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=terms, symmetries=symmetries
    )
    return build(composite), terms


def coefficients(terms, L):
    """{(sites flipped, sites signed): coefficient} with a string = i^(number of y) X_flipped Z_signed, as bit masks."""
    found = {}
    for letters, couplings in terms:
        for J, *sites in couplings:
            bits = [1 << (L - 1 - j) for j in sites]
            x = sum(b for b, p in zip(bits, letters, strict=True) if p in "xy")
            z = sum(b for b, p in zip(bits, letters, strict=True) if p in "yz")
            found[x, z] = found.get((x, z), 0) + J * 1j ** letters.count("y")
    return found


def whole_matrix(terms, L):
    """Sum of the strings on all configurations: y|up> = i|down>, y|down> = -i|up>."""
    n, total = np.arange(2**L), {}
    for (x, z), c in coefficients(terms, L).items():
        total[x] = total.get(x, 0) + c * (1 - 2 * (np.bitwise_count(n & z) & 1).astype(float))
    rows = np.concatenate([n ^ x for x in total])
    H = sp.csr_array(
        (np.concatenate(list(total.values())), (rows, np.tile(n, len(total)))), shape=(2**L, 2**L)
    ).toarray()
    return H if np.abs(H.imag).max() > 0 else np.ascontiguousarray(H.real)


def quspin_levels(terms, L, up):
    """LAPACK on QuSpin's matrix of the sector with ``up`` spins up."""
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    basis = spin_basis_general(L, Nup=up, pauli=1)
    return np.linalg.eigvalsh(hamiltonian(static, [], basis=basis, dtype=np.complex128, **silent).toarray())


def levels_of(h, parts):
    return np.sort(np.concatenate([np.linalg.eigvalsh(dense(h.restricted(s))) for s in parts]))


def certified(h, window, engine, **choices):
    states = solve(h, window, engine=engine, **choices)
    assert states.evidence.complete == "yes", (engine, states.evidence.reason)
    return states.energies


def random_window(stream, levels):
    """A window with at least a few of the levels."""
    k = int(min(levels.size, stream.integers(1, 13)))
    if stream.random() < 0.5:
        return Density(epsilon=float(stream.uniform(0.1, 0.9)), k=k)
    first = int(stream.integers(levels.size - k + 1))
    apart = 1e-3 * ((levels[-1] - levels[0]) or 1.0)  # a sector may be one level
    return Interval(lower=float(levels[first] - apart), upper=float(levels[first + k - 1] + apart))


PLANTED = ("magnetisation", "two parts", "a site", "none")
EXTRA = ("nothing", "mirror", "flip", "translation")


def sizes(number):
    """In the long run every third model has 11 spins, a few of them 12; the others 4 to 10, in the short one 4 to 8."""
    if not LONG:
        return 4 + number % 5
    return (12 if number % 60 == 0 else 11) if number % 3 == 0 else 4 + number % 7


@pytest.mark.petsc
@pytest.mark.parametrize("number", range(300 if LONG else 16))
def test_sectors_and_engines(number):
    stream, L = np.random.default_rng((17, number)), sizes(number)
    planted, extra, is_complex = PLANTED[number // 4 % 4], EXTRA[number % 4], bool(stream.integers(2))
    h, terms = random_hamiltonian(stream, L, planted, extra, is_complex=is_complex)
    H = whole_matrix(terms, L)
    if L <= 6:
        assert np.abs(H - explicit(terms, L)).max() < 1e-13 * np.abs(H).max()
    levels = np.linalg.eigvalsh(H)
    norm = np.abs(levels).max()
    worst = 0.0
    for use in (None, ()) if h.symmetries else (None,):
        parts = sectors(h, use=use)
        assert sum(s.dim for s in parts) == 2**L
        worst = max(worst, np.abs(levels_of(h, parts) - levels).max() / norm)
    assert worst <= 1e-12
    conserved = planted in ("magnetisation", "two parts")
    assert not conserved or charge_names(h)
    for up in range(L + 1) if conserved else ():
        ours = levels_of(h, sectors(h, use=(), only={"magnetisation": 2 * up - L}))
        worst = max(worst, np.abs(ours - quspin_levels(terms, L, up)).max() / norm)
    assert worst <= 1e-12
    names = list(ENGINES) if L <= 10 else [list(ENGINES)[(number // 3 + i) % 4] for i in range(2)]
    use = None if stream.random() < 0.6 else ()
    chosen = sectors(h, use=use)
    labels = None
    if stream.random() < 0.6:
        labels = dict(chosen[int(stream.integers(len(chosen)))].labels) or None
        chosen = sectors(h, use=use, only=labels)
    levels = levels if labels is None else levels_of(h, chosen)
    window = random_window(stream, levels)
    norm = np.abs(levels).max()
    expected = levels[expected_window(window, levels, norm)]
    apart = 0.0
    for name in names:
        found = certified(h, window, ENGINES[name], symmetries=use, sector=labels)
        assert found.size == expected.size, name
        apart = max(apart, np.abs(found - expected).max(initial=0.0) / max(norm, 1e-300))
    assert apart <= 1e-11
    print(f"{number}: L = {L}, {planted}, {extra}, {'complex' if h.is_complex else 'real'}: spectra {worst:.1e}, windows {apart:.1e}")  # fmt: skip


@pytest.mark.petsc
@pytest.mark.parametrize("number", range(20) if LONG else [0])
def test_large_models(number):
    stream, L = np.random.default_rng((18, number)), 14 + number % 3
    planted, extra, is_complex = PLANTED[number // 3 % 2], EXTRA[number // 2 % 4], bool(number // 2 % 2)
    h, terms = random_hamiltonian(stream, L, planted, extra, is_complex=is_complex)
    parts = sectors(h)
    assert sum(s.dim for s in parts) == 2**L
    squares = sum(abs(c) ** 2 for c in coefficients(terms, L).values())
    traces = np.zeros(2)
    for s in parts:
        matrix = h.restricted(s)
        traces += matrix.diagonal().real.sum(), np.sum(np.abs(matrix.data) ** 2)
    assert abs(traces[0]) <= 1e-12 * 2**L * np.sqrt(squares)  # no string is the identity
    assert abs(traces[1] - 2**L * squares) <= 1e-12 * 2**L * squares
    bound, worst = np.sqrt(squares), 0.0
    for up in [up for up in range(L + 1) if comb(L, up) <= (LARGEST if LONG else 500)]:
        ours = levels_of(h, sectors(h, only={"magnetisation": 2 * up - L}))
        worst = max(worst, np.abs(ours - quspin_levels(terms, L, up)).max() / bound)
    assert worst <= 1e-12
    some = [s for s in parts if 200 <= s.dim <= (4000 if LONG else 1000)]
    one = some[int(stream.integers(len(some)))]
    window = Density(epsilon=float(stream.uniform(0.3, 0.7)), k=10)
    found = {name: certified(h, window, e, sector=dict(one.labels)) for name, e in ENGINES.items() if name != "dense"}
    if one.dim <= LARGEST:
        found["LAPACK"] = (levels := levels_of(h, (one,)))[expected_window(window, levels, np.abs(levels).max())]
    reference = found["filter"]
    assert all(np.abs(energies - reference).max() <= 1e-11 * bound for energies in found.values())
    print(f"{number}: L = {L}, {planted}, {extra}, {'complex' if h.is_complex else 'real'}, {len(parts)} sectors: spectra {worst:.1e}, window in {one.dim:,} states by {', '.join(found)}")  # fmt: skip
