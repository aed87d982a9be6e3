"""Every input by which the fuzzing broke the decoders' law keeps it now; the files are as they were found."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from tests.fuzz.fuzz_decoders import SMALL, broken_law

FOUND = sorted((Path(__file__).parent / "found").glob("*.bin"))


@pytest.mark.parametrize("limits", [SMALL, DEFAULT_LIMITS], ids=["small", "default"])
@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.stem)
def test_found_input_keeps_the_law(file: Path, limits: Limits, capfd: pytest.CaptureFixture[str]) -> None:
    law = broken_law(file.name, file.read_bytes(), limits)

    assert law is None
    assert capfd.readouterr() == ("", "")


def test_found_inputs_are_there() -> None:
    assert FOUND
