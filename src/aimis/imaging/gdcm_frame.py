"""Decodes frames of lossless or 12-bit JPEG with GDCM: a program, run in a process of its own.

GDCM writes what it finds wrong to standard error past all its switches, and it is the one codec here that nobody
fuzzes in public: a damaged frame must not take the readings of other files down with it.

    python -P -m aimis.imaging.gdcm_frame < requests > answers

A request is its length and five numbers (columns, rows, samples, bits, 1 for lossless) and the frame; an answer is the
length of the pixels and the pixels, little endian, colour by pixel, 0 where none decode. Numbers are little-endian, of
32 bits.
"""

from __future__ import annotations

import struct
import sys

import gdcm

_LENGTH, _REQUEST = struct.Struct("<I"), struct.Struct("<5I")
_LOSSLESS, _EXTENDED = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.51"


def main() -> int:
    """Answer requests until there are no more."""
    while len(said := sys.stdin.buffer.read(_LENGTH.size)) == _LENGTH.size:
        pixels = decode(sys.stdin.buffer.read(_LENGTH.unpack(said)[0]))
        sys.stdout.buffer.write(_LENGTH.pack(len(pixels)) + pixels)
        sys.stdout.buffer.flush()
    return 0


def decode(request: bytes) -> bytes:
    """The pixels, none where they are not as many as asked for."""
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
    return pixels if len(pixels) == columns * rows * samples * (1 if bits <= 8 else 2) else b""


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
