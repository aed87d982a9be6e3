"""Which files of a folder or an archive could be pictures, by name."""

from __future__ import annotations

from pathlib import PurePosixPath

_PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".dib"}
    | {".dcm", ".dicom", ".dic", ".ima"}
)
_VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".mxf"}
    | {".m2ts", ".mts", ".wmv", ".asf", ".flv", ".ogv", ".dv", ".h264", ".264", ".avc", ".h265", ".265", ".hevc"}
)
_JUNK = frozenset({"thumbs.db", "desktop.ini", "dicomdir", "__macosx"})


def is_picture_name(name: str) -> bool:
    """Whether a file's suffix is one of a picture."""
    return PurePosixPath(name).suffix.lower() in _PICTURE_SUFFIXES


def is_video_name(name: str) -> bool:
    """Whether a file's suffix is one of a video, and of nothing else: `.ts` is that of many programs too."""
    return PurePosixPath(name).suffix.lower() in _VIDEO_SUFFIXES


def is_transport_name(name: str) -> bool:
    """Whether a file's suffix may be that of an MPEG transport stream, which its content must tell."""
    return PurePosixPath(name).suffix.lower() == ".ts"


def is_nifti_name(name: str) -> bool:
    """Whether a file's suffix is one of a NIfTI volume in one file."""
    return name.lower().endswith((".nii", ".nii.gz"))


def is_zip_name(name: str) -> bool:
    """Whether a file's suffix is one of a zip archive."""
    return PurePosixPath(name).suffix.lower() == ".zip"


def is_junk_name(name: str) -> bool:
    """Hidden, or left by a system beside pictures; a DICOMDIR only lists them."""
    return name.startswith(".") or name.lower() in _JUNK
