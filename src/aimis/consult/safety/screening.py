"""Questions that everybody with a complaint is asked, however unlikely a yes is.

What a question is worth on average is little where a yes is rare; where a missed yes costs a life (chemotherapy and
fever, a snake and a wound) a clinician asks all the same. `screening.yaml` of a set says which, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator

from aimis.consult import loader
from aimis.consult.model import Citation, Finding, Id, Record, Text
from aimis.consult.safety import expression

FILE_NAME = "screening.yaml"


class Screen(Record):
    """One complaint and its questions, in their order. `when` is as in a red flag."""

    id: Id
    when: Annotated[expression.Node, PlainValidator(expression.parse)]
    ask: Annotated[tuple[Id, ...], Field(min_length=1)]
    why: Text
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]


def load_screens(folder: Path, findings: Mapping[str, Finding]) -> tuple[Screen, ...]:
    """Of a set's folder, none where it has no such file; loader.KnowledgeError says which does not hold."""
    path = folder / FILE_NAME
    screens = [loader.checked(Screen, given, path) for given in loader.read_yaml(path)] if path.exists() else []
    for screen in screens:
        try:
            expression.check(screen.when, findings)
        except ValueError as error:
            raise loader.KnowledgeError(f"{path}: {screen.id}: {error}") from error
        if unknown := [name for name in screen.ask if name not in findings]:
            raise loader.KnowledgeError(f"{path}: {screen.id}: there is no finding {', '.join(unknown)}")
    return tuple(screens)
