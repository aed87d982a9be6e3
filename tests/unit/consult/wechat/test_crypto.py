"""Safe mode: what WeChat sends opens, what anybody else sends does not, whatever was changed in it."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from aimis.consult.channels.wechat.crypto import ForgedError, SafeMode, Stamp
from aimis.domain.errors import UsageError

KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
MODE = SafeMode(app_id="wx5823bf96d3bd56c7", token="QDG6eK", encoding_aes_key=KEY)  # noqa: S106  WeChat's published example
STAMP = Stamp(timestamp="1409659589", nonce="263014780")
THEN_S = 1409659589.0
PUBLISHED = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="


def encrypted(plain: bytes) -> str:
    """Any bytes under the right key, to forge what only the padding and the form can tell."""
    key = base64.b64decode(KEY + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def test_example_that_wechat_publishes_is_signed_and_opens() -> None:
    MODE.check("5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", STAMP, THEN_S, PUBLISHED)
    assert MODE.open(PUBLISHED) == b"1616140317555161061"


@given(st.binary(max_size=300))
def test_sealed_message_opens_to_itself(message: bytes) -> None:
    assert MODE.open(MODE.seal(message)) == message


@given(st.text(max_size=20), st.text("0123456789", max_size=12), st.text(max_size=12))
def test_signature_of_another_secret_is_refused(signature: str, timestamp: str, nonce: str) -> None:
    with pytest.raises(ForgedError):
        MODE.check(signature, Stamp(timestamp=timestamp, nonce=nonce), THEN_S, PUBLISHED)


@pytest.mark.parametrize("late_s", [-301, 301, 86_400])
def test_replayed_request_of_another_time_is_refused(late_s: float) -> None:
    with pytest.raises(ForgedError, match="another time"):
        MODE.check(MODE.sign(STAMP, PUBLISHED), STAMP, THEN_S + late_s, PUBLISHED)


def test_signature_holds_for_its_ciphertext_alone() -> None:
    with pytest.raises(ForgedError, match="signature"):
        MODE.check(MODE.sign(STAMP, PUBLISHED), STAMP, THEN_S, MODE.seal(b"other"))


@given(st.data())
def test_changed_ciphertext_never_opens_to_another_message_for_us(data: st.DataObject) -> None:
    sealed = bytearray(base64.b64decode(MODE.seal(b"hello", bytes(16))))
    sealed[data.draw(st.integers(len(sealed) - 32, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ForgedError):
        MODE.open(base64.b64encode(sealed).decode())


@pytest.mark.parametrize("pad", [b"\x00" * 32, b"\x21" * 32, b"\x01" * 31 + b"\x02", b"\x20" * 31 + b"\x1f"])
def test_wrong_padding_is_refused(pad: bytes) -> None:
    with pytest.raises(ForgedError):
        MODE.open(encrypted(bytes(32) + pad))


@pytest.mark.parametrize("length", [2**32 - 1, 1000, 6])
def test_length_beyond_the_message_is_refused(length: int) -> None:
    body = bytes(16) + length.to_bytes(4, "big") + b"hello" + b"wx5823bf96d3bd56c7"
    missing = 32 - len(body) % 32
    with pytest.raises(ForgedError):
        MODE.open(encrypted(body + bytes([missing]) * missing))


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", "A" * 44, "é", base64.b64encode(bytes(16)).decode()])
def test_what_is_no_ciphertext_is_refused(text: str) -> None:
    with pytest.raises(ForgedError):
        MODE.open(text)


def test_message_for_another_account_is_refused() -> None:
    other = SafeMode(app_id="wx0000000000000000", token="QDG6eK", encoding_aes_key=KEY)  # noqa: S106  see above
    with pytest.raises(ForgedError, match="another account"):
        MODE.open(other.seal(b"hello"))


@pytest.mark.parametrize("key", ["", "short", KEY + "A", "*" * 43])
def test_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(UsageError):
        SafeMode(app_id="wx", token="t", encoding_aes_key=key)  # noqa: S106  see above
