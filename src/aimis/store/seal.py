"""Encryption at rest, and what only the holder of the key can make: links and marks.

Source: AES-256 in Galois/Counter Mode, NIST SP 800-38D, with 96-bit random nonces; keys derived by HKDF, RFC 5869.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aimis.domain.errors import UsageError
from aimis.store.errors import SealError

KEY_BYTES, NONCE_BYTES, NAME_BYTES, SIGNATURE_BYTES = 32, 12, 4, 16
OWNER_ALONE = 0o600


class Seal:
    """Seals and opens with a ring of keys: the first seals, all open; the last one marks, so it must stay.

    keys : 32 bytes each, newest first
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise UsageError("a data key is 32 bytes, as 64 hexadecimal digits; `openssl rand -hex 32` makes one")
        self._ciphers = {hashlib.sha256(key).digest()[:NAME_BYTES]: AESGCM(_derived(key, b"seal")) for key in keys}
        self._marking_key = _derived(keys[-1], b"mark")

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypted and bound to what it is about, so that a row's content cannot be moved to another row."""
        name, cipher = next(iter(self._ciphers.items()))
        nonce = os.urandom(NONCE_BYTES)
        return name + nonce + cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed; SealError where it was changed, moved, or sealed by a key that is not here."""
        name, nonce = sealed[:NAME_BYTES], sealed[NAME_BYTES : NAME_BYTES + NONCE_BYTES]
        if name not in self._ciphers:
            raise SealError(f"{about} was sealed by another key; add that key to the data keys")
        try:
            return self._ciphers[name].decrypt(nonce, sealed[NAME_BYTES + NONCE_BYTES :], about.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError(f"{about} was changed after it was sealed") from error

    def mark(self, text: str) -> bytes:
        """32 bytes by which a text is found again and which do not tell it."""
        return hmac.digest(self._marking_key, text.encode(), "sha256")

    def link(self, consultation_id: UUID) -> str:
        """The secret of a consultation's link: 43 characters that nobody can guess or make from another's."""
        return base64.urlsafe_b64encode(consultation_id.bytes + self._signature(consultation_id)).decode().rstrip("=")

    def unlink(self, link: str) -> UUID | None:
        """Whose link it is; None where we never made it."""
        try:
            raw = base64.b64decode(link.encode("ascii") + b"=" * (-len(link) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        if len(raw) != SIGNATURE_BYTES * 2:
            return None
        found = UUID(bytes=raw[:SIGNATURE_BYTES])
        return found if hmac.compare_digest(raw[SIGNATURE_BYTES:], self._signature(found)) else None

    def _signature(self, consultation_id: UUID) -> bytes:
        return self.mark(f"link {consultation_id}")[:SIGNATURE_BYTES]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"aimis " + purpose).derive(key)


def load_seal(given: str | None, folder: Path) -> Seal:
    """The keys given (hexadecimal, separated by commas), else those of `folder/keys`, which is made where it lacks."""
    lines = given.replace(",", "\n") if given else _key_file(folder / "keys")
    try:
        return Seal([bytes.fromhex(line) for line in lines.split()])
    except ValueError as error:
        raise UsageError("a data key holds something that is no hexadecimal digit") from error


def _key_file(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ALONE)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="ascii")
