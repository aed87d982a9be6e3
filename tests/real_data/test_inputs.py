"""Real photographs and scans come in as they are: found, decoded, and with the eye that their names say."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from aimis.domain.reading import Laterality
from aimis.imaging.decode import decode
from aimis.imaging.laterality import laterality_of_name
from aimis.ingest.folder import count_items, find_items

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")]


def test_every_photograph_is_found_once() -> None:
    files = {str(path) for path in (DATA / "fundus" / "images").rglob("*.webp")}

    assert {item.path for item in find_items([str(DATA / "fundus" / "images")])} == files


@pytest.mark.parametrize("source", ["idrid", "odir5k", "eyepacs"])
def test_photographs_have_the_pixels_that_pillow_reads(source: str) -> None:
    for item in itertools.islice(find_items([str(DATA / "fundus" / "images" / source)]), 0, 400, 40):
        (still,) = decode(item.load(), item.path)
        with Image.open(item.path) as image:
            assert np.array_equal(still.rgb, np.asarray(image.convert("RGB")))


def test_eye_of_every_photograph_is_the_word_in_its_name() -> None:
    for source, files in (("odir5k", 5446), ("eyepacs", 790)):
        paths = [item.path for item in find_items([str(DATA / "fundus" / "images" / source)])]
        assert len(paths) == files
        for path in paths:
            assert laterality_of_name(path) is (Laterality.LEFT if "_left" in path else Laterality.RIGHT)


def test_names_that_say_no_eye_are_not_guessed() -> None:
    for item in find_items([str(DATA / "fundus" / "images" / "idrid")]):
        assert laterality_of_name(item.path) is None


@pytest.mark.parametrize("scan", ["CPTAC-LSCC_C3N-00247", "LIDC-IDRI-0001", "COVID-CT-MD-normal001"])
def test_slices_of_a_scan_are_decoded_and_say_that_they_are_ct(scan: str) -> None:
    """In JPEG 2000 and JPEG-LS; a fundus reader refuses them by their modality."""
    folder = str(DATA / "lung" / "scans" / scan)

    assert count_items([folder]) > 50
    for item in itertools.islice(find_items([folder]), 0, 60, 20):
        (still,) = decode(item.load(), item.path)
        dataset = pydicom.dcmread(item.path)
        assert still.modality == "CT"
        assert still.full_size_px == (dataset.Columns, dataset.Rows)
        order = np.argsort(dataset.pixel_array.ravel()[::97])
        assert (np.diff(still.rgb[..., 0].ravel()[::97][order].astype(int)) >= 0).all()


@pytest.mark.parametrize("folder", ["lung/nodules/images", "consult"])
def test_folder_of_other_data_holds_no_pictures(folder: str) -> None:
    (item,) = find_items([str(DATA / folder)])

    assert item.path == str(DATA / folder)
