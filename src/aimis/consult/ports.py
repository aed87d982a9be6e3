"""What the dialogue asks of the rules above it and of the reader of free text, each given at construction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aimis.consult.consultation import Person

if TYPE_CHECKING:
    from aimis.consult.model import Text, Urgency, Value


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that rules look at.

    values : finding -> answer, without UNKNOWN
    """

    person: Person = field(default_factory=Person)
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RaisedFlag:
    """A red flag that fired.

    path : of its own, such as self-harm or poisoning; None for an ordinary one
    """

    id: str
    urgency: Urgency
    say: Text
    why: Text
    path: str | None = None


class Safety(Protocol):
    """The red-flag rules."""

    def raised(self, facts: Facts) -> Sequence[RaisedFlag]:
        """The rules that fire, the most urgent first."""
        ...

    def worth_asking(self, facts: Facts) -> Sequence[str]:
        """Findings not yet known whose answer may make a rule fire that is partly met, the most urgent first."""
        ...

    def due(self, facts: Facts) -> Sequence[str]:
        """Findings not yet known that everybody with this complaint is asked, however unlikely a yes is."""
        ...

    def open_questions(self, facts: Facts, unsaid: Collection[str]) -> Sequence[str]:
        """Questions about danger that apply to what is known and have no answer; unsaid : answered with "unknown"."""
        ...

    def own_path(self, path: str, person: Person) -> Text:
        """What is said on a path of its own, with the emergency numbers of the person's country."""
        ...


@dataclass(frozen=True, kw_only=True)
class Understood:
    """One thing that was understood in a text.

    start, end : where in the text, in characters
    """

    finding: str
    value: Value
    start: int
    end: int


class Understanding(Protocol):
    """Free text to findings."""

    def understand(self, text: str, language: str) -> Sequence[Understood]:
        """What the text says, in its order; a later thing corrects an earlier one."""
        ...

    def share_read(self, text: str, language: str) -> float:
        """How much of what the text tells was understood, 0..1; 1 of a text that tells nothing."""
        ...

    def person(self, text: str, language: str, known: Person) -> Person:
        """The person as known, with what the text tells beside: age and sex."""
        ...
