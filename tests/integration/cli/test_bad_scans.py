"""What is wrong with a CT is said, each thing in its own words; never is it read in silence as one without nodules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from aimis.imaging.volume import Volume
from tests.fakes import ct
from tests.fakes.ct_series import SMALL
from tests.integration.cli.conftest import Run, lines

pytestmark = pytest.mark.integration
NODULE = ct.Ball(lps_mm=(-78.0, -40.0, 150.0), diameter_mm=16.0)
Write = Callable[[Path, Volume, Volume], object]


def changing(change: Callable[[Dataset, int], object]) -> Write:
    """A small scan of which each slice is changed."""
    return lambda folder, _, small: ct.write_dicom(folder, small, ct.Writing(change=change))


def filled(value: int) -> Write:
    return lambda folder, _, small: ct.write_dicom(folder, replace(small, hu=np.full_like(small.hu, value)))


def without_one(folder: Path, scan: Volume, _small: Volume) -> None:
    (ct.write_dicom(folder, scan) / "IM0040.dcm").unlink()


def cut(*numbers: int) -> Write:
    def write(folder: Path, scan: Volume, small: Volume) -> None:
        ct.write_dicom(folder, scan if len(numbers) == 1 else small)
        for number in numbers:
            file = folder / f"IM{number:04}.dcm"
            file.write_bytes(file.read_bytes()[:2000])

    return write


def two_series(folder: Path, scan: Volume, small: Volume) -> None:
    ct.write_dicom(folder, scan)
    other = ct.Writing(series_uid="1.2.9", description="Coarse", kernel="B80f")
    ct.write_dicom(folder, small, other, prefix="X")


def phantom(folder: Path, scan: Volume, _small: Volume) -> None:
    """A cylinder of water in air."""
    down, across = np.indices(scan.hu.shape[1:]) - np.array(scan.hu.shape[1:])[:, None, None] / 2
    water = np.where(down**2 + across**2 < 40**2, 0, -1000).astype(np.int16)
    ct.write_dicom(folder, replace(scan, hu=np.broadcast_to(water, scan.hu.shape)))


def twenty(folder: Path, _scan: Volume, small: Volume) -> None:
    ct.write_dicom(folder, ct.part(small, slice(0, 20, 1)))


def other_syntax(dataset: Dataset, _at: int) -> None:
    dataset.file_meta.TransferSyntaxUID = uid.UID("1.2.840.113619.5.2")


BAD: dict[str, tuple[Write, str, str]] = {
    "one-slice-missing": (without_one, "read", "Slices are missing from the series (1)"),
    "one-slice-truncated": (cut(40), "read", "Damaged slices were filled in"),
    "two-slices-truncated": (cut(3, 30), "failed", "Of 46 slices 2 are damaged"),
    "twenty-slices": (twenty, "unsupported", "Too few slices"),
    "all-air": (filled(-1000), "unsupported", "nothing but air"),
    "all-metal": (filled(3071), "unsupported", "as dense as metal"),
    "phantom": (phantom, "unsupported", "No lungs"),
    "wrong-intercept": (changing(lambda d, _: setattr(d, "RescaleIntercept", "0")), "unsupported", "Hounsfield"),
    "no-spacing": (changing(lambda d, _: d.pop("PixelSpacing")), "failed", "PixelSpacing"),
    "short-pixels": (changing(lambda d, _: setattr(d, "PixelData", d.PixelData[:-100])), "failed", "ends before"),
    "magnetic-resonance": (changing(lambda d, _: setattr(d, "Modality", "MR")), "unsupported", "modality is MR"),
    "localiser": (
        changing(lambda d, _: setattr(d, "ImageType", "ORIGINAL\\PRIMARY\\LOCALIZER")),
        "unsupported",
        "localiser",
    ),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    scan, small = ct.scan(nodules=[NODULE]), ct.scan(SMALL, vessels=0)
    for name, (write, _, _) in BAD.items():
        write(folder / name, scan, small)
    two_series(folder / "two-series", scan, small)
    return folder


@pytest.fixture(scope="module")
def kept() -> dict[str, dict[str, Any]]:
    """What was said, for all tests are of one run."""
    return {}


@pytest.fixture
def said(run: Run, bad: Path, kept: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if kept:
        return kept
    result = run("read", bad, "--reader", "lung-nodule", "--json")
    assert (result.exit_code, result.stderr) == (3, "")
    found = {Path(line["path"]).name: line for line in lines(result)}
    assert len(found) == len(lines(result))
    kept.update(found)
    return kept


def test_each_bad_scan_has_its_own_status_and_reason(said: dict[str, dict[str, Any]]) -> None:
    for name, (_, status, words) in BAD.items():
        line = said[name]
        assert (line["status"], words in (line["reason"] or "")) == (status, True), (name, line["reason"])
        assert line["reason"]
        assert status == "read" or line["findings"] == []
    refusals = [said[name]["reason"] for name, (_, status, _) in BAD.items() if status != "read"]
    assert len(set(refusals)) == len(refusals)


def test_scan_with_a_slice_missing_or_damaged_still_shows_its_nodule(said: dict[str, dict[str, Any]]) -> None:
    for name in ("one-slice-missing", "one-slice-truncated", "two-series"):
        places = [finding["centre_lps_mm"] for finding in said[name]["findings"]]
        assert min(np.linalg.norm(np.subtract(place, NODULE.lps_mm)) for place in places) < NODULE.diameter_mm / 2


def test_two_series_in_one_folder_are_one_scan_that_says_which_was_read(said: dict[str, dict[str, Any]]) -> None:
    scan = said["two-series"]["scan"]
    assert scan["choice"] == "covers-more"
    assert scan["others"] == [{"description": "Coarse (46)", "why": "covers-less"}]
