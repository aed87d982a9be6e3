"""What the consultation is worth on the development data: `make evaluate-consult`.

Drives `aimis consult --jsonl` by the shared check as it stands, on all development patients. The shipped tables hold
these patients' own value counts, and the model of the whole differential was fitted on them; so the same is played
again cross-validated, tables and all (the differential's own is `python -m training.consult.differential --no-save`).
Then: does it abstain when the true condition is taken out of the knowledge; the Chinese sets; and the typical patients
of the set that people meet by default.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aimis.consult import net as nets
from aimis.consult.dialogue import Dialogue
from training.consult import chinese, ddxplus, typical
from training.consult.play import Habits, play

FOLDS = 3
SITUATIONS = {
    "": Habits(),
    "--wrong 0.05": Habits(wrong=0.05),
    "--wrong 0.10": Habits(wrong=0.10),
    "--unknown 0.20": Habits(unknown=0.20),
}


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--limit", type=int, default=100_000, help="patients of each DDXPlus figure")
    asked = parser.parse_args()
    root = asked.shared / "data" / "consult"
    if not root.exists():
        sys.exit(f"{root} is not there: evaluation needs the development data")
    release = ddxplus.read_release(root / "ddxplus")
    patients = ddxplus.read_patients(root / "ddxplus" / "test_patients_part.csv")
    for situation in (*SITUATIONS, "whole differential"):
        print(f"shared check {situation}: {shared_check(asked.shared, situation, asked.limit)}", flush=True)
    for situation, habits in SITUATIONS.items():
        print(
            f"cross-validated {situation}: top-1 {cross_validated(release, patients, habits, asked.limit):.3f}",
            flush=True,
        )
    print(f"abstains: {abstention(release, patients)}", flush=True)
    chinese.main(root / "chinese")
    typical.main()


def shared_check(shared: Path, situation: str, limit: int) -> str:
    """The line that the check prints."""
    whole = situation == "whole differential"
    data = shared / "data" / "consult" / "ddxplus"
    command = [
        *(sys.executable, str(shared / "checks" / "consult_ddxplus.py")),
        *("--patients", str(data / "test_patients_part.csv")),
        *("--evidences", str(data / "release_evidences.json")),
        *("--limit", str(limit), *([] if whole else situation.split()), "--"),
        *(str(Path(sys.executable).with_name("aimis")), "consult", "--jsonl", "--knowledge", "ddxplus"),
        *(["--differential"] if whole else []),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def cross_validated(release: ddxplus.Release, patients: list[ddxplus.Patient], habits: Habits, limit: int) -> float:
    """Top-1 on patients whose values are not in the tables."""
    played = min(limit, len(patients))
    order = np.random.default_rng(0).permutation(len(patients))
    hits, rng = 0, random.Random(0)  # noqa: S311, not for secrets
    for fold in range(FOLDS):
        held_out = {int(number) for number in order[fold::FOLDS]}
        dialogue = _dialogue(release, [p for n, p in enumerate(patients) if n not in held_out])
        for number in sorted(held_out & set(order[:played].tolist())):
            state = play(dialogue, patients[number], release, rng, habits)
            named = dialogue.believe(state).posterior[: dialogue.net.named]
            hits += dialogue.net.conditions[int(np.argmax(named))].name.en == patients[number].condition
    return hits / played


def _dialogue(release: ddxplus.Release, patients: list[ddxplus.Patient], without: str | None = None) -> Dialogue:
    derived = ddxplus.derive(release, patients)
    derived["conditions"] = [c for c in derived["conditions"] if c["name"]["en"] != without]
    return Dialogue(nets.build_net(ddxplus.knowledge_of(derived)))


def abstention(release: ddxplus.Release, patients: list[ddxplus.Patient]) -> str:
    """How often where the condition is known, and where it was taken out of the knowledge."""
    known = _dialogue(release, patients)
    rng = random.Random(0)  # noqa: S311, not for secrets
    unknown = [
        (_dialogue(release, patients, name), [p for p in patients if p.condition == name][:6])
        for name in sorted(release.conditions)
    ]
    inside = list(_abstained(known, patients[:300], release, rng))
    outside = [one for dialogue, own in unknown for one in _abstained(dialogue, own, release, rng)]
    return (
        f"{np.mean(inside):.3f} of {len(inside)} patients whose condition is known,"
        f" {np.mean(outside):.3f} of {len(outside)} whose condition was taken out"
    )


def _abstained(
    dialogue: Dialogue, patients: list[ddxplus.Patient], release: ddxplus.Release, rng: random.Random
) -> Iterator[bool]:
    for patient in patients:
        yield dialogue.outcome(play(dialogue, patient, release, rng)).abstained


if __name__ == "__main__":
    main()
