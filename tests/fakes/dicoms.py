"""DICOM files made on the spot, so that every pixel and every tag is known."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from tests.fakes.pictures import encoded, photograph

PHOTOGRAPHY_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
PHOTOGRAPHY_16_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

RGB = photograph()
GREY = RGB[..., 0]
DEEP_GREY = (GREY.astype(np.uint16) << 4) | (GREY >> 4)  # 12 bits that scale back to the 8 exactly
DEEP_RGB = RGB.astype(np.uint16) * 257
FRAMES = np.stack([RGB, RGB[::-1], RGB[:, ::-1]])
GREY_RGB = np.dstack([GREY] * 3)

NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
]


def dataset_of(
    pixels: npt.NDArray[Any], *, stored: int | None = None, planar: bool = False, frames: int = 1
) -> Dataset:
    """A data set of an ophthalmic photograph that holds the pixels, explicit VR little endian.

    pixels : shape (rows, columns), (rows, columns, 3), or with frames in front where there is more than one
    """
    rows, columns = pixels.shape[1 if frames > 1 else 0 :][:2]
    colours = pixels.shape[-1] if pixels.ndim == (4 if frames > 1 else 3) else 1
    bits = pixels.dtype.itemsize * 8
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = PHOTOGRAPHY_8_BIT if bits == 8 else PHOTOGRAPHY_16_BIT
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Doe^Jane", "P-17", "OP"
    dataset.ImageLaterality = "L"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, colours
    dataset.PhotometricInterpretation = "RGB" if colours == 3 else "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = bits, stored or bits
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if colours == 3:
        dataset.PlanarConfiguration = int(planar)
    if frames > 1:
        dataset.NumberOfFrames = frames
    stack = pixels.reshape(frames, rows, columns, colours)
    ordered = stack.transpose(0, 3, 1, 2) if planar else stack
    dataset.PixelData = padded(ordered.astype(ordered.dtype.newbyteorder("<")).tobytes())
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
    return dataset


def file_of(dataset: Dataset, *, transfer_syntax: str | None = None) -> bytes:
    """The bytes of a DICOM file; a native transfer syntax may be chosen."""
    if transfer_syntax == uid.ExplicitVRBigEndian:
        dataset = big_endian(dataset)
    if transfer_syntax:
        dataset.file_meta.TransferSyntaxUID = uid.UID(transfer_syntax)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def big_endian(dataset: Dataset) -> Dataset:
    """The same with its words turned round; pydicom turns all but the pixels."""
    if dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    return dataset


def compressed(dataset: Dataset, transfer_syntax: uid.UID, **options: Any) -> bytes:
    """The bytes of a file compressed by pydicom's encoders."""
    dataset.compress(transfer_syntax, generate_instance_uid=False, **options)
    return file_of(dataset)


def holding(dataset: Dataset, transfer_syntax: uid.UID, frames: list[bytes], photometric: str | None = None) -> bytes:
    """The bytes of a file that holds frames encoded elsewhere."""
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    if photometric:
        dataset.PhotometricInterpretation = photometric
    return file_of(dataset)


def padded(value: bytes) -> bytes:
    """A value of even length."""
    return value + b"\0" * (len(value) % 2)


def changed(dataset: Dataset, **tags: object) -> Dataset:
    """The data set with tags set, or left out where the value is None."""
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def jpeg_file(pixels: npt.NDArray[np.uint8], photometric: str, *, frames: int = 1, **options: Any) -> bytes:
    """The bytes of a file whose pictures are baseline JPEG; `options` are those of its encoder."""
    pictures = pixels if frames > 1 else pixels[None]
    return holding(
        dataset_of(pixels, frames=frames),
        uid.JPEGBaseline8Bit,
        [encoded(picture, "JPEG", **{"quality": 95, "subsampling": 0, **options}) for picture in pictures],
        photometric,
    )
