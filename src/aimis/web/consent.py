"""What people agree to before anything is kept: a text with a version, of which the hash is recorded."""

from __future__ import annotations

import hashlib

from aimis.store.consultations import Consent
from aimis.web.words import words_of

VERSION = "2026-01"


def consent(language: str) -> Consent:
    """To the text as it stands now in a language."""
    text = "\n".join(words_of(language).paragraphs("consent"))
    return Consent(version=f"{VERSION}-{language}", sha256=hashlib.sha256(text.encode()).hexdigest())
