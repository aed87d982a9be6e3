"""Decodes one frame of lossless or 12-bit JPEG with GDCM: a program, run in a process of its own.

GDCM writes what it finds wrong to standard error past all its switches, and it is the one codec here that nobody
fuzzes in public: a damaged frame must not take the readings of other files down with it.

    python -P -m aimis.imaging.gdcm_frame < request > pixels

The request is five little-endian 32-bit numbers (columns, rows, samples, bits, 1 for lossless) and the frame.
"""

from __future__ import annotations

import struct
import sys

import gdcm

_REQUEST = struct.Struct("<5I")
_LOSSLESS, _EXTENDED = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.51"


def main() -> int:
    """Exit status 0 with the pixels on standard output, little endian, colour by pixel; 1 where none decode."""
    request = sys.stdin.buffer.read()
    columns, rows, samples, bits, lossless = _REQUEST.unpack_from(request)
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(_element(request[_REQUEST.size :]))
    kind = gdcm.PhotometricInterpretation.GetPIType("RGB" if samples == 3 else "MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetPixelFormat(gdcm.PixelFormat(samples, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    syntax = gdcm.TransferSyntax.GetTSType(_LOSSLESS if lossless else _EXTENDED)
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    pixels = image.GetBuffer().encode("utf-8", "surrogateescape")  # GDCM hands bytes over as text
    if len(pixels) != columns * rows * samples * (1 if bits <= 8 else 2):
        return 1
    sys.stdout.buffer.write(pixels)
    return 0


def _element(frame: bytes) -> gdcm.DataElement:
    """The pixel data element that GDCM takes a frame from."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element


if __name__ == "__main__":
    sys.exit(main())
