"""A red flag as its YAML says it, and the loading of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from aimis.consult import loader
from aimis.consult.model import Citation, Finding, Id, Record, Text, Urgency
from aimis.consult.safety import expression

PathName = Literal["self-harm", "abuse", "poisoning", "overdose", "child-alone"]
"""Paths of their own, each with its words and its telephone numbers."""


class RedFlag(Record):
    """One rule.

    opening : its findings are asked of everybody, before anything else is known
    examples, counter_examples : what a person may write; the first must make it fire, the second must not
    """

    id: Id
    when: Annotated[expression.Node, PlainValidator(expression.parse)]
    urgency: Urgency
    path: PathName | None = None
    opening: bool = False
    say: Text
    why: Text
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]
    examples: Annotated[tuple[Text, ...], Field(min_length=1)]
    counter_examples: tuple[Text, ...] = ()


def load_red_flags(folder: Path, findings: Mapping[str, Finding]) -> tuple[RedFlag, ...]:
    """All rules of `folder`, the most urgent first; loader.KnowledgeError says which does not hold."""
    seen: set[str] = set()
    rules = []
    for path, rule in _rules(folder):
        if rule.id in seen:
            raise loader.KnowledgeError(f"{path}: red flag {rule.id} stands twice")
        try:
            expression.check(rule.when, findings)
        except ValueError as error:
            raise loader.KnowledgeError(f"{path}: {rule.id}: {error}") from error
        seen.add(rule.id)
        rules.append(rule)
    return tuple(sorted(rules, key=lambda rule: rule.urgency.rank))


def _rules(folder: Path) -> Iterator[tuple[Path, RedFlag]]:
    for path in sorted(folder.glob("*.yaml")):
        for given in loader.read_yaml(path) or ():
            yield path, loader.checked(RedFlag, given, path)
