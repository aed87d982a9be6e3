"""The dialogue over a set of knowledge, by name, with what belongs to the set."""

from __future__ import annotations

from pathlib import Path

from aimis.consult import differential, loader, net
from aimis.consult.dialogue import Dialogue
from aimis.consult.language import reader
from aimis.consult.safety import redflags
from aimis.domain.errors import UsageError

PRIMARY, DDXPLUS = "primary", "ddxplus"


def sets() -> tuple[str, ...]:
    """Names of the sets that are there."""
    return tuple(sorted(path.parent.name for path in loader.KNOWLEDGE.glob(f"*/{loader.FILE_NAME}")))


def open_dialogue(name: str = PRIMARY, *, whole: bool = False) -> Dialogue:
    """Over the set of that name; UsageError where there is none, KnowledgeError where it does not hold.

    whole : list the whole differential; UsageError where the set has no model of it
    """
    if name not in sets():
        raise UsageError(f"there is no knowledge {name!r}; there are {', '.join(sets())}")
    return dialogue_over(loader.KNOWLEDGE / name, whole=whole)


def dialogue_over(folder: Path, *, whole: bool = False) -> Dialogue:
    """Over the set in a folder; where it has red-flag rules, with them and with the reader of free text."""
    knowledge = loader.load_knowledge(folder)
    has_rules = (folder / "red_flags").is_dir()
    rules = redflags.load(folder, knowledge.findings) if has_rules else None
    reads = reader.Reader(knowledge.findings) if has_rules else None
    loader.SHELF.save()
    listing = differential.load_differential(folder) if whole else None
    if whole and listing is None:
        raise UsageError(f"the knowledge {folder.name} has no model of the whole differential")
    if listing is not None and listing.conditions != tuple(knowledge.conditions):
        raise loader.KnowledgeError(f"{folder}: {differential.FILE_NAME} was fitted on other conditions; fit it again")
    return Dialogue(net.build_net(knowledge), safety=rules, understanding=reads, whole=listing)
