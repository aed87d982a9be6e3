"""Parts of the body and the complaints that are offered there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aimis.consult.model import Finding, Kind

if TYPE_CHECKING:
    from aimis.consult.consultation import Person

FILE = Path(__file__).parent / "bodymap.toml"


@dataclass(frozen=True, kw_only=True)
class BodyMap:
    """Part -> its complaints."""

    parts: Mapping[str, tuple[Finding, ...]]

    def offered(self, part: str, person: Person) -> tuple[Finding, ...]:
        """The complaints of a part that this person can have; none where there is no such part."""
        return tuple(f for f in self.parts.get(part, ()) if f.is_for(person.age_years, person.sex))

    def parts_for(self, person: Person) -> tuple[str, ...]:
        """The parts in which there is something to choose."""
        return tuple(part for part in self.parts if self.offered(part, person))


def load_bodymap(findings: Mapping[str, Finding]) -> BodyMap:
    """As far as these findings reach; other knowledge than ours may lack some."""
    with FILE.open("rb") as file:
        given = tomllib.load(file)
    parts = {part: tuple(findings[name] for name in names if name in findings) for part, names in given.items()}
    return BodyMap(
        parts={part: tuple(f for f in found if f.kind is Kind.YES_NO) for part, found in parts.items() if found}
    )
