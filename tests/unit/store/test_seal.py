"""What is sealed opens to its key, its purpose and unchanged alone; links cannot be made up."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import UsageError
from aimis.store.errors import SealError
from aimis.store.seal import Seal, load_seal

OLD, NEW = bytes(32), bytes(range(32))


@given(st.binary(max_size=500), st.text(max_size=40))
def test_sealed_content_opens_to_what_it_was(content: bytes, about: str) -> None:
    seal = Seal([OLD])
    assert seal.open(seal.seal(content, about), about) == content


@given(st.binary(max_size=60), st.data())
def test_any_changed_bit_is_noticed(content: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Seal([OLD]).seal(content, "row 1"))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(SealError):
        Seal([OLD]).open(bytes(sealed), "row 1")


def test_content_does_not_open_as_about_something_else() -> None:
    with pytest.raises(SealError):
        Seal([OLD]).open(Seal([OLD]).seal(b"x", "row 1"), "row 2")


def test_same_content_is_never_sealed_the_same_way_twice() -> None:
    assert Seal([OLD]).seal(b"x", "row") != Seal([OLD]).seal(b"x", "row")


def test_new_key_opens_what_the_old_one_sealed_and_keeps_links_and_marks() -> None:
    before, after, consultation = Seal([OLD]), Seal([NEW, OLD]), uuid4()
    assert after.open(before.seal(b"x", "row"), "row") == b"x"
    assert after.unlink(before.link(consultation)) == consultation
    assert after.mark("someone") == before.mark("someone")
    with pytest.raises(SealError):
        before.open(after.seal(b"x", "row"), "row")


@given(st.uuids())
def test_link_leads_back_to_its_consultation(consultation: UUID) -> None:
    link = Seal([OLD]).link(consultation)
    assert len(link) == 43
    assert Seal([OLD]).unlink(link) == consultation
    assert Seal([NEW]).unlink(link) is None


@given(st.text(max_size=60))
def test_made_up_links_lead_nowhere(link: str) -> None:
    assert Seal([OLD]).unlink(link) is None


def test_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = load_seal(None, tmp_path / "data").seal(b"x", "row")
    assert load_seal(None, tmp_path / "data").open(sealed, "row") == b"x"
    assert stat.S_IMODE((tmp_path / "data" / "keys").stat().st_mode) == 0o600


@pytest.mark.parametrize("given_keys", ["ab", "zz" * 32, ","])
def test_key_that_cannot_be_one_is_refused(given_keys: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_seal(given_keys, tmp_path)
