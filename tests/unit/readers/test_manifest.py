"""A manifest holds or is refused with the key's name."""

from __future__ import annotations

import copy
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from aimis.domain.errors import ReaderRefusedError, UsageError
from aimis.readers import fields, manifest
from aimis.readers.manifest import Calibration, Manifest, OperatingPoints

from .conftest import FIXTURE, Folder

TABLE = tomllib.loads((FIXTURE / "reader.toml").read_text(encoding="utf-8"))
PROBABILITY = st.floats(0, 1)
DELETED = object()
DOCS = Path(__file__).parents[3] / "docs"


def _changed(path: str, value: object) -> dict[str, Any]:
    """The table with one key set or deleted; numbers in the path are places in a list."""
    table = copy.deepcopy(TABLE)
    *way, last = path.split(".")
    place: Any = table
    for step in way:
        place = place[int(step)] if step.isdecimal() else place[step]
    if value is DELETED:
        del place[last]
    else:
        place[last] = value
    return table


def _manifest(table: dict[str, Any] | None = None) -> Manifest:
    return Manifest.model_validate({**(table or TABLE), "folder": FIXTURE})


def test_manifest_tells_what_its_folder_holds() -> None:
    read = manifest.read_manifest(FIXTURE)
    assert read.reader_ids == ("brightness", "colour-cast")
    assert [finding.name for finding in read.reader("colour-cast").findings] == ["red-picture", "green-picture"]
    assert read.weights_path.is_file()
    assert read.card_path.is_file()
    assert {language: path.is_file() for language, path in read.text_paths.items()} == {"en": True, "zh": True}
    assert read.network["input_px"] == 8


def test_manifest_cannot_be_changed() -> None:
    read = _manifest()
    with pytest.raises(ValidationError, match="frozen"):
        read.readers[0].version = "9.9.9"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("schema", DELETED),
        ("extra", 1),
        ("entry", "read"),
        ("entry", "../read:load"),
        ("weights.file", "/etc/passwd"),
        ("weights.file", "weights/../../other.onnx"),
        ("weights.file", "weights\\network.onnx"),
        ("weights.sha256", "abc"),
        ("weights.sha256", "A" * 64),
        ("weights.sha256", DELETED),
        ("weights.licence", "see the file"),
        ("weights.licence", DELETED),
        ("weights.training_commit", "main"),
        ("weights.bytes", 0),
        ("weights.bytes", 1.5),
        ("weights.extra", 1),
        ("weights.data.eyes-2024", "none"),
        ("texts.zh", "../zh.toml"),
        ("texts.English", "text/en.toml"),
        ("readers", []),
        ("readers.0.id", "Brightness"),
        ("readers.0.id", "bright_ness"),
        ("readers.0.id", "-bright"),
        ("readers.0.version", "1.0"),
        ("readers.0.version", "01.0.0"),
        ("readers.0.version", "\u0661.\u0660.\u0660"),
        ("readers.0.title", "  "),
        ("readers.0.intended_use", DELETED),
        ("readers.0.inputs", []),
        ("readers.0.default_operating_point", "brave"),
        ("readers.0.findings", []),
        ("readers.0.threshold", 0.5),
        ("readers.0.findings.0.name", "Bright picture"),
        ("readers.0.findings.0.snomed.code", "diabetic"),
        ("readers.0.findings.0.snomed.code", "4855004"),  # wrong check digit
        ("readers.0.findings.0.snomed.display", DELETED),
        ("readers.0.findings.0.icd10", "11.3"),
        ("readers.0.findings.0.calibration.slope", 0),
        ("readers.0.findings.0.calibration.slope", -1.0),
        ("readers.0.findings.0.calibration.offset", math.nan),
        ("readers.0.findings.0.calibration.offset", "0.5"),
        ("readers.0.findings.0.calibration", DELETED),
        ("readers.0.findings.0.operating_points.screening", -0.1),
        ("readers.0.findings.0.operating_points.specific", 1.1),
        ("readers.0.findings.0.operating_points.specific", True),
        ("readers.0.findings.0.operating_points.specific", DELETED),
        ("readers.0.findings.0.operating_points.own", 0.5),
        ("readers.0.findings.0.site_threshold", 1.5),
        ("readers.0.findings.0.site_threshold", "brave"),
        ("readers.0.metrics.0.value", "0.97"),
        ("readers.0.metrics.0.n", 0),
        ("readers.0.metrics.0.on", DELETED),
        ("readers.0.abstention.threshold", 2),
        ("readers.0.abstention.rule", "brave"),
    ],
)
def test_key_that_does_not_hold_is_refused_by_name(folder: Folder, key: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _manifest(_changed(key, value))
    told = manifest._explain(caught.value)
    assert told.startswith(key)
    assert told.endswith("Mend this and try again")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("readers.1.id", "brightness", "each reader id may stand once, but brightness stands more often"),
        ("readers.1.findings.1.name", "red-picture", "each finding may stand once, but red-picture"),
        ("texts", {"zh": "text/zh.toml"}, "texts must name an English file"),
        ("readers.0.metrics.0.low", 0.98, r"value 0.97 is not within 0.98..0.99"),
        ("weights.licence", "LicenseRef-Hospital", "name the file with its text as licence_file"),
        (
            "readers.0.findings.0.operating_points.screening",
            0.6,
            "must not fall from screening to specific, but they are 0.6, 0.5, 0.8",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _manifest(_changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weights.training_commit", DELETED),
        ("weights.bytes", DELETED),
        ("weights.data", DELETED),
        ("network", DELETED),
        ("texts.zh", DELETED),
        ("readers.0.metrics", DELETED),
        ("readers.0.abstention", DELETED),
        ("readers.0.findings.0.snomed", DELETED),
        ("readers.0.findings.0.icd10", DELETED),
        ("readers.0.metrics.0.low", DELETED),
        ("readers.0.version", "1.0.0-rc.1+build"),
        ("readers.0.findings.0.operating_points.specific", 1),
    ],
)
def test_key_that_may_be_left_out_or_differ_is_accepted(key: str, value: object) -> None:
    assert _manifest(_changed(key, value)).reader_ids == ("brightness", "colour-cast")


@given(st.lists(PROBABILITY, min_size=3, max_size=3))
def test_operating_points_hold_exactly_when_they_do_not_fall(thresholds: list[float]) -> None:
    points = dict(zip(manifest.OPERATING_POINTS, thresholds, strict=True))
    if thresholds == sorted(thresholds):
        assert OperatingPoints.model_validate(points).model_dump() == points
    else:
        with pytest.raises(ValidationError):
            OperatingPoints.model_validate(points)


@given(
    logits=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    slope=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
)
def test_calibration_keeps_the_order_and_stays_within_0_and_1(
    logits: tuple[float, float], slope: float, offset: float
) -> None:
    calibration = Calibration(slope=slope, offset=offset)
    low, high = (calibration.probability(logit) for logit in sorted(logits))
    assert 0 <= low <= high <= 1


@given(st.floats(-50, 50))
def test_calibration_of_the_opposite_logit_is_the_complement(logit: float) -> None:
    plain = Calibration(slope=1, offset=0)
    assert plain.probability(logit) + plain.probability(-logit) == pytest.approx(1)
    assert plain.probability(logit) == pytest.approx(1 / (1 + math.exp(-logit)))


@given(code=st.sampled_from(["4855003", "23986001", "193570009", "267718000"]), data=st.data())
def test_snomed_code_with_one_wrong_digit_is_refused(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(code) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    assert fields.snomed_identifier(code) == code
    with pytest.raises(ValueError, match="no SNOMED CT identifier"):
        fields.snomed_identifier(code[:place] + digit + code[place + 1 :])


@given(st.lists(st.sampled_from(["..", ".", "a", "b.onnx", "", "/", "c d"]), min_size=1, max_size=6))
def test_file_of_a_manifest_never_leaves_the_folder(parts: list[str]) -> None:
    text = "/".join(parts)
    try:
        path = FIXTURE / TypeAdapter(fields.File).validate_python(text)
    except ValidationError:
        assert not text or text.startswith("/") or ".." in parts
    else:
        assert path.resolve().is_relative_to(FIXTURE.resolve())


def test_threshold_is_that_of_the_operating_point() -> None:
    finding = _manifest().reader("brightness").finding("bright-picture")
    assert [finding.threshold(name) for name in manifest.OPERATING_POINTS] == [0.3, 0.5, 0.8]
    with pytest.raises(UsageError, match="no operating point 'brave'; there are screening, balanced, specific"):
        finding.threshold("brave")


@given(own=PROBABILITY, point=st.sampled_from(manifest.OPERATING_POINTS))
def test_site_threshold_wins_at_every_operating_point_and_leaves_the_others(own: float, point: str) -> None:
    before = _manifest()
    after = manifest.with_thresholds(before, {"colour-cast": {"red-picture": own}})
    assert after.reader("colour-cast").finding("red-picture").threshold(point) == own
    assert after.reader("colour-cast").finding("green-picture") == before.reader("colour-cast").finding("green-picture")
    assert after.reader("brightness") == before.reader("brightness")
    assert before == _manifest()


def test_site_may_name_an_operating_point_for_one_finding() -> None:
    after = manifest.with_thresholds(_manifest(), {"brightness": {"bright-picture": "specific"}})
    assert after.reader("brightness").finding("bright-picture").threshold("screening") == 0.8


def test_provenance_names_what_a_site_decides_otherwise() -> None:
    after = manifest.with_thresholds(_manifest(), {"colour-cast": {"red-picture": 0.35, "green-picture": "screening"}})
    assert after.reader("brightness").operating_point_label("balanced") == "balanced"
    label = after.reader("colour-cast").operating_point_label("balanced")
    assert label == "balanced; red-picture=0.35; green-picture=screening"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"brightness": {"brightpicture": 0.5}}, "does not look for 'brightpicture'; it looks for bright-picture"),
        ({"brightness": {"bright-picture": 1.5}}, "threshold of bright-picture in brightness: 1.5 is neither"),
        ({"brightness": {"bright-picture": "brave"}}, "'brave' is neither a number from 0 to 1 nor one of"),
        ({"brightness": {"bright-picture": math.nan}}, "is neither"),
    ],
)
def test_site_threshold_that_cannot_be_is_refused(overrides: manifest.Overrides, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        manifest.with_thresholds(_manifest(), overrides)


def test_site_threshold_of_another_folder_is_passed_over() -> None:
    assert manifest.with_thresholds(_manifest(), {"elsewhere": {"x": 0.5}}) == _manifest()


def test_unknown_reader_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no reader 'heart'; it has brightness, colour-cast"):
        _manifest().reader("heart")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"schema = ", "is no TOML"),
        (b'entry = "\xff"', "is no TOML"),
        (b'folder = "/elsewhere"', "folder: the manifest must not say where it lies"),
        (b"schema = 1", "entry: is missing; weights: is missing"),
    ],
)
def test_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "reader.toml").write_bytes(content)
    with pytest.raises(ReaderRefusedError, match=message) as caught:
        manifest.read_manifest(tmp_path)
    assert str(tmp_path / "reader.toml") in str(caught.value)


def test_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderRefusedError, match=r"reader\.toml cannot be read \(No such file or directory\)"):
        manifest.read_manifest(tmp_path)


def test_unknown_key_is_named_with_what_to_do(folder: Folder) -> None:
    folder.replace("reader.toml", 'icd10 = "E11.3"', 'icd_10 = "E11.3"')
    with pytest.raises(ReaderRefusedError, match=r"readers\.0\.findings\.0\.icd_10: schema 1 knows no such key"):
        manifest.read_manifest(folder.path)


def _keys(part: type[BaseModel]) -> set[str]:
    """The keys of a table and of the tables in it, as they stand in the file."""
    return {field.alias or name for name, field in part.model_fields.items()}


PARTS = [
    manifest.Manifest,
    manifest.Weights,
    manifest.ReaderEntry,
    manifest.FindingEntry,
    manifest.Calibration,
    manifest.OperatingPoints,
    manifest.Concept,
    manifest.Metric,
    manifest.Abstention,
]


@pytest.mark.parametrize("part", PARTS)
def test_every_key_stands_in_the_reference(part: type[BaseModel]) -> None:
    named = set(re.findall(r"\w+", (DOCS / "reference" / "reader-toml.md").read_text(encoding="utf-8")))
    assert not _keys(part) - named - {"folder"}
