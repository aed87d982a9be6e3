"""The port to an inference engine, and the one place where an engine is chosen and a network opened.

Engines are imported when a network is opened, never before.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from aimis.domain.errors import EngineError
from aimis.inference import processor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

Kind = Literal["auto", "openvino", "onnxruntime", "onnxruntime-cuda"]
Precision = Literal["auto", "f32", "bf16"]


class Engine(Protocol):
    """A network ready to run; safe to call from many threads, and bit for bit the same whichever thread calls."""

    @property
    def name(self) -> str:
        """Engine, version and precision, e.g. `openvino 2026.1 bf16`."""
        ...

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> dict[str, npt.NDArray[Any]]:
        """Outputs by name, in arrays of their own; EngineError for inputs that are not the network's."""
        ...


@dataclass(frozen=True, kw_only=True)
class TensorForm:
    """What a network takes under one name.

    shape : None for a side of any length
    dtype : numpy's name, e.g. uint8
    """

    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sides = ", ".join("any" if side is None else str(side) for side in self.shape)
        return f"{self.dtype} of shape ({sides})"

    def takes(self, array: npt.NDArray[Any]) -> bool:
        """Whether the array has this form."""
        same_sides = all(own in (None, side) for own, side in zip(self.shape, array.shape, strict=False))
        return array.dtype.name == self.dtype and array.ndim == len(self.shape) and same_sides


class Network(Engine, Protocol):
    """An engine that says what it takes."""

    @property
    def inputs(self) -> Mapping[str, TensorForm]:
        """By name."""
        ...


def open_engine(
    weights: Path,
    *,
    kind: Kind = "auto",
    precision: Precision = "auto",
    threads: int = 0,
    streams: int = 1,
    outputs: Collection[str] = (),
) -> Network:
    """The network of an ONNX file, compiled and ready.

    precision : auto is bf16 where OpenVINO runs on a processor with native bf16, else f32
    threads : in all; 0 for AIMIS_THREADS, else as many as the process may use, which is also the most
    streams : requests that run at once, each with its share of the threads; more calls than that wait
    outputs : those that are asked for, all where none is named; OpenVINO computes no other

    EngineError: the file is missing or damaged or has no such output, the engine or its device is not there, the
    precision cannot be had
    """
    chosen = choose_kind(kind)
    if precision not in get_args(Precision):
        raise EngineError(f"there is no precision {precision!r}; there are {', '.join(get_args(Precision))}")
    if streams < 1:
        raise EngineError(f"{streams} streams were asked for; give a whole number from 1")
    if not weights.is_file():
        raise EngineError(f"{weights}: the network's file is not there; install the reader again")
    usable = processor.threads_to_use(threads)
    if chosen == "openvino":
        from aimis.inference import openvino_engine  # noqa: PLC0415  loaded on use

        most = min(streams, usable)
        return openvino_engine.open_network(weights, precision=precision, threads=usable, streams=most, wanted=outputs)
    from aimis.inference import onnxruntime_engine  # noqa: PLC0415  loaded on use

    cuda = chosen == "onnxruntime-cuda"
    return onnxruntime_engine.open_network(
        weights, cuda=cuda, precision=precision, threads=usable, streams=streams, wanted=outputs
    )


def choose_kind(kind: Kind) -> Kind:
    """The engine that `auto` stands for on this machine: CUDA where device and onnxruntime-gpu are, else OpenVINO."""
    if kind not in get_args(Kind):
        raise EngineError(f"there is no engine {kind!r}; there are {', '.join(get_args(Kind))}")
    if kind != "auto":
        return kind
    return "onnxruntime-cuda" if _has_onnxruntime_gpu() and processor.cuda_devices() else "openvino"


def chosen_outputs(weights: Path, there: Sequence[str], wanted: Collection[str]) -> tuple[str, ...]:
    """Those wanted, in the network's order; all where none is. EngineError for one that is not there."""
    missing = sorted(set(wanted).difference(there))
    if missing:
        raise EngineError(f"{weights}: the network gives {', '.join(there)}, not {', '.join(missing)}; mend the reader")
    return tuple(name for name in there if not wanted or name in wanted)


def check_inputs(weights: Path, forms: Mapping[str, TensorForm], inputs: Mapping[str, npt.NDArray[Any]]) -> None:
    """EngineError unless there is an array of the right form under each name and under no other."""
    if forms.keys() != inputs.keys():
        wanted, given = (", ".join(sorted(names)) or "none" for names in (forms, inputs))
        raise EngineError(f"{weights}: the network takes {wanted}, but was given {given}; mend the reader's code")
    for name, form in forms.items():
        array = inputs[name]
        if not form.takes(array):
            other = TensorForm(shape=array.shape, dtype=array.dtype.name)
            raise EngineError(f"{weights}: the input {name} is {form}, but was given {other}; mend the reader's code")


def _has_onnxruntime_gpu() -> bool:
    try:
        metadata.distribution("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    return True
