"""What a person reads: whole in both languages, with words for everything the code can say."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import aimis
from aimis.domain import errors
from aimis.domain.errors import ReaderRefusedError, UsageError
from aimis.domain.reading import Classification, Laterality, Reason, Status
from aimis.reports.texts import CHEST, ENDOSCOPY, EYE, LANGUAGES, PICTURE, Texts, Urgency, core_table, load_texts
from tests.unit.reports.samples import FUNDUS, RETINOPATHY, texts

SOURCES = Path(aimis.__file__).parent
CATALOGUES = {
    "core": {language: SOURCES / "reports" / "text" / f"{language}.toml" for language in LANGUAGES},
    **{
        folder.parent.name: {language: folder / f"{language}.toml" for language in LANGUAGES}
        for folder in sorted((SOURCES / "readers").glob("*/text"))
        if (folder / "zh.toml").is_file()
    },
    "live": {language: SOURCES / "live" / "text" / f"{language}.toml" for language in LANGUAGES},
}
NO_WORDS = {"urgency", "subject", "lists"}
CONTRACT_REASONS = (
    "not-found",
    "unreadable",
    "empty-file",
    "truncated",
    "not-a-known-format",
    "broken-picture",
    "broken-dicom",
    "no-pixels",
    "internal-error",
    "reader-failed",
    "too-large",
    "too-many-frames",
    "not-a-picture",
    "not-a-fundus-photograph",
    "no-colour",
    "wrong-modality",
    "no-adult",
    "unsupported-transfer-syntax",
    "too-small",
    "unsupported-file",
    "out-of-focus",
    "too-dark",
    "too-bright",
    "low-contrast",
    "field-cut-off",
    "obstructed",
    "not-certain",
    "cataract-likely-hides-fundus",
    "pixels-missing",
)
ADVICE = (
    "icdr-0-rescreen",
    "icdr-1-rescreen",
    "icdr-2-refer",
    "icdr-3-refer-soon",
    "icdr-4-refer-urgent",
    "dme-refer",
    "glaucoma-refer",
    "amd-refer",
    "cataract-refer",
    "hypertensive-refer",
    "myopia-refer",
    "other-refer",
    "abnormal-refer",
    "no-finding-rescreen",
    "retake-photograph",
    "review-by-clinician",
)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
AFTER_COLON = re.compile(r": \{(\w+)\}")
CASE_ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.CaseError)
}
MAKERS = re.compile("|".join(["Reason", "foreign_decoder", *CASE_ERRORS]))


@cache
def read(name: str, language: str) -> dict[str, Any]:
    return tomllib.loads(CATALOGUES[name][language].read_text(encoding="utf-8"))


def entries(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from entries(value, (*path, key))
        else:
            yield (*path, key), value


def raised_reasons() -> Iterator[tuple[Path, str, set[str]]]:
    """Every reason in the sources: the file, its code, and the names of its values."""
    sources = ((file, file.read_text(encoding="utf-8")) for file in SOURCES.rglob("*.py"))
    for file, source in sources:
        for node in ast.walk(ast.parse(source)) if MAKERS.search(source) else ():
            if isinstance(node, ast.Call) and makes_reason(node.func) and node.args:
                for constant in ast.walk(node.args[0]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield file, constant.value, {k.arg or "" for k in node.keywords}


def makes_reason(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "of":
        return isinstance(function.value, ast.Name) and function.value.id == "Reason"
    return isinstance(function, ast.Name) and (function.id in CASE_ERRORS or function.id == "foreign_decoder")


def codes_of_the_gates() -> list[str]:
    """The quality gates name their codes in a table of (code, whether it holds)."""
    source = (SOURCES / "readers" / "fundus" / "gates.py").read_text(encoding="utf-8")
    tuples = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Tuple) and len(n.elts) == 2]
    firsts = [n.elts[0] for n in tuples if isinstance(n.elts[1], ast.Compare)]
    return [n.value for n in firsts if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.mark.parametrize("name", CATALOGUES)
def test_catalogue_has_the_same_keys_in_every_language(name: str) -> None:
    english, chinese = (dict(entries(read(name, language))) for language in LANGUAGES)
    assert english.keys() == chinese.keys()


@pytest.mark.parametrize("name", CATALOGUES)
def test_placeholders_agree_between_languages(name: str) -> None:
    english, chinese = (dict(entries(read(name, language))) for language in LANGUAGES)
    for path, words in english.items():
        assert sorted(PLACEHOLDER.findall(str(words))) == sorted(PLACEHOLDER.findall(str(chinese[path]))), path


@pytest.mark.parametrize("name", CATALOGUES)
def test_what_is_no_word_is_the_same_in_every_language(name: str) -> None:
    english, chinese = (dict(entries(read(name, language))) for language in LANGUAGES)
    for path, value in english.items():
        if path[-1] in NO_WORDS or isinstance(value, bool):
            assert chinese[path] == value, path


@pytest.mark.parametrize("name", CATALOGUES)
def test_chinese_has_no_english_sentence(name: str) -> None:
    latin_words = re.compile(r"[A-Za-z][A-Za-z'-]*(?:[ ,]+[A-Za-z][A-Za-z'-]*){4,}")
    for path, words in entries(read(name, "zh")):
        if isinstance(words, str) and path[-1] != "citation":
            assert not latin_words.search(words), (path, words)


@pytest.mark.parametrize("name", CATALOGUES)
def test_chinese_words_are_chinese(name: str) -> None:
    as_they_are = {("labels", name) for name in ("product", "parenthesis", "named", "sentences", "listed")}
    for path, words in entries(read(name, "zh")):
        if isinstance(words, str) and path[-1] not in NO_WORDS and path not in as_they_are:
            assert re.search("[\u4e00-\u9fff]", words), path


def test_every_reason_of_the_contract_has_words() -> None:
    for language in LANGUAGES:
        assert set(CONTRACT_REASONS) <= core_table(language)["reasons"].keys()


def test_every_reason_that_the_sources_give_has_words_and_values_for_them() -> None:
    given = list(raised_reasons())
    assert len(given) > 20, "the search finds the sources' reasons"
    console = tomllib.loads((SOURCES / "console" / "text" / "en.toml").read_text(encoding="utf-8"))["reasons"]
    for file, code, values in given:
        own = read(file.parent.name, "en").get("reasons", {}) if file.parent.name in CATALOGUES else {}
        words = own.get(code) or core_table("en")["reasons"].get(code) or console.get(code)
        assert words is not None, f"{file}: {code} has no words"
        assert set(PLACEHOLDER.findall(words)) - set(AFTER_COLON.findall(words)) <= values, (
            f"{file}: {code} does not give all its values"
        )


def test_every_code_of_the_quality_gates_has_words() -> None:
    assert set(codes_of_the_gates()) <= core_table("en")["reasons"].keys()
    assert "out-of-focus" in codes_of_the_gates()


def test_every_measure_of_the_quality_gates_has_words() -> None:
    source = (SOURCES / "readers" / "fundus" / "gates.py").read_text(encoding="utf-8")
    names = set(re.findall(r'Measure\(name="(\w+)"', source))
    assert names
    assert names <= read("fundus", "en")["measures"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_advice_has_words_urgency_and_guideline(language: str) -> None:
    for code in ADVICE:
        advice = texts(language).advice(code)
        assert advice.text != code
        assert advice.citation


def test_advice_is_as_urgent_as_its_code_says() -> None:
    urgency = {code: texts().advice(code).urgency for code in ADVICE}
    assert urgency["icdr-4-refer-urgent"] is Urgency.URGENT
    assert urgency["icdr-3-refer-soon"] is Urgency.SOON
    assert all(urgency[code].rank <= Urgency.REFER.rank for code in ADVICE if "refer" in code)
    assert all(urgency[code] is Urgency.RESCREEN for code in ADVICE if code.endswith("rescreen"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_and_grade_has_words(language: str) -> None:
    words = texts(language)
    for name in (*RETINOPATHY, *FUNDUS):
        finding = words.finding(name)
        assert len({finding.title, finding.present, finding.absent, finding.explanation}) == 4
    assert words.grades("icdr_grade") == (0, 1, 2, 3, 4)
    assert len({words.grade(Classification(key="icdr_grade", value=grade)) for grade in range(5)}) == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_call_an_eye_healthy(language: str) -> None:
    forbidden = ("healthy", "no disease", "normal eye", "健康", "正常眼", "未见异常")
    for name in CATALOGUES:
        for path, words in entries(read(name, language)):
            assert not any(word in str(words).lower() for word in forbidden), path


def test_every_label_that_is_asked_for_is_there_and_none_is_idle() -> None:
    others = {"consult", "consulting.py", "web"}  # with words of their own
    modules = [file for file in SOURCES.rglob("*.py") if not others & set(file.relative_to(SOURCES).parts)]
    templates = [*(SOURCES / "reports").rglob("*.j2"), *modules]
    source = "\n".join(file.read_text(encoding="utf-8") for file in templates)
    core = core_table("en")
    known = {label for table in (core, *core["subject"].values()) for label in table["labels"]}
    asked = set(re.findall(r'label\(\s*"([a-z0-9-]+)"', source))
    assert {label for label in asked if not label.startswith(("cli-", "live-"))} <= known
    assert {label for label in asked if label.startswith("live-")} <= read("live", "en")["labels"].keys()
    assert {label for label in known if f'"{label}"' not in source} == set()


def test_reason_is_filled_with_its_values_in_the_language() -> None:
    reason = Reason.of("too-small", pixels=120, least=300)
    assert texts("en").reason(reason).count("120") == 1
    assert "120" in texts("zh").reason(reason)
    assert "300" in texts("zh").reason(reason)


def test_value_with_words_of_its_own_is_put_in_words() -> None:
    reason = Reason.of("unreadable", why="permission-denied")
    assert "permission-denied" not in texts("en").reason(reason)
    assert "没有读取权限" in texts("zh").reason(reason)


def test_value_that_is_a_grade_is_named_as_the_grade() -> None:
    own = {"en": {"reasons": {"elsewhere": "It is: {site}."}, "grades": {"site": {"antrum": {"title": "the antrum"}}}}}
    assert Texts("en", own).reason(Reason.of("elsewhere", site="antrum")) == "It is: the antrum."


def test_reason_that_nobody_knows_still_says_its_code() -> None:
    for language in LANGUAGES:
        assert "odd-thing" in texts(language).reason(Reason.of("odd-thing", what="x"))


def test_missing_value_after_a_colon_goes_with_its_colon() -> None:
    assert texts("en").reason(Reason.of("broken-picture")) == "The picture in the file is damaged."
    assert texts("zh").reason(Reason.of("broken-picture")) == "文件中的图像已损坏。"


def test_missing_value_is_a_question_mark() -> None:
    assert "?" in Texts("en").reason(Reason.of("too-small"))


def test_words_that_no_catalogue_has_stand_for_themselves() -> None:
    words = Texts("en")
    assert words.finding("red-picture").title == "red picture"
    assert words.advice("call-somebody").text == "call-somebody"
    assert words.grade(Classification(key="site", value="antrum")) == "antrum"
    assert words.reader("colour-cast") == "colour-cast"
    assert words.measure("sharp-ness") == "sharp ness"


def test_unknown_advice_counts_as_a_referral() -> None:
    assert Texts("zh").advice("call-somebody").urgency is Urgency.REFER


def test_chinese_falls_back_to_english_key_by_key() -> None:
    own = {
        "en": {"findings": {"red-picture": {"title": "Red picture", "present": "It is red."}}},
        "zh": {"findings": {"red-picture": {"title": "红色图像"}}},
    }
    finding = Texts("zh", own).finding("red-picture")
    assert finding.title == "红色图像"
    assert finding.present == "It is red."


def test_reader_may_have_reasons_of_its_own() -> None:
    own = {"en": {"reasons": {"too-red": "It is {percent} % red."}}}
    assert Texts("en", own).reason(Reason.of("too-red", percent=70)) == "It is 70 % red."


def test_operating_point_keeps_what_a_site_changed() -> None:
    assert texts("zh").operating_point("screening; glaucoma=0.4") == (
        texts("zh").word("operating-point", "screening") + "; glaucoma=0.4"
    )


def test_laterality_unknown_is_said() -> None:
    assert texts().laterality(None) == "Eye, side not known"
    assert texts().laterality(Laterality.LEFT, short=True) == "left eye"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_says_what_it_means_and_what_to_do(language: str) -> None:
    for status in Status:
        words = texts(language).status(status)
        assert all(text not in {"title", "meaning", "action"} for text in (words.title, words.meaning, words.action))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subject", [ENDOSCOPY, CHEST, PICTURE])
def test_report_of_another_subject_speaks_of_no_eye(subject: str, language: str) -> None:
    told = Texts(language).about(subject)
    for word in (*map(told.label, ("title", "research-use-long", "symptoms")), told.laterality(None)):
        assert not re.search(
            r"\beyes?\b|fundus|vision|眼", word.replace("The endoscopist's eye", "").replace("肉眼", "")
        )
    for status in Status:
        assert not re.search(r"\beye\b|fundus|该眼|眼底", told.status(status).meaning + told.status(status).action)


def test_words_about_a_subject_take_what_they_lack_from_the_others() -> None:
    told = texts().about(ENDOSCOPY)
    assert told.label("research-use") == texts().label("research-use")
    assert told.label("title") != texts().label("title")
    assert told.about(PICTURE).label("title") == texts().about(PICTURE).label("title")


def test_reader_says_its_own_subject_and_reads_eyes_otherwise() -> None:
    own = {"en": {"reader": {"gullet": {"subject": ENDOSCOPY}}}}
    assert (Texts("zh", own).subject_of("gullet"), Texts("zh", own).subject_of("other")) == (ENDOSCOPY, EYE)


def test_station_is_named_as_such_or_as_a_site_or_by_its_code() -> None:
    own = {
        "en": {
            "stations": {"z-line": {"title": "Z-line in forward view", "lists": "ESGE"}},
            "grades": {"site": {"antrum": {"title": "Antrum"}}},
        }
    }
    told = Texts("en", own)
    assert [told.station(s) for s in ("z-line", "antrum", "gastric-body")] == [
        "Z-line in forward view",
        "Antrum",
        "gastric body",
    ]
    assert told.site("z-line") == "z line"
    assert (told.lists("z-line"), told.lists("antrum")) == ("ESGE", "")


def test_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="fr"):
        Texts("fr")


def test_texts_that_are_no_toml_refuse_their_reader(tmp_path: Path) -> None:
    broken = tmp_path / "en.toml"
    broken.write_text("[findings", encoding="utf-8")
    with pytest.raises(ReaderRefusedError, match=r"en\.toml"):
        load_texts("en", [{"en": broken}])


def test_first_reader_s_words_stay_where_two_readers_have_some(tmp_path: Path) -> None:
    files = []
    for number in (1, 2):
        file = tmp_path / f"{number}.toml"
        file.write_text(f'[findings.spot]\ntitle = "Spot {number}"\n[reader.r{number}]\ntitle = "R{number}"\n', "utf-8")
        files.append({"en": file})
    words = load_texts("en", files)
    assert words.finding("spot").title == "Spot 1"
    assert (words.reader("r1"), words.reader("r2")) == ("R1", "R2")
