"""DDXPlus (Fansi Tchango et al., NeurIPS 2022, CC BY 4.0) -> the knowledge folder `ddxplus`, as derived tables.

    python -m training.consult.ddxplus --shared ../shared

Yes-no findings: presence rates of 30,000 validation patients. Values of the others: the published marginals of the
training patients (the five most frequent only) with the counts of the development patients added. The marginals
carry UMLS concepts and French short names instead of DDXPlus' own; which condition is which is found by matching the
profiles of presence rates and the case counts.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from scipy.optimize import linear_sum_assignment

from aimis.consult import loader, model
from training.consult import ddxplus_words

FOLDER = loader.KNOWLEDGE / "ddxplus"
URGENCY_OF_SEVERITY = {1: "emergency", 2: "emergency-department", 3: "same-day", 4: "routine", 5: "self-care"}
SITES_AND_KIND = {"E_54": "douleurxx_carac", "E_55": "douleurxx_endroitducorps", "E_57": "douleurxx_irrad"}
MEANS = {
    "E_56": "douleurxx_intens",
    "E_58": "douleurxx_precis",
    "E_59": "douleurxx_soudain",
    "E_134": "lesions_peau_intens",
}
WEIGHT_OF_MARGINAL = 40.0
"""A published rate counts as so many development patients."""
WEIGHT_OF_MEAN, SPREAD = 10.0, 1.9
"""The same of a published mean; the spread of scales 0-10 round it, as development patients show it."""
CITATION = {
    "source": "DDXPlus",
    "title": "DDXPlus: A New Dataset For Automatic Medical Diagnosis (CC BY 4.0)",
    "year": 2022,
    "url": "https://arxiv.org/abs/2205.09148",
    "for": ["findings", "frequency", "urgency"],
}
Floats = npt.NDArray[np.float64]
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """evidence : id -> True, or its values. differential : condition -> its share."""

    age: int
    sex: str
    condition: str
    initial: str
    evidence: dict[str, Any]
    differential: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Release:
    """The released files."""

    evidences: Json
    conditions: Json
    rates: Json
    counts: dict[str, int]
    marginals: Json

    def options(self, evidence: str) -> list[str]:
        """Ids of its values."""
        return [str(value) for value in self.evidences[evidence]["possible-values"]]


def read_release(folder: Path) -> Release:
    """From `../shared/data/consult/ddxplus`."""
    validate = _json(folder / "presence_rates_validate_30000.json")
    return Release(
        evidences=_json(folder / "release_evidences.json"),
        conditions=_json(folder / "release_conditions.json"),
        rates=validate["pathology_root_rates"],
        counts=validate["pathology_case_counts"],
        marginals=_json(folder / "training_marginals_1025602_patients.json"),
    )


def read_patients(file: Path) -> list[Patient]:
    """The development patients."""
    with file.open(encoding="utf-8", newline="") as handle:
        return [_patient(row) for row in csv.DictReader(handle)]


def _json(path: Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


def _patient(row: dict[str, str]) -> Patient:
    evidence: dict[str, Any] = {}
    for feature in ast.literal_eval(row["features"]):
        name, _, value = feature.partition("_@_")
        evidence[name] = [*evidence.get(name, []), value] if value else True
    return Patient(
        age=int(row["age"]),
        sex=row["sex"],
        condition=row["diagnosis"],
        initial=row["feature_id"],
        evidence=evidence,
        differential=dict(ast.literal_eval(row["top5_diagnoses"])),
    )


def derive(release: Release, patients: Iterable[Patient]) -> Json:
    """The set as YAML would say it: head, findings, conditions."""
    tables = _Tables(release, list(patients))
    return {
        "name": "ddxplus",
        "version": "1.0.0",
        "date": "2026-11-21",
        "bands": {},
        "parents_first": False,
        "how_set": {
            "en": "Derived from DDXPlus (CC BY 4.0, arXiv:2205.09148): rates and frequencies of synthetic patients.",
            "zh": "由DDXPlus(CC BY 4.0,arXiv:2205.09148)导出:合成患者的比率与频率。",
        },
        "findings": [_finding(release, evidence) for evidence in release.evidences],
        "conditions": [_condition(release, tables, name) for name in sorted(release.conditions, key=_identifier)],
    }


def knowledge_of(derived: Json) -> model.Knowledge:
    """The same as a record."""
    by_id = {part: {one["id"]: one for one in derived[part]} for part in ("findings", "conditions")}
    return model.Knowledge.model_validate({**derived, **by_id})


def write(derived: Json, folder: Path) -> None:
    """The folder that the product loads."""
    for part in ("findings", "conditions"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    head = {key: value for key, value in derived.items() if key not in {"findings", "conditions"}}
    _dump(folder / loader.FILE_NAME, head)
    _dump(folder / "findings" / "ddxplus.yaml", derived["findings"])
    for condition in derived["conditions"]:
        _dump(folder / "conditions" / f"{condition['id']}.yaml", condition)


def _dump(path: Path, given: object) -> None:
    head = (
        "# Derived from DDXPlus (Fansi Tchango et al. 2022, CC BY 4.0) by training/consult/ddxplus.py; do not edit.\n"
    )
    dumped = yaml.safe_dump(given, allow_unicode=True, sort_keys=False, width=118, default_flow_style=None)
    path.write_text(head + dumped, encoding="utf-8")


def _finding(release: Release, evidence: str) -> Json:
    given = release.evidences[evidence]
    parent = given["code_question"]
    words = ddxplus_words.question(given["question_en"])
    found: Json = {
        "id": evidence,
        "kind": {"B": "yes-no", "C": "one-of", "M": "many-of"}[given["data_type"]],
        "group": parent,
        "background": 0.001,
        "question": words,
        "short": ddxplus_words.short(words),
        "parent": parent if parent != evidence and parent in release.evidences else None,
    }
    if given["data_type"] != "B":
        none = str(given["default_value"])
        found |= {"background": {none: 0.9}, "none": none, "options": _options(release, evidence)}
    return found


def _options(release: Release, evidence: str) -> list[Json]:
    meaning = release.evidences[evidence]["value_meaning"]
    english = {option: meaning.get(option, {}).get("en", option) for option in release.options(evidence)}
    return [{"id": option, "text": ddxplus_words.option(text)} for option, text in english.items()]


def _condition(release: Release, tables: _Tables, name: str) -> Json:
    given = release.conditions[name]
    icd10 = "M32" if name == "SLE" else given["icd10-id"].upper().split(",")[0].strip()  # SLE's is wrong there
    area = f"icd10-{icd10[0].lower()}"
    return {
        "id": _identifier(name),
        "name": {"en": name, "zh": ddxplus_words.CONDITIONS[name]},
        "icd10": icd10,
        "area": area,
        "frequency": round(1e5 * release.counts[name] / sum(release.counts.values()), 1),
        "frequency_source": "DDXPlus",
        "findings": tables.of(name),
        "urgency": URGENCY_OF_SEVERITY[given["severity"]],
        "explain": {
            "en": f"{name}, as DDXPlus simulates it.",
            "zh": f"{ddxplus_words.CONDITIONS[name]}(DDXPlus模拟)。",
        },
        "red_flags": {"none": "a set for benchmarks, without rules"},
        "citations": [CITATION],
    }


def _identifier(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("é", "e")).strip("-")


class _Tables:
    """Rates of all findings in each condition."""

    def __init__(self, release: Release, patients: list[Patient]) -> None:
        self.release = release
        self.concept = match_concepts(release)
        self.values: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.patients: Counter[tuple[str, str]] = Counter()
        for patient in patients:
            for evidence, held in patient.evidence.items():
                if held is not True and self._applies(patient, evidence, held):
                    self.values[patient.condition, evidence].update(held)
                    self.patients[patient.condition, evidence] += 1

    def _applies(self, patient: Patient, evidence: str, held: list[str]) -> bool:
        given = self.release.evidences[evidence]
        root = given["code_question"]
        return held != [str(given["default_value"])] or root == evidence or root in patient.evidence

    def of(self, condition: str) -> Json:
        """What stands in the condition's file."""
        rates, cases = self.release.rates[condition], self.release.counts[condition]
        found: Json = {}
        for evidence, given in self.release.evidences.items():
            root = given["code_question"]
            if given["data_type"] == "B" and rates[evidence] > 0:
                above = rates[root] if root in set(self.release.evidences) - {evidence} else 1.0
                found[evidence] = round(min(1.0, (rates[evidence] * cases + 0.01) / (above * cases + 0.5)), 4)
            elif given["data_type"] != "B" and (table := self._table(condition, evidence)):
                found[evidence] = table
        return found

    def _table(self, condition: str, evidence: str) -> Json:
        """Rates of options that were seen or published; {} where neither."""
        options = self.release.options(evidence)
        published, weight = self._published(condition, evidence, options)
        counted = self.values[condition, evidence]
        counts = np.array([counted[option] for option in options], dtype=np.float64)
        if not counts.any() and not published.any():
            return {}
        if self.release.evidences[evidence]["data_type"] == "M":
            rates = (counts + published * weight) / (
                self.patients[condition, evidence] + weight * (published > 0) + 0.5
            )
            return {
                option: round(float(min(r, 0.995)), 4) for option, r in zip(options, rates, strict=True) if r > 5e-4
            }
        rates = counts + published * weight + 0.3 / len(options)
        return {option: round(float(r / rates.sum()), 4) for option, r in zip(options, rates, strict=True)}

    def _published(self, condition: str, evidence: str, options: list[str]) -> tuple[Floats, float]:
        marginal = self.release.marginals[self.concept[condition]]
        found = np.zeros(len(options))
        if evidence in SITES_AND_KIND:
            names = _french_names(self.release.evidences[evidence])
            for french, rate in marginal["cat_top"].get(SITES_AND_KIND[evidence], []):
                found[options.index(_option_of(french, names))] = rate
            return found, WEIGHT_OF_MARGINAL
        mean = marginal["numeric_mean"].get(MEANS.get(evidence, ""))
        if mean is None:
            return found, 0.0
        found = np.exp(-0.5 * ((np.arange(len(options)) - mean) / SPREAD) ** 2)
        return found / found.sum(), WEIGHT_OF_MEAN


def _french_names(evidence: Json) -> dict[str, str]:
    return {_plain(meaning["fr"]): option for option, meaning in evidence["value_meaning"].items()}


def _option_of(french: str, names: dict[str, str]) -> str:
    """The marginals write some names longer, as "une brûlure ou chaleur"."""
    return names[max((name for name in names if _plain(french).startswith(name)), key=len)]


def _plain(french: str) -> str:
    return re.sub(r"\W+|_+", "_", french).strip("_").lower()


def match_concepts(release: Release) -> dict[str, str]:
    """Condition -> UMLS concept of the marginals, by profiles of presence rates and by frequency."""
    names, concepts = sorted(release.counts), sorted(release.marginals)
    yes_no = [evidence for evidence, given in release.evidences.items() if given["data_type"] == "B"]
    ours = np.array([_profile(release.rates[name][evidence] for evidence in yes_no) for name in names])
    theirs = np.array([_profile(release.marginals[concept]["binary_freq"].values()) for concept in concepts])
    often = np.log([release.counts[name] for name in names])
    count = np.log([release.marginals[concept]["count"] for concept in concepts])
    shift = np.log(sum(release.counts.values())) - np.log(sum(m["count"] for m in release.marginals.values()))
    cost = np.abs(ours[:, None] - theirs[None]).sum(axis=2) + 2 * np.abs(often[:, None] - count[None] - shift)
    rows, columns = linear_sum_assignment(cost)
    return {names[row]: concepts[column] for row, column in zip(rows, columns, strict=True)}


def _profile(rates: Iterable[float]) -> Floats:
    """The thirteen highest rates, falling; the marginals list no more."""
    highest = sorted((rate for rate in rates if rate > 0.02), reverse=True)[:13]
    return np.array(highest + [0.0] * (13 - len(highest)))


def main() -> None:
    """Write the knowledge folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    root = parser.parse_args().shared / "data" / "consult" / "ddxplus"
    write(derive(read_release(root), read_patients(root / "test_patients_part.csv")), FOLDER)


if __name__ == "__main__":
    main()
