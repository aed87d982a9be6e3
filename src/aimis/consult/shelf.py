"""What YAML files said, kept as JSON from one start to the next: parsing YAML took longer than all else.

An entry is found by the SHA-256 of the file's content, so it can never be out of date; a line is `digest JSON`. Lines
are only ever added, one write for all that are new; a line that was torn is no JSON and counts as absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

FORM = b"1\n"  # another number where the same YAML is to be read otherwise
MOST_BYTES = 32 * 1024 * 1024
OWNER_ALONE = 0o600


class Shelf:
    """A file of entries; one that cannot be read or written costs time and nothing else."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._new: dict[str, str] = {}

    def parsed(self, content: bytes, parse: Callable[[bytes], Any]) -> Any:
        """What `parse` makes of the content, from the shelf where it stands there."""
        digest = sha256(FORM + content).hexdigest()
        with suppress(KeyError, ValueError):
            return json.loads(self._kept[digest])
        given = parse(content)
        with suppress(TypeError, ValueError):
            text = json.dumps(given, ensure_ascii=False, allow_nan=False)
            if isinstance(given, dict | list) and json.loads(text) == given:  # a number as a key would come as text
                self._new[digest] = text
        return given

    def save(self) -> None:
        """Add what was parsed since."""
        if self._path is None or not self._new:
            return
        lines = "".join(f"{digest} {text}\n" for digest, text in self._new.items())
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            is_full = self._path.exists() and self._path.stat().st_size > MOST_BYTES
            how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if is_full else os.O_APPEND)
            with os.fdopen(os.open(self._path, how, OWNER_ALONE), "wb") as file:
                file.write(b"\n" + lines.encode())
        self._kept.update(self._new)
        self._new.clear()

    @cached_property
    def _kept(self) -> dict[str, str]:
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n") if self._path is not None else []
        except (OSError, UnicodeDecodeError):
            return {}
        return {digest: text for digest, _, text in (line.partition(" ") for line in lines) if text}


def default_path() -> Path | None:
    """In the user's folder of what can be made again; None where there is none."""
    given, home = os.environ.get("XDG_CACHE_HOME"), os.environ.get("HOME")
    if given:
        return Path(given) / "aimis" / "knowledge.jsonl"
    return Path(home) / ".cache" / "aimis" / "knowledge.jsonl" if home else None
