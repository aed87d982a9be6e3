"""ONNX Runtime on the processor or on a CUDA device."""

from __future__ import annotations

from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from aimis.domain.errors import EngineError
from aimis.inference import engine, processor
from aimis.inference.engine import TensorForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from aimis.inference.engine import Precision

_ERRORS: tuple[type[Exception], ...] = (  # ONNX Runtime's own have no common base
    RuntimeError,
    ValueError,
    *(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)
_DTYPES = {"float": "float32", "double": "float64"}
_CUDA = "CUDAExecutionProvider"
_CUDA_SETTINGS = {
    "use_tf32": "0",  # f32 is f32
    "cudnn_conv_algo_search": "HEURISTIC",  # a search by timing may choose differently each time
}
_CUDA_HELP = "install onnxruntime-gpu in place of onnxruntime, with a CUDA driver, or choose the engine openvino"


@dataclass(frozen=True, kw_only=True)
class OnnxRuntimeNetwork:
    """A session and the number of calls it takes at once."""

    name: str
    inputs: Mapping[str, TensorForm]
    outputs: tuple[str, ...]
    weights: Path
    session: onnxruntime.InferenceSession
    places: BoundedSemaphore

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> dict[str, npt.NDArray[Any]]:
        """Outputs by name; waits while all places are taken."""
        engine.check_inputs(self.weights, self.inputs, inputs)
        try:
            with self.places:
                results = self.session.run(self.outputs, dict(inputs))
        except _ERRORS as error:
            raise EngineError(f"{self.weights}: ONNX Runtime could not run the network: {error}") from error
        return dict(zip(self.outputs, results, strict=True))


def open_network(
    weights: Path, *, cuda: bool, precision: Precision, threads: int, streams: int, wanted: Collection[str] = ()
) -> OnnxRuntimeNetwork:
    """The network in f32, which is all that ONNX Runtime is used for; never on the processor where CUDA was chosen."""
    if precision == "bf16":
        raise EngineError("ONNX Runtime runs the networks in f32; use precision auto or f32, or the engine openvino")
    if cuda and _CUDA not in onnxruntime.get_available_providers():
        raise EngineError(f"onnxruntime-cuda: the ONNX Runtime installed here has no CUDA; {_CUDA_HELP}")
    session = _open_session(weights, _options(threads), cuda=cuda)
    if cuda and _CUDA not in session.get_providers():
        raise EngineError(f"onnxruntime-cuda: the CUDA device or its libraries cannot be used; {_CUDA_HELP}")
    return OnnxRuntimeNetwork(
        name=f"onnxruntime{'-cuda' if cuda else ''} {onnxruntime.__version__} f32",
        inputs={port.name: _form(port) for port in session.get_inputs()},
        outputs=engine.chosen_outputs(weights, [port.name for port in session.get_outputs()], wanted),
        weights=weights,
        session=session,
        places=BoundedSemaphore(streams),
    )


def _open_session(weights: Path, options: onnxruntime.SessionOptions, *, cuda: bool) -> onnxruntime.InferenceSession:
    if cuda and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # CUDA's libraries from their wheels, where they are installed so
    providers = [(_CUDA, _CUDA_SETTINGS)] if cuda else ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(weights, options, providers=providers, enable_fallback=0)
    except _ERRORS as error:
        raise EngineError(f"{weights} is no network that ONNX Runtime can load ({error}); get it again") from error


def _options(threads: int) -> onnxruntime.SessionOptions:
    """Threads that sleep when idle, and sums in the same order each time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not processor.multiplies_integers():
        options.add_session_config_entry("session.x64quantprecision", "1")  # eight-bit products must not overflow
    onnxruntime.disable_telemetry_events()
    return options


def _form(port: Any) -> TensorForm:
    """From a port such as `tensor(float)` with sides that are numbers or names."""
    element = port.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(side if isinstance(side, int) else None for side in port.shape)
    return TensorForm(shape=shape, dtype=_DTYPES.get(element, element))
