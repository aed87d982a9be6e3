"""A folder of knowledge in YAML -> Knowledge.

knowledge.yaml              name, version, date, bands, how they were set
findings/*.yaml             lists of findings
conditions/*.yaml           one condition a file, named as its id
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from aimis.consult import model, shelf
from aimis.domain.errors import AimisError

KNOWLEDGE = Path(__file__).parent / "knowledge"
FILE_NAME = "knowledge.yaml"
SHELF = shelf.Shelf(shelf.default_path())

R = TypeVar("R", bound=model.Record)


class KnowledgeError(AimisError):
    """A set of knowledge does not hold together; the message says which file and what to mend."""


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; KnowledgeError where it cannot be read."""
    try:
        return SHELF.parsed(path.read_bytes(), _parsed)
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise KnowledgeError(f"{path} is no YAML: {error}") from error


def _parsed(content: bytes) -> Any:
    from aimis.consult import yaml12  # noqa: PLC0415  few starts need it

    return yaml12.parse(content)


def load_knowledge(folder: Path) -> model.Knowledge:
    """The set in a folder, checked; KnowledgeError says which file and key do not hold."""
    head = {"name": folder.name, **_mapping(folder / FILE_NAME)}
    findings = dict(_findings(folder / "findings"))
    conditions = {path.stem: _condition(path) for path in sorted((folder / "conditions").glob("*.yaml"))}
    try:
        return model.Knowledge.model_validate({**head, "findings": findings, "conditions": conditions})
    except ValidationError as error:
        raise KnowledgeError(f"{folder}: {explained(error)}") from error


def _findings(folder: Path) -> Iterator[tuple[str, model.Finding]]:
    seen: dict[str, Path] = {}
    for path in sorted(folder.glob("*.yaml")):
        for given in read_yaml(path) or ():
            finding = checked(model.Finding, given, path)
            if finding.id in seen:
                raise KnowledgeError(f"{path}: finding {finding.id} stands in {seen[finding.id].name} already")
            seen[finding.id] = path
            yield finding.id, finding


def _condition(path: Path) -> model.Condition:
    condition = checked(model.Condition, read_yaml(path), path)
    if condition.id != path.stem:
        raise KnowledgeError(f"{path}: the id is {condition.id}; name the file {condition.id}.yaml")
    return condition


def checked(record: type[R], given: object, path: Path) -> R:
    """A record of what was given; KnowledgeError names the file, the id and each key that does not hold."""
    try:
        return record.model_validate(given)
    except ValidationError as error:
        named = f" {given['id']}" if isinstance(given, Mapping) and "id" in given else ""
        raise KnowledgeError(f"{path}:{named} {explained(error)}") from error


def explained(error: ValidationError) -> str:
    """Each key that does not hold and why."""
    faults = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
    return "; ".join(f"{key}: {fault}" if key else fault for key, fault in faults)


def _mapping(path: Path) -> dict[str, Any]:
    given = read_yaml(path)
    if not isinstance(given, dict):
        raise KnowledgeError(f"{path} must hold name, version, date and bands")
    return given
