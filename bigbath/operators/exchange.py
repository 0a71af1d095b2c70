"""A Hamiltonian of hops and fields in a sector of fixed magnetisation, as the ranked kernel takes it."""

from bigbath.conserved.charges import ladder
from bigbath.operators.hamiltonian import Hamiltonian
from bigbath.operators.ranked import Exchange
from bigbath.spaces import FixedCharges, Sector


def exchange(h: Hamiltonian, sector: Sector) -> Exchange | None:
    """H as hops of one spin and products of sigma^z at a total magnetisation; None for any other H or sector."""
    space = sector.space
    if sector.isometry is not None or not isinstance(space, FixedCharges):
        return None
    if len(space.charges) != 1 or not space.charges[0].is_whole:
        return None
    fields: dict[int, float] = {}
    hops: dict[tuple[int, int], complex] = {}
    for (plus, minus, z), amplitude in ladder(h.terms, h.sites).items():
        if not plus and not minus:
            fields[z] = complex(amplitude).real
        elif not z and plus.bit_count() == minus.bit_count() == 1:
            if plus > minus:  # the hop back is implied
                hops[plus.bit_length() - 1, minus.bit_length() - 1] = amplitude if h.is_complex else complex(amplitude).real
        else:
            return None
    if not hops:
        return None
    return Exchange(sites=h.sites, up=(h.sites + space.values[0]) // 2, fields=fields, hops=hops)
