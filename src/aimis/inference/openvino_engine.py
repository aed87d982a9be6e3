"""OpenVINO on the processor."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from queue import LifoQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from aimis.domain.errors import EngineError
from aimis.inference import engine, processor
from aimis.inference.engine import TensorForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from types import ModuleType

    import numpy.typing as npt

    from aimis.inference.engine import Precision


@dataclass(frozen=True, kw_only=True)
class OpenVinoNetwork:
    """A compiled network and its requests, each used by one caller at a time.

    outputs : names in the network's order
    """

    name: str
    inputs: Mapping[str, TensorForm]
    outputs: tuple[str, ...]
    weights: Path
    requests: LifoQueue[Any]

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> dict[str, npt.NDArray[Any]]:
        """Outputs by name; waits while all requests are in use."""
        engine.check_inputs(self.weights, self.inputs, inputs)
        arrays = [np.ascontiguousarray(inputs[name]) for name in self.inputs]
        request = self.requests.get()
        try:
            results = request.infer(arrays, share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            raise EngineError(f"{self.weights}: OpenVINO could not run the network: {_last_line(error)}") from error
        finally:
            self.requests.put(request)
        return dict(zip(self.outputs, results.values(), strict=True))


def open_network(
    weights: Path, *, precision: Precision, threads: int, streams: int, wanted: Collection[str] = ()
) -> OpenVinoNetwork:
    """The network compiled for `streams` requests at once, with an equal number of threads each.

    Equal, because a result may depend on the number of threads that it is summed by.
    """
    openvino = import_openvino()
    chosen, _ = choose_precision(precision)
    settings = {
        "INFERENCE_PRECISION_HINT": chosen,
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads // streams * streams,
        "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same processors
        "ENABLE_HYPER_THREADING": True,  # the threads are already counted; none may be taken away
    }
    if not processor.multiplies_integers():
        settings["LP_TRANSFORMS_MODE"] = "NO"  # else eight-bit products are summed in sixteen bits, which overflow
    try:
        model = _core().read_model(str(weights))
        outputs = engine.chosen_outputs(weights, [port.get_any_name() for port in model.outputs], wanted)
        if wanted:
            model = openvino.Model([model.output(name) for name in outputs], model.get_parameters())
        compiled = _core().compile_model(model, "CPU", settings)
        requests: LifoQueue[Any] = LifoQueue()
        for _ in range(streams):
            requests.put(compiled.create_infer_request())
    except RuntimeError as error:
        raise EngineError(
            f"{weights} is no network that OpenVINO can load ({_last_line(error)}); get it again"
        ) from error
    version = openvino.__version__.partition("-")[0]
    return OpenVinoNetwork(
        name=f"openvino {version} {chosen}",
        inputs={port.get_any_name(): _form(port) for port in compiled.inputs},
        outputs=outputs,
        weights=weights,
        requests=requests,
    )


def choose_precision(wanted: Precision) -> tuple[str, str]:
    """The precision to run in, f32 or bf16, and why; EngineError where bf16 was asked for but is not native."""
    native = processor.has_native_bf16(tuple(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")))
    has = "has" if native else "does not have"
    why = f"the processor {has} native bf16 ({' or '.join(sorted(processor.BF16_FLAGS))})"
    if wanted == "bf16" and not native:
        raise EngineError(f"precision bf16: {why}; use auto or f32")
    if wanted == "f32":
        return "f32", "asked for"
    return ("bf16" if native else "f32"), why


def import_openvino() -> ModuleType:
    """The package, without its model converter: merely importing that reports the use over the network.

    The package goes on without the converter where it is not there (`openvino/__init__.py`), which also saves a
    third of the time of its import.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]  # None: not to be imported
    return import_module("openvino")


@cache
def _core() -> Any:  # openvino ships no types
    return import_openvino().Core()


def _form(port: Any) -> TensorForm:
    shape = tuple(side.get_length() if side.is_static else None for side in port.partial_shape)
    return TensorForm(shape=shape, dtype=port.element_type.to_dtype().name)


def _last_line(error: Exception) -> str:
    return [line.strip() for line in str(error).splitlines() if line.strip()][-1]
