"""Mutates valid files of every format and hands them to the decoders, looking for a break of their law.

The law: `decode` gives valid stills within the limits, or raises `CaseError`; nothing else is raised, nothing is
written to standard error, nothing takes many seconds, and no codec crashes the process.

    nice -n 19 python -m tests.fuzz.fuzz_decoders --seconds 600 --found /tmp/found [--only jpeg] [--seed 1]

Run from the root of the repository. One child works at a time and leaves its input in a file before it decodes;
when a codec crashes it, the parent keeps that input and starts the next child. Each input that breaks the law is
written to the folder with a text that says how; `--replay FILE...` decodes such files again. DCMTK adds lossless
JPEG to the seeds where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from pydicom import uid

from aimis.domain.errors import CaseError
from aimis.imaging import decode as door
from aimis.imaging.dicom_video import DicomCine, open_dicom_video
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.imaging.still import Still
from aimis.imaging.video import open_video
from aimis.ingest.folder import find_items
from tests.fakes.dicoms import compressed, dataset_of, file_of, holding
from tests.fakes.endoscopy import cine, video_object
from tests.fakes.pictures import encoded, photograph
from tests.fakes.videos import Kind, stills_of, video

SMALL = Limits(max_pixels=4_000_000, max_decoded_bytes=64_000_000, enough_px=20, max_bytes=50_000_000)
PATIENCE_S = 10
MOST_MEMORY_KB = 900_000
BATCH = 2_000
INTERESTING = [*range(9), 15, 16, 31, 32, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**32 - 1]

Mutation = Callable[[bytearray, random.Random], bytearray]


def main() -> None:
    options = arguments()
    options.found.mkdir(parents=True, exist_ok=True)
    for file in options.replay:
        say(file.name, broken_law(file.name.split("-")[0], file.read_bytes(), DEFAULT_LIMITS) or "keeps the law")
    if not options.replay:
        fuzz(options)


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201  # a program for the terminal


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()) / "found")
    parser.add_argument("--replay", type=Path, nargs="*", default=[])
    return parser.parse_args()


def fuzz(options: argparse.Namespace) -> None:
    """Children one after another until the time is up."""
    seeds = {name: content for name, content in all_seeds().items() if options.only in name}
    end, batch, tried = time.monotonic() + options.seconds, 0, 0
    while time.monotonic() < end:
        batch += 1
        child = os.fork()
        if child == 0:
            work(seeds, options.seed * 1_000_003 + batch, end, options.found)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        tried += int(counter(options.found).read_text() or 0)
        if os.WIFSIGNALED(status):
            keep_crash(options.found, signal.Signals(os.WTERMSIG(status)).name)
    say(tried, "inputs,", len(list(options.found.glob("*.txt"))), "found in", options.found)


def work(seeds: dict[str, bytes], seed: int, end: float, found: Path) -> None:
    """One batch, in a child whose memory is bounded and whose standard error is a file."""
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    said = (found / "stderr").open("w+b")
    os.dup2(said.fileno(), 2)
    chance = random.Random(seed)  # noqa: S311  # no secret
    names = sorted(seeds)
    for number in range(BATCH):
        if time.monotonic() > end:
            break
        name = chance.choice(names)
        content = mutated(seeds[name], name, chance, list(seeds.values()))
        (found / "current").write_bytes(content)
        (found / "current-name").write_text(name)
        counter(found).write_text(str(number + 1))
        law = broken_law(name, content, SMALL if chance.random() < 0.95 else DEFAULT_LIMITS)
        law = law or whispered(said) or greedy()
        if law:
            keep(found, name, content, law)


def broken_law(name: str, content: bytes, limits: Limits) -> str | None:
    """What law an input breaks, None where none."""
    signal.signal(signal.SIGPROF, too_slow)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
    filters = list(warnings.filters)
    started = time.process_time()
    try:
        for still in read(name, content, limits):
            check(still.rgb, still.full_size_px, limits)
    except CaseError:
        pass
    except Exception:  # noqa: BLE001  # the outermost loop of the child: every other error is what is looked for
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if time.process_time() - started > PATIENCE_S:
        return "slow"
    return None if list(warnings.filters) == filters else "warning filters were changed"


def read(name: str, content: bytes, limits: Limits) -> Iterator[Still]:
    """Stills of a file, or of what a zip holds."""
    if name.startswith("video"):
        yield from film(name, content, limits)
        return
    if not name.startswith("zip"):
        yield from door.decode(content, name, limits=limits)
        return
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(content)
        file.flush()
        for item in find_items([file.name], limits=limits):
            with contextlib.suppress(CaseError):
                yield from door.decode(item.load(), item.path, limits=limits)


def film(name: str, content: bytes, limits: Limits) -> Iterator[Still]:
    """Frames of a video, or of a DICOM object that is one; a frame is there, refused, or told of as lost."""
    if name.startswith("video cine"):
        cine = DicomCine(content, limits=limits, per_second=25)
        yield from stills_of(work() for work in cine.works())
        return
    opens = open_dicom_video if name.startswith("video dicom") else open_video
    with opens(io.BytesIO(content), limits=limits, per_second=25) as opened:
        frames = list(opened.frames())
        assert frames or opened.lost
        yield from stills_of(frames)


def check(rgb: npt.NDArray[np.uint8], full_size_px: tuple[int, int], limits: Limits) -> None:
    """A still is what it says it is."""
    rows, columns = rgb.shape[:2]
    assert rgb.dtype == np.uint8
    assert rgb.shape[2] == 3
    assert rgb.flags.c_contiguous
    assert 0 < columns <= full_size_px[0]
    assert 0 < rows <= full_size_px[1]
    assert full_size_px[0] * full_size_px[1] <= limits.max_pixels
    assert columns == full_size_px[0] or min(rows, columns) >= limits.enough_px


def too_slow(*_: object) -> None:
    raise TimeoutError(f"over {PATIENCE_S} s")


def whispered(said: io.BufferedRandom) -> str | None:
    """What was written to standard error since the last look."""
    said.seek(0)
    words = said.read()
    said.seek(0)
    said.truncate()
    return f"standard error: {words[:500]!r}" if words else None


def greedy() -> str | None:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{held} kB held" if held > MOST_MEMORY_KB else None


def counter(found: Path) -> Path:
    return found / "counter"


def keep_crash(found: Path, how: str) -> None:
    name, content = (found / "current-name").read_text(), (found / "current").read_bytes()
    keep(found, name, content, f"killed by {how}")


def keep(found: Path, name: str, content: bytes, law: str) -> None:
    stem = f"{name.replace(' ', '_')}-{zlib.crc32(content):08x}"
    (found / f"{stem}.bin").write_bytes(content)
    (found / f"{stem}.txt").write_text(law)


def mutated(seed: bytes, name: str, chance: random.Random, others: list[bytes]) -> bytes:
    """A few mutations of a seed, checksums mended half of the time."""
    content = bytearray(seed)
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 5, 9])):
        content = chance.choice(MUTATIONS)(content, chance) or bytearray(b"\0")
    if chance.random() < 0.03:
        other = chance.choice(others)
        content[chance.randrange(len(content)) :] = other[chance.randrange(len(other)) :]
    return mended_png(bytes(content)) if name.startswith("png") and chance.random() < 0.8 else bytes(content)


def place(content: bytearray, chance: random.Random) -> int:
    """Where to change: near the beginning half of the time, for headers stand there."""
    length = len(content) if chance.random() < 0.5 else min(len(content), 700)
    return chance.randrange(max(1, length))


def set_byte(content: bytearray, chance: random.Random) -> bytearray:
    content[place(content, chance)] = chance.randrange(256)
    return content


def flip_bit(content: bytearray, chance: random.Random) -> bytearray:
    content[place(content, chance)] ^= 1 << chance.randrange(8)
    return content


def set_number(content: bytearray, chance: random.Random) -> bytearray:
    form = chance.choice(["<H", ">H", "<I", ">I"])
    value = chance.choice(INTERESTING) % 2 ** (8 * struct.calcsize(form))
    at = place(content, chance)
    content[at : at + struct.calcsize(form)] = struct.pack(form, value)
    return content


def add_to_number(content: bytearray, chance: random.Random) -> bytearray:
    at = place(content, chance)
    content[at] = (content[at] + chance.choice([-8, -2, -1, 1, 2, 8])) % 256
    return content


def cut_out(content: bytearray, chance: random.Random) -> bytearray:
    at = place(content, chance)
    del content[at : at + chance.choice([1, 2, 4, 16, 100])]
    return content


def repeat(content: bytearray, chance: random.Random) -> bytearray:
    at = place(content, chance)
    part = content[at : at + chance.choice([1, 4, 12, 64])]
    content[at:at] = part * chance.choice([1, 1, 2, 50])
    return content


def blank(content: bytearray, chance: random.Random) -> bytearray:
    at, size = place(content, chance), chance.choice([2, 8, 64])
    content[at : at + size] = bytes([chance.choice([0, 255])]) * len(content[at : at + size])
    return content


def move(content: bytearray, chance: random.Random) -> bytearray:
    source, target, size = place(content, chance), place(content, chance), chance.choice([2, 4, 12, 40])
    content[target : target + size] = content[source : source + size]
    return content


def truncate(content: bytearray, chance: random.Random) -> bytearray:
    return content[: chance.randrange(1, len(content))] if len(content) > 1 else content


MUTATIONS: list[Mutation] = [
    *[set_byte, flip_bit, set_number, set_number, add_to_number, set_byte, flip_bit],
    *[cut_out, repeat, blank, move, truncate],
]


def mended_png(content: bytes) -> bytes:
    """The same with right checksums, so that what is behind them is reached."""
    mended, at = bytearray(content), 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        if at + 12 + length > len(content):
            break
        mended[at + 8 + length : at + 12 + length] = zlib.crc32(content[at + 4 : at + 8 + length]).to_bytes(4)
        at += 12 + length
    return bytes(mended)


def all_seeds() -> dict[str, bytes]:
    """Valid files by name; the first word is the format."""
    return {**picture_seeds(), **tiff_seeds(), **dicom_seeds(), **dcmtk_seeds(), **zip_seeds(), **video_seeds()}


def video_seeds() -> dict[str, bytes]:
    """Every container and coding that examinations come in."""
    small: dict[str, Any] = {"size_px": (48, 32), "options": {"g": "5"}}
    kinds = {
        "video mp4": Kind(**small),
        "video mov": Kind(container="mov", codec="mpeg4", **small),
        "video mkv": Kind(container="matroska", **small),
        "video avi": Kind(container="avi", codec="mpeg4", **small),
        "video jpegs": Kind(container="avi", codec="mjpeg", pixels="yuvj420p", **small),
        "video ts": Kind(container="mpegts", codec="mpeg2video", **small),
        "video ts h264": Kind(container="mpegts", **small),
        "video ts hevc": Kind(container="mpegts", codec="libx265"),
        "video ps": Kind(container="mpeg", codec="mpeg2video", **small),
        "video bare": Kind(container="h264", **small),
        "video webm": Kind(container="webm", codec="libvpx-vp9", **small),
    }
    seeds = {name: video(kind, 12) for name, kind in kinds.items()}
    seeds["video dicom"] = video_object(seeds["video ts"], uid.MPEG2MPML, frames=12, fragments=3)
    return {**seeds, "video cine": cine(3, jpeg=True), "video cine native": cine(2)}


def picture_seeds() -> dict[str, bytes]:
    rgb = photograph(48, 32)
    image = Image.fromarray(rgb)
    exif = Image.Exif()
    exif[274] = 6
    alpha = np.dstack([rgb, rgb[..., 0]])
    deep = bytes(cv2.imencode(".png", rgb.astype(np.uint16) * 257)[1])
    return {
        "jpeg": encoded(rgb, "JPEG", exif=exif),
        "jpeg progressive": encoded(rgb, "JPEG", progressive=True),
        "jpeg 444": encoded(rgb, "JPEG", subsampling=0, quality=95),
        "jpeg restart": encoded(rgb, "JPEG", restart_marker_blocks=2),
        "jpeg grey": encoded(rgb[..., 0], "JPEG"),
        "jpeg cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "jpeg mpo": encoded(image, "MPO", save_all=True, append_images=[image]),
        "png": encoded(rgb, "PNG", exif=exif),
        "png alpha": encoded(alpha, "PNG"),
        "png palette": encoded(image.quantize(16), "PNG", transparency=3),
        "png grey alpha": encoded(image.convert("LA"), "PNG"),
        "png bilevel": encoded(image.convert("1"), "PNG"),
        "png deep": deep,
        "png deep grey": encoded(rgb[..., 0].astype(np.uint16) * 257, "PNG"),
        "webp": encoded(rgb, "WEBP", exif=exif),
        "webp alpha": encoded(alpha, "WEBP"),
        "webp lossless": encoded(rgb, "WEBP", lossless=True),
        "bmp": encoded(rgb, "BMP"),
        "bmp palette": encoded(image.quantize(16), "BMP"),
        "bmp bilevel": encoded(image.convert("1"), "BMP"),
    }


def tiff_seeds() -> dict[str, bytes]:
    rgb = photograph(48, 32)
    image = Image.fromarray(rgb)
    seeds = {
        f"tiff {compression}": encoded(image, "TIFF", compression=compression)
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    }
    seeds["tiff group4"] = encoded(image.convert("1"), "TIFF", compression="group4")
    seeds["tiff palette"] = encoded(image.quantize(16), "TIFF")
    seeds["tiff cmyk"] = encoded(image.convert("CMYK"), "TIFF", compression="tiff_lzw")
    seeds["tiff pages"] = encoded(image, "TIFF", save_all=True, append_images=[image, image])
    seeds["tiff cv2"] = bytes(cv2.imencode(".tiff", rgb.astype(np.uint16) * 257)[1])
    seeds["tiff cv2 float"] = bytes(cv2.imencode(".tiff", rgb.astype(np.float32))[1])
    layouts: dict[str, dict[str, object]] = {
        "planes": {"planarconfig": "separate"},
        "tiles": {"tile": (16, 16)},
        "big": {"bigtiff": True},
        "zlib": {"compression": "zlib", "rowsperstrip": 5},
    }
    for name, layout in layouts.items():
        for dtype in (np.uint8, np.uint16, np.float32):
            stream = io.BytesIO()
            pixels = rgb.transpose(2, 0, 1) if name == "planes" else rgb
            tifffile.imwrite(stream, np.ascontiguousarray(pixels).astype(dtype), photometric="rgb", **layout)  # type: ignore[arg-type]
            seeds[f"tiff {name} {np.dtype(dtype).name}"] = stream.getvalue()
    return seeds


def dicom_seeds() -> dict[str, bytes]:
    rgb = photograph(48, 32)
    grey, deep = rgb[..., 0], rgb.astype(np.uint16) * 257
    pictures: dict[str, npt.NDArray[Any]] = {"rgb": rgb, "grey": grey, "deep": deep, "deep grey": deep[..., 0]}
    frames = np.stack([rgb, rgb])
    jpegs = [encoded(rgb, "JPEG") for _ in range(2)]
    seeds = {
        "dicom native": file_of(dataset_of(rgb)),
        "dicom planes": file_of(dataset_of(rgb, planar=True)),
        "dicom implicit": file_of(dataset_of(grey), transfer_syntax=uid.ImplicitVRLittleEndian),
        "dicom big endian": file_of(dataset_of(deep), transfer_syntax=uid.ExplicitVRBigEndian),
        "dicom deflated": file_of(dataset_of(rgb), transfer_syntax=uid.DeflatedExplicitVRLittleEndian),
        "dicom frames": file_of(dataset_of(frames, frames=2)),
        "dicom jpeg": holding(dataset_of(frames, frames=2), uid.JPEGBaseline8Bit, jpegs, "YBR_FULL_422"),
        "dicom jpeg grey": holding(dataset_of(grey), uid.JPEGBaseline8Bit, [encoded(grey, "JPEG")]),
    }
    for syntax in (uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless):
        for name, pixels in pictures.items():
            seeds[f"dicom {syntax.keyword} {name}"] = compressed(dataset_of(pixels), syntax)
    palette = dataset_of(np.asarray(Image.fromarray(rgb).quantize(16)))
    palette.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [16, 0, 8])
        setattr(palette, f"{colour}PaletteColorLookupTableData", bytes(range(0, 256, 16)))
    return {**seeds, "dicom palette": file_of(palette)}


def dcmtk_seeds() -> dict[str, bytes]:
    """Lossless and 12-bit JPEG, which nothing else here writes."""
    if not shutil.which("dcmcjpeg"):
        return {}
    rgb = photograph(48, 32)
    deep = rgb[..., 0].astype(np.uint16) << 4
    sources = {"rgb": dataset_of(rgb), "grey": dataset_of(rgb[..., 0]), "deep": dataset_of(deep, stored=12)}
    seeds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, dataset in sources.items():
            (Path(folder) / "in").write_bytes(file_of(dataset))
            for kind in ("+e1", "+el", "+ee"):
                subprocess.run(["dcmcjpeg", kind, f"{folder}/in", f"{folder}/out"], check=True)
                seeds[f"dicom lossless {kind} {name}"] = (Path(folder) / "out").read_bytes()
    return seeds


def zip_seeds() -> dict[str, bytes]:
    picture = encoded(photograph(20, 14), "PNG")
    seeds = {}
    for name, compression in {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.items():
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", compression) as archive:
            archive.writestr("left.png", picture)
            archive.writestr("folder/IM0001", bytes(128) + b"DICM")
            archive.writestr("inner.zip", b"PK")
        seeds[f"zip {name}"] = stream.getvalue()
    return seeds


if __name__ == "__main__":
    main()
