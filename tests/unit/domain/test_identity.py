"""When two headers are of two people, how they are named, and that nothing personal is kept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain import identity
from aimis.domain.errors import UnsupportedInputError
from aimis.domain.identity import Identity
from aimis.domain.reading import Reason

JANE: dict[str, Any] = {"patient_id": "P-17", "name": "Doe^Jane", "birth_date": "19500101", "sex": "F"}


def changed(**values: str | None) -> Identity:
    return Identity(**(JANE | values))


@pytest.mark.parametrize(
    ("other", "by"),
    [
        (changed(patient_id="P-18"), "patient-id"),
        (changed(patient_id="p-17"), "patient-id"),
        (changed(patient_id="0P-17"), "patient-id"),
        (changed(birth_date="19500102"), "birth-date"),
        (changed(patient_id=None, birth_date="1961.02.03"), "birth-date"),
        (changed(birth_date="1961"), "birth-date"),
        (changed(sex="M"), "sex"),
        (changed(patient_id=None, name="Roe^Richard"), "name"),
        (changed(patient_id=None, name="Doe^John"), "name"),
    ],
)
def test_headers_of_two_people_are_told_apart(other: Identity, by: str) -> None:
    for one, two in ((changed(), other), (other, changed())):
        found = identity.difference(one, two)
        assert found is not None
        assert found.by == by
        assert found.first != found.second


@pytest.mark.parametrize(
    "other",
    [
        identity.NOBODY,
        changed(patient_id=None),
        changed(issuer="HOSP"),
        changed(birth_date="1950-01-01"),
        changed(birth_date="1950"),
        changed(birth_date="00000000"),
        changed(birth_date="unknown"),
        changed(sex="O"),
        changed(sex="f"),
        changed(name="Roe^Jane"),
        changed(patient_id=None, name="DOE^JANE^^^"),
        changed(patient_id=None, name="Doe^J"),
        changed(patient_id=None, name="Jane Doe"),
        changed(patient_id=None, name="Doé^Jane^Mary"),
        changed(patient_id=None, name="杜^简"),
        changed(patient_id=None, name="Doe^Jane=杜^简"),
        changed(study_instance_uid="1.2", study_date="20200101"),
    ],
)
def test_headers_that_may_be_of_one_person_are_not_told_apart(other: Identity) -> None:
    assert identity.difference(changed(), other) is None
    assert identity.difference(other, changed()) is None


def test_one_number_of_two_issuers_is_two_people() -> None:
    found = identity.difference(changed(issuer="North"), changed(issuer="South"))
    assert found == ("issuer", "P-17 (North)", "P-17 (South)")


@pytest.mark.parametrize("shared", ["ANON", "anonymous", "Unknown", "0000", "test", "匿名", None])
def test_names_tell_people_apart_who_share_a_number_that_is_nobodys(shared: str | None) -> None:
    wang, li = Identity(patient_id=shared, name="Wang^Wei=王^伟"), Identity(patient_id=shared, name="Li^Na=李^娜")
    found = identity.difference(wang, li)
    assert found is not None
    assert found.by == "name"
    assert "Wang" not in "".join(found)
    assert "Li^" not in "".join(found)
    assert found.first != found.second
    assert identity.difference(wang, Identity(patient_id=shared, name="王伟")) is None


def test_names_alone_tell_nobody_apart_who_has_a_number() -> None:
    assert (
        identity.difference(Identity(patient_id="4711", name="Müller"), Identity(patient_id="4711", name="X")) is None
    )


some = st.sampled_from
identities = st.builds(
    Identity,
    patient_id=some([None, "PA", "PB", "ANON"]),
    issuer=some([None, "N", "S"]),
    birth_date=some([None, "19500101", "19610203"]),
    sex=some([None, "M", "F", "O"]),
    name=some([None, "Doe^Jane", "Roe^Jo"]),
    study_instance_uid=some([None, "1.2", "1.3"]),
)


@given(st.lists(identities, max_size=6))
def test_what_is_joined_holds_no_two_people_and_what_is_refused_holds_two(given_ids: list[Identity]) -> None:
    differ = any(identity.difference(a, b) for a, b in combinations(given_ids, 2))
    if differ:
        with pytest.raises(UnsupportedInputError, match="two-patients"):
            identity.of_one_patient(given_ids)
    else:
        merged = identity.of_one_patient(given_ids)
        assert all(identity.difference(merged, each) is None for each in given_ids)
        assert {each.patient_id for each in given_ids} - {None} <= {merged.patient_id}


@given(st.lists(identities, max_size=6))
def test_what_is_one_study_holds_no_two_studies(given_ids: list[Identity]) -> None:
    studies = {each.study_instance_uid for each in given_ids} - {None}
    if any(identity.difference(a, b) for a, b in combinations(given_ids, 2)):
        assert refusing(*given_ids, of=identity.of_one_study).code == "two-patients"
    elif len(studies) > 1:
        assert refusing(*given_ids, of=identity.of_one_study).code == "two-studies"
    else:
        assert studies <= {identity.of_one_study(given_ids).study_instance_uid}


@given(identities, identities)
def test_one_digest_is_of_one_person(one: Identity, other: Identity) -> None:
    if one.digest is not None and one.digest == other.digest:
        assert identity.difference(one, other) is None


anything = st.none() | st.text(max_size=12)


@given(*[st.builds(Identity, patient_id=some([None, "ANON"]), birth_date=anything, sex=anything, name=anything)] * 2)
def test_any_text_is_compared_alike_in_either_order(one: Identity, other: Identity) -> None:
    found, turned = identity.difference(one, other), identity.difference(other, one)
    assert (found and found.by) == (turned and turned.by)
    assert identity.difference(one, one) is None
    assert one.digest is None or len(one.digest) == 16


def test_digest_tells_people_and_days_apart_and_says_nothing_of_them() -> None:
    digest = changed().digest
    assert digest is not None
    assert digest == changed(name="Doe^J", birth_date="1950-01-01").digest
    assert len({digest, changed(birth_date="19610203").digest, changed(study_date="20200101").digest}) == 3
    assert all(value not in digest for value in ("P-17", "1950", "Doe"))
    assert Identity(study_instance_uid="1.2", study_date="20200101").digest is None


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("1234567", "7654321", ("1***7", "7***1")),
        ("1234567", "1999997", ("1***7 (1)", "1***7 (2)")),
        ("PA", "PB", ("*** (1)", "*** (2)")),
    ],
)
@pytest.mark.parametrize("code", ["two-patients", "two-studies", "prior-of-another-patient"])
def test_masked_reason_names_both_masked_and_apart(code: str, first: str, second: str, shown: tuple[str, str]) -> None:
    names = ("new", "prior") if code.startswith("prior") else ("first", "second")
    reason = Reason.of(code, by="patient-id", **dict(zip(names, (first, second), strict=True)))
    masked = dict(identity.masked(reason).values)
    assert (masked[names[0]], masked[names[1]], masked["by"]) == (*shown, "patient-id")


def test_other_reasons_are_left_as_they_are() -> None:
    error = UnsupportedInputError("not-a-ct", modality="MR")
    assert identity.masked_error(error) is error


def refusing(*given_ids: Identity, of: Callable[..., Identity] = identity.of_one_patient) -> Reason:
    with pytest.raises(UnsupportedInputError) as refused:
        of(given_ids)
    return refused.value.reason


def test_refusal_names_both() -> None:
    one, other = changed(study_instance_uid="1.2"), changed(patient_id="P-18")
    assert refusing(one, other) == Reason.of("two-patients", by="patient-id", first="P-17", second="P-18")
    one, other = (changed(study_instance_uid=uid) for uid in ("1.2", "1.3"))
    assert refusing(one, other, of=identity.of_one_study) == Reason.of("two-studies", first="1.2", second="1.3")
    assert identity.of_one_patient([one, other]).patient_id == "P-17"
