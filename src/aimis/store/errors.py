"""The errors of what is kept.

StoreError
├── SealError           what was kept does not open: another key, or somebody changed it
├── NotThereError       erased, expired, or never there
└── OutdatedError       somebody, on another device perhaps, was quicker
"""

from __future__ import annotations

from aimis.domain.errors import AimisError


class StoreError(AimisError):
    """The database cannot be used."""


class SealError(StoreError):
    """What was kept does not open with the keys that are here; it is another key's, or it was changed."""


class NotThereError(StoreError):
    """What is asked for was erased, has expired, or never was."""


class OutdatedError(StoreError):
    """The consultation went on meanwhile; nothing was changed."""
