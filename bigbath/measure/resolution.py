"""What the sectors of a composite leave unresolved, judged by its strings."""

from collections.abc import Mapping
from typing import Any

from bigbath.conserved import Finding, has_antiunitary, keeps, unresolved
from bigbath.models import Composite, SpinComposite, Symmetry
from bigbath.operators import Hamiltonian, Part, build
from bigbath.spaces import Space, spaces_of

#: Sectors with fewer states have no level statistics.
FEWEST = 3


class Resolution:
    """Findings for the sectors of one part of a composite; equal questions are answered once. Models without strings
    have none.

    ``h``: the Hamiltonian of this part, of which no matrix is built; None for models without strings.
    """

    def __init__(self, composite: Composite, part: Part = "H") -> None:
        self.composite = composite
        self.h: Hamiltonian | None = build(composite, part) if isinstance(composite, SpinComposite) else None
        self._known: dict[Any, tuple[Finding, ...]] = {}
        self._classes: dict[Any, str] = {}

    def of(self, space: Space, used: tuple[str, ...], labels: Mapping[str, int]) -> tuple[Finding, ...]:
        """For the symmetries named in ``used`` inside a space of configurations; ``labels``: values of some of them."""
        if self.h is None:
            return ()
        key = self._key(space, used, labels)
        if key not in self._known:
            self._known[key] = unresolved(
                self.h.terms, self.h.sites, **self._fixed(space, used, labels),
                declared=self.h.symmetries, conserved=self.h.charges,
            )  # fmt: skip
        return self._known[key]

    def before(self, symmetries: tuple[str, ...] | None, sector: Mapping[str, int] | None) -> tuple[Finding, ...]:
        """For every sector that ``[spectrum]`` with these ``symmetries`` and this ``sector`` takes, each finding once."""
        if self.h is None:
            return ()
        only = dict(sector or {})
        names = tuple(s.name for s in self.h.symmetries if symmetries is None or s.name in (*symmetries, *only))
        found: dict[Finding, None] = {}
        for space in spaces_of(self.h, use=symmetries, only=only):
            used = tuple(s.name for s in self._named(names) if keeps(s, space.charges, space.values))
            if space.dim >= FEWEST and not (set(names) - set(used)) & set(only):
                found |= dict.fromkeys(self.of(space, used, only))
        return tuple(found)

    def random_matrices(self, space: Space, labels: Mapping[str, int]) -> str:
        """ "goe" where an antiunitary symmetry of a complex H was found, else "gue"."""
        if self.h is None:
            return "gue"
        used = tuple(labels)
        key = self._key(space, used, labels)
        if key not in self._classes:
            found = has_antiunitary(self.h.terms, self.h.sites, **self._fixed(space, used, labels))
            self._classes[key] = "goe" if found else "gue"
        return self._classes[key]

    def _key(self, space: Space, used: tuple[str, ...], labels: Mapping[str, int]) -> tuple[Any, ...]:
        """The same for sectors of which the strings say the same."""
        named = tuple((s.name, labels.get(s.name)) for s in self._named(used))
        return named, space.charges, tuple(value == 0 for value in space.values)

    def _named(self, names: tuple[str, ...]) -> tuple[Symmetry, ...]:
        assert self.h is not None
        return tuple(s for s in self.h.symmetries if s.name in names)

    def _fixed(self, space: Space, used: tuple[str, ...], labels: Mapping[str, int]) -> dict[str, Any]:
        assert self.h is not None
        return {
            "used": self._named(used),
            "labels": labels,
            "charges": tuple(zip(space.charges, space.values, strict=True)),
            "system_sites": self.h.dims[0].bit_length() - 1,
        }
