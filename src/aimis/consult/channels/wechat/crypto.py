"""Signatures and encryption of messages in WeChat's safe mode.

Source: WeChat's documentation for Official Accounts, "Message encryption and decryption": the signature is the SHA-1
of the sorted token, timestamp, nonce (and ciphertext); the cipher is AES-256-CBC whose initial vector is the first 16
bytes of the key; the plaintext is 16 random bytes, the message's length as 4 bytes in network order, the message and
the account's id, padded as PKCS #7 to 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from aimis.domain.errors import AimisError, UsageError

BLOCK_BYTES, RANDOM_BYTES, LENGTH_BYTES = 32, 16, 4
KEY_CHARACTERS = 43
SECONDS_OFF = 300
"""How far a request's time may be from ours; older ones are taken for replayed."""


class ForgedError(AimisError):
    """The request is not WeChat's, or not for us, or too old. Why is not told to who sent it."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What stands in the address of a request beside its signature."""

    timestamp: str
    nonce: str


class SafeMode:
    """Seals and opens messages of one Official Account.

    encoding_aes_key : 43 characters, as WeChat's console shows it
    """

    def __init__(self, *, app_id: str, token: str, encoding_aes_key: str) -> None:
        try:
            key = base64.b64decode(f"{encoding_aes_key}=", validate=True)
        except binascii.Error:
            key = b""
        if len(encoding_aes_key) != KEY_CHARACTERS or len(key) != BLOCK_BYTES:
            raise UsageError("wechat.encoding_aes_key must be the 43 letters and digits that WeChat's console shows")
        self._app_id, self._token, self._key = app_id.encode(), token, key

    def check(self, signature: str, stamp: Stamp, now_s: float, encrypted: str | None = None) -> None:
        """ForgedError unless the signature is WeChat's, over the ciphertext too where there is one, and fresh."""
        parts = [self._token, stamp.timestamp, stamp.nonce, *([encrypted] if encrypted is not None else [])]
        if not hmac.compare_digest(_sha1(parts).encode(), signature.encode()):
            raise ForgedError("the signature does not match")
        if not stamp.timestamp.isdecimal() or abs(now_s - int(stamp.timestamp[:12])) > SECONDS_OFF:
            raise ForgedError("the request is from another time")

    def sign(self, stamp: Stamp, encrypted: str) -> str:
        """The signature over a ciphertext."""
        return _sha1([self._token, stamp.timestamp, stamp.nonce, encrypted])

    def open(self, encrypted: str) -> bytes:
        """The message in a ciphertext; ForgedError where anything of its form is not as it must be."""
        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ForgedError("the ciphertext is no base64") from error
        if not sealed or len(sealed) % BLOCK_BYTES:
            raise ForgedError("the ciphertext is not made of whole blocks")
        decryptor = self._cipher().decryptor()
        return self._message(_unpadded(decryptor.update(sealed) + decryptor.finalize()))

    def seal(self, message: bytes, randomness: bytes | None = None) -> str:
        """The ciphertext of a message."""
        start = randomness or os.urandom(RANDOM_BYTES)
        plain = start + struct.pack("!I", len(message)) + message + self._app_id
        missing = BLOCK_BYTES - len(plain) % BLOCK_BYTES
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()).decode()

    def _message(self, plain: bytes) -> bytes:
        head = RANDOM_BYTES + LENGTH_BYTES
        if len(plain) < head:
            raise ForgedError("the message is too short")
        (length,) = struct.unpack("!I", plain[RANDOM_BYTES:head])
        if not hmac.compare_digest(plain[head + length :], self._app_id):
            raise ForgedError("the message is for another account")
        return plain[head : head + length]

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))


def _unpadded(plain: bytes) -> bytes:
    count = plain[-1]
    if not 1 <= count <= BLOCK_BYTES or plain[-count:] != bytes([count]) * count:
        raise ForgedError("the padding is wrong")
    return plain[:-count]


def _sha1(parts: list[str]) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()  # WeChat's choice, not ours
