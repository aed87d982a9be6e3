"""DICOM objects of endoscopy: stills of a series, pictures one after another, and video streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from tests.fakes.dicoms import dataset_of, file_of, holding, padded
from tests.fakes.pictures import encoded
from tests.fakes.videos import numbered


def endoscopic(
    pixels: npt.NDArray[Any], *, number: int | None = None, series: str = "1.2.9", frames: int = 1
) -> Dataset:
    """A data set of VL Endoscopic Image."""
    dataset = dataset_of(pixels, frames=frames)
    dataset.SOPClassUID, dataset.Modality = uid.VLEndoscopicImageStorage, "ES"
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = series, f"1.2.10.{number or 0}"
    del dataset.ImageLaterality
    if number is not None:
        dataset.InstanceNumber = number
    return dataset


def still(shown: int, *, number: int | None = None, series: str = "1.2.9") -> bytes:
    """A file of one picture that shows a number."""
    return file_of(endoscopic(numbered(shown), number=number, series=series))


def cine(frames: int, *, rate: float = 25.0, jpeg: bool = False) -> bytes:
    """A file of numbered pictures shown one after another."""
    pictures = [numbered(number) for number in range(frames)]
    dataset = endoscopic(np.stack(pictures), frames=frames)
    dataset.FrameTime = 1000 / rate
    if jpeg:
        coded = [encoded(picture, "JPEG", quality=95) for picture in pictures]
        return holding(dataset, uid.JPEGBaseline8Bit, coded, "YBR_FULL_422")
    return file_of(dataset)


def video_object(stream: bytes, syntax: uid.UID, *, frames: int, fragments: int = 1) -> bytes:
    """A file of Video Endoscopic Image that holds an encoded stream in fragments."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.Modality = uid.VideoEndoscopicImageStorage, "ES"
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    dataset.PatientID, dataset.NumberOfFrames, dataset.CineRate = "P-17", frames, 25
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 96, 160, 3
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "YBR_PARTIAL_420", 0
    step = len(stream) // fragments // 2 * 2 + 2
    pieces = [padded(stream[at : at + step]) for at in range(0, len(stream), step)]
    items = b"".join(b"\xfe\xff\x00\xe0" + len(piece).to_bytes(4, "little") + piece for piece in [b"", *pieces])
    dataset.PixelData = items + b"\xfe\xff\xdd\xe0" + bytes(4)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return file_of(dataset)
