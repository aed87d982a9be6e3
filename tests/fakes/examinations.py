"""Examinations that lie in memory, and small ones on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from aimis.domain.examination import ExaminationKind
from aimis.domain.reading import Reason
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from tests.fakes.examiner import mucosa

Work = Callable[[], Frame]


@dataclass(kw_only=True)
class FakeExamination:
    """An examination whose frames are made by functions; it is what is found and what is opened in one.

    opened, closed : how often it was
    """

    path: str = "exam"
    kind: ExaminationKind = ExaminationKind.STILLS
    works: Sequence[Work] = ()
    seconds: float | None = None
    lost: Reason | None = None
    digest: str = "ab" * 32
    opened: int = 0
    closed: int = 0
    made: list[int] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[FakeExamination]:
        """Itself."""
        self.opened += 1
        yield self
        self.closed += 1

    @property
    def expected(self) -> int:
        """All of them."""
        return len(self.works)

    def frames(self) -> Iterator[Work]:
        """In order; what was handed out is noted."""
        for number, work in enumerate(self.works):
            self.made.append(number)
            yield work

    def sha256(self) -> str:
        """As given."""
        return self.digest


def frame(index: int, *, seconds: float | None = None, **painted: bool) -> Work:
    """The work that makes a frame of painted mucosa; see `tests.fakes.examiner.mucosa`."""
    picture = Still(rgb=mucosa(96, 72, at=index, **painted), full_size_px=(192, 144))
    name = "" if seconds is not None else f"{index:03}.jpg"
    made = Frame(index=index, picture=picture, name=name, seconds=seconds)
    return lambda: made


def video(lesions: Sequence[int] = (), *, frames: int = 12, per_second: float = 4.0) -> FakeExamination:
    """A video sampled so often; the frames named show a lesion."""
    works = [frame(n, seconds=n / per_second, lesion=n in lesions) for n in range(frames)]
    return FakeExamination(path="v.mp4", kind=ExaminationKind.VIDEO, works=works, seconds=frames / per_second)


def stills(count: int = 6, lesions: Sequence[int] = ()) -> FakeExamination:
    """A folder of stills; those named show a lesion."""
    return FakeExamination(works=[frame(n, lesion=n in lesions) for n in range(count)])


def write_stills(folder: Path, count: int = 6, lesions: Sequence[int] = ()) -> Path:
    """A folder of JPEG files image0.jpg ...; those named show a lesion."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        painted = mucosa(lesion=number in lesions, at=number)
        Image.fromarray(painted).save(folder / f"image{number}.jpg", quality=92)
    return folder


def write_video(path: Path, *, seconds: int = 3, lesion: tuple[float, float] = (1.0, 2.0), rate: int = 25) -> Path:
    """A video that shows a lesion from one second to another."""
    numbers = range(seconds * rate)
    return write_scenes(path, [mucosa(lesion=lesion[0] <= n / rate < lesion[1], at=n) for n in numbers], rate=rate)


def write_scenes(path: Path, frames: Iterable[npt.NDArray[np.uint8]], *, rate: int = 25) -> Path:
    """A video of painted frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for painted in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(painted, format="rgb24")))
        container.mux(stream.encode())
    return path
