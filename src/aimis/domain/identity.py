"""Whose a DICOM object is, and when two objects are of two people.

The rule of evidence, with its reasons: docs/decisions/0055-never-two-people.md.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import NamedTuple

from aimis.domain.errors import CaseError, UnsupportedInputError
from aimis.domain.reading import Reason

_NAMED = {
    "two-patients": ("first", "second"),
    "two-studies": ("first", "second"),
    "prior-of-another-patient": ("new", "prior"),
}
"""Reasons with values that say who somebody is, and which values those are."""
_NOBODY = re.compile(
    r"(?:anon\w*|de-?id\w*|unknown|none|null|n/?a|no[ _-]?(?:id|name)|test|0+|x+|-+|\?+|\*+|匿名|未知|无)",
    re.IGNORECASE,
)
"""A Patient ID that many people share."""
_WORD = re.compile(r"[^\W_]+")
_LONGEST_NAMED = 64
_LEAST_TO_SHOW_ENDS = 6
_DIGEST_DIGITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Whose an object is, by its own header; what the header does not say is None.

    Texts are as written, without spaces around them, which mean nothing in DICOM (PS3.5 6.2).
    issuer : Issuer of Patient ID (0010,0021)
    birth_date, study_date : DICOM DA
    Name, birth date and sex are never stored: a record holds `digest` instead.
    """

    patient_id: str | None = None
    issuer: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    name: str | None = None
    study_instance_uid: str | None = None
    study_date: str | None = None

    @property
    def digest(self) -> str | None:
        """16 hexadecimal digits, the same for the same patient on the same day; None where nothing is known of them."""
        name = None if _tells(self.patient_id) else self.name
        told = (self.patient_id, self.issuer, _date(self.birth_date), _sex(self.sex), name and sorted(_words(name)))
        if not any(told):
            return None
        return hashlib.sha256(repr((*told, _date(self.study_date))).encode()).hexdigest()[:_DIGEST_DIGITS]


NOBODY = Identity()
"""Of a picture that says nothing of its patient, e.g. a JPEG."""


class Difference(NamedTuple):
    """By what two identities are of two people, and the value of each, for people to read.

    by : patient-id, issuer, birth-date, sex or name; a name is masked
    """

    by: str
    first: str
    second: str


def difference(one: Identity, other: Identity) -> Difference | None:
    """Returns why two objects cannot be of one person; None where nothing in their headers says so."""
    if _are_two(one.patient_id, other.patient_id):
        return Difference("patient-id", *_apart(str(one.patient_id), str(other.patient_id)))
    if _are_two(one.issuer, other.issuer):
        return _with_ids("issuer", one, other, one.issuer, other.issuer)
    birth = _date(one.birth_date), _date(other.birth_date)
    if all(birth) and not birth[0].startswith(birth[1]) and not birth[1].startswith(birth[0]):
        return _with_ids("birth-date", one, other, *birth)
    sex = _sex(one.sex), _sex(other.sex)
    if _are_two(*sex):
        return _with_ids("sex", one, other, *sex)
    is_one_id = one.patient_id == other.patient_id and _tells(one.patient_id)
    if not is_one_id and one.name and other.name and _names_differ(one.name, other.name):
        return _with_ids("name", one, other, *_apart(mask(one.name), mask(other.name)))
    return None


def of_one_patient(identities: Iterable[Identity]) -> Identity:
    """Returns what all of them say together, each value from the first that has it.

    Raises `UnsupportedInputError` "two-patients", naming two of them, where any two are of two people.
    """
    distinct = list(dict.fromkeys(identities))
    for one, other in combinations(distinct, 2):
        found = difference(one, other)
        if found is not None:
            raise UnsupportedInputError("two-patients", by=found.by, first=found.first, second=found.second)
    known = {field.name: _first(getattr(each, field.name) for each in distinct) for field in fields(Identity)}
    return replace(NOBODY, **known)


def of_one_study(identities: Iterable[Identity]) -> Identity:
    """The same; also raises "two-studies" where Study Instance UIDs differ."""
    distinct = list(dict.fromkeys(identities))
    merged = of_one_patient(distinct)
    for each in distinct:
        check_study(merged, each)
    return merged


def check_study(one: Identity, other: Identity) -> None:
    """Raises `UnsupportedInputError` "two-studies" where the Study Instance UIDs differ."""
    if _are_two(one.study_instance_uid, other.study_instance_uid):
        first, second = _apart(str(one.study_instance_uid), str(other.study_instance_uid))
        raise UnsupportedInputError("two-studies", first=first, second=second)


def masked(reason: Reason) -> Reason:
    """The reason with the values that name patients and studies masked; two of them stay told apart."""
    names = _NAMED.get(reason.code, ())
    values = dict(reason.values)
    if not names or not values.keys() >= set(names):
        return reason
    shown = _apart(*(mask(values[name]) for name in names))
    return Reason.of(reason.code, **(values | dict(zip(names, shown, strict=True))))


def masked_error(error: CaseError) -> CaseError:
    """The error with its reason masked."""
    reason = masked(error.reason)
    return error if reason is error.reason else type(error)(reason.code, **dict(reason.values))


def mask(text: str) -> str:
    """The first and the last character of a long text, nothing of a short one."""
    return f"{text[0]}***{text[-1]}" if len(text) >= _LEAST_TO_SHOW_ENDS else "***"


def _with_ids(by: str, one: Identity, other: Identity, *values: str | None) -> Difference:
    """Each value after the Patient ID that it stands with."""
    ids = one.patient_id, other.patient_id
    first, second = (
        f"{patient_id} ({value})" if patient_id else str(value) for patient_id, value in zip(ids, values, strict=True)
    )
    return Difference(by, *_apart(first, second))


def _apart(first: str, second: str) -> tuple[str, str]:
    """Both cut to what can be shown, and numbered where they then look the same."""
    first, second = first[:_LONGEST_NAMED], second[:_LONGEST_NAMED]
    return (f"{first} (1)", f"{second} (2)") if first == second else (first, second)


def _are_two(one: str | None, other: str | None) -> bool:
    return bool(one and other) and one != other


def _tells(patient_id: str | None) -> bool:
    """Whether a Patient ID tells people apart at all."""
    return bool(patient_id) and not _NOBODY.fullmatch(patient_id or "")


def _date(said: str | None) -> str:
    """The digits of a date, by year, month and day; empty where it is none, or all noughts."""
    digits = re.sub(r"[-./ ]", "", said or "")
    return digits if digits.isdecimal() and digits.strip("0") and len(digits) in {4, 6, 8} else ""


def _sex(said: str | None) -> str | None:
    """M or F; O (other) and what else is written tell nobody apart."""
    return (said or "").upper() if (said or "").upper() in {"M", "F"} else None


def _names_differ(one: str, other: str) -> bool:
    """Whether no writing of one name (PS3.5 6.2.1: Latin=ideographic=phonetic) can be one of the other's.

    Latin and other letters cannot be compared, and tell nothing.
    """
    pairs = [(a, b) for a in one.split("=") for b in other.split("=") if _words(a) and _words(b)]
    alike = [(a, b) for a, b in pairs if _is_latin(a) == _is_latin(b)]
    return bool(alike) and not any(_is_one_name(a, b) for a, b in alike)


def _is_one_name(one: str, other: str) -> bool:
    """Written together or apart, in any order, with initials, or with a further name."""
    few, many = sorted((_words(one), _words(other)), key=len)
    if "".join(few) == "".join(many):
        return True
    return _are_among(few, many) and (len(few) < len(many) or _are_among(many, few))


def _are_among(words: list[str], others: list[str]) -> bool:
    return all(any(b.startswith(a) or a.startswith(b) for b in others) for a in words)


def _words(name: str) -> list[str]:
    """In lower case, without accents."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return _WORD.findall("".join(c for c in letters if not unicodedata.combining(c)))


def _is_latin(name: str) -> bool:
    return "".join(_words(name)).isascii()


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)
