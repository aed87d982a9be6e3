"""The measured figures, and the tables made of them: `python -m training.lung.figures` fills card and README."""

from __future__ import annotations

from typing import Any

from training.results import Results, metric

RESULTS = Results(reader="lung", mark="lung")


def main() -> None:
    """Put the tables between the marks of the model card and the README."""
    RESULTS.fill(markdown(RESULTS.load()))


def markdown(found: dict[str, Any]) -> str:
    """The table for card and README."""
    crops, vote, whole = found["crops"], found["malignancy"], found["whole scans"]
    rows = [
        ("nodule against LUNA16's false candidates, blocks of patients unseen", "AUC", _span(crops)),
        ("malignancy (radiologists' vote), patients unseen", "AUC", _span(vote)),
        ("diameter alone, the same nodules", "AUC", _span(vote["diameter alone"])),
        ("malignancy above diameter alone", "difference of AUC", _span(vote["difference"])),
        ("calibration error of malignancy", "", str(vote["calibration error"])),
    ]
    text = "| what | figure | value (95 % interval) |\n| --- | --- | --- |\n"
    text += "".join(f"| {a} | {b} | {c} |\n" for a, b, c in rows)
    text += "\nWhole scans, nodules of unseen patients put into an unseen scan, scored by the shared program:\n\n```\n"
    text += "\n".join(whole["lines"]) + "\n```\n\nThe same without the scan of which no label is known:\n\n```\n"
    text += "\n".join(whole["labelled scans alone"][2:5]) + "\n```\n\nFound at one false mark a scan: "
    text += "; ".join(f"{name} {value}" for name, value in whole["sensitivity at one false mark"].items()) + ".\n"
    text += "\nCompared with an earlier CT, nodules of unseen patients grown by a known ratio of volumes:\n\n"
    for ratio, each in found.get("growth", {}).items():
        text += f"- {ratio}: {', '.join(f'{name} {value}' for name, value in each.items())}\n"
    text += _unjudged(found.get("unjudged", {}))
    text += "\nThe scans as they are:\n"
    for name, each in found["real scans"].items():
        found_of = f"{each['found']} of {each['labelled']} labelled nodules found"
        text += f"\n- {name}: {found_of}, {each['false marks']} other marks"
    return text + "\n"


def _unjudged(found: dict[str, Any]) -> str:
    """Lesions reported or named, and what is named where nothing was put in."""
    if "kept" not in found:
        return ""
    told, others = found["kept"], found["drawn by someone else"]
    groups = "; ".join(f"{name} {value}" for name, value in told["lesions"].items())
    scans = told["named where nothing was put in"]
    named = sum(bool(places) for places in scans.values())
    return (
        "\nMasses, consolidations and cavities of 25 to 90 mm put, at places that chose no rule, into five scans that "
        f'were seen when rules were set; reported or named "not judged": {groups}. In the same scans as they are, '
        f"something is named in {named} of {len(scans)} (development). Of 45 lesions that someone else drew (masses, "
        f"cavities, lobes, fluid, whole lungs): {others['first run']} when the reader first met them, {others['now']} "
        "since (development).\n"
    )


def _span(each: dict[str, float]) -> str:
    return f"{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})"


def print_all(found: dict[str, Any]) -> None:
    """For people."""
    print("== lung: candidate against nodule on LUNA16's crops", found["crops"])
    print("== lung: malignancy vote", found["malignancy"])
    print("== lung: real scans at the operating point")
    for name, each in found["real scans"].items():
        print(name, each)
    print("== lung: nodules of unseen patients put into unseen scans")
    print("\n".join(found["whole scans"]["lines"]))
    print(found["whole scans"]["sensitivity at one false mark"])
    print("== lung: the same without the scan of which no label is known")
    print("\n".join(found["whole scans"]["labelled scans alone"]))
    print("== lung: nodules of unseen patients grown by a known ratio of volumes, compared with the earlier CT")
    for ratio, each in found["growth"].items():
        print(ratio, each)
    print("== lung: bf16 against f32", found["precision"])


def bf16() -> str:
    """Whether the manifest may say that decisions in bf16 are those of f32."""
    return "bf16_parity = true" if RESULTS.load().get("precision", {}).get("holds") else ""


def manifest_tables() -> str:
    """[[readers.metrics]]."""
    found = RESULTS.load()
    if "crops" not in found:
        return ""
    table = ""
    rows = [
        ("AUC of nodule against false candidate", found["crops"], "LUNA16 crops of unseen patients"),
        ("AUC of malignancy, the radiologists' vote", found["malignancy"], "LIDC-IDRI nodules of unseen patients"),
    ]
    for what, each, on in rows:
        n = each["nodules"] + each.get("false candidates", 0)
        table += metric(what, each["value"], (each["low"], each["high"]), n=n, on=on)
    return table


if __name__ == "__main__":
    main()
