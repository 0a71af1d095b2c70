"""Parts of H that commute with each other: uncoupled clusters of sites, and other sums of commuting parts."""

import numpy as np

from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import Fixed
from bigbath.conserved.words import Word, Words, sites_of


def commuting_parts(found: Words) -> list[list[Word]]:
    """The strings in parts that do not commute within themselves but with each other; single strings are left out.

    These are the connected components of the graph that joins strings which anticommute.
    """
    everything = list(found)
    if not everything:
        return []
    x, z = (np.array([word[i] for word in everything], dtype=np.uint64) for i in (0, 1))
    left = np.arange(len(everything))
    parts = []
    while left.size:
        queue, part = [left[0]], []
        left = left[1:]
        while queue:
            n = queue.pop()
            part.append(everything[n])
            odd = (np.bitwise_count(x[left] & z[n]) + np.bitwise_count(z[left] & x[n])) % 2 == 1
            queue += left[odd].tolist()
            left = left[~odd]
        if len(part) > 1:
            parts.append(part)
    return parts


def find_clusters(found: Words, fixed: Fixed) -> tuple[Finding, ...]:
    """Energies that are sums of the energies of several parts."""
    parts = commuting_parts(found)
    if len(parts) < 2:
        return ()
    masks = [int(np.bitwise_or.reduce([x | z for x, z in part])) for part in parts]
    if sum(masks) == int(np.bitwise_or.reduce(masks)):
        listed = " and ".join(f"[{', '.join(map(str, sites_of(mask, fixed.sites)))}]" for mask in masks[:3])
        more = f" and {len(masks) - 3} more" if len(masks) > 3 else ""
        return (Finding(name="uncoupled clusters", sentence=f"no string couples the sites {listed}{more}"),)
    return (Finding(name="commuting parts", sentence=f"H is a sum of {len(parts)} parts that commute with each other"),)
