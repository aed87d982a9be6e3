"""Export a trained network to ONNX: uint8 pictures in, weights stored at half precision, parity checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn


class Exported(nn.Module):
    """The network with its input as the product has it: uint8 of shape (1, side, side, 3)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """As the network's own."""
        found: tuple[Tensor, ...] = self.network(picture.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return found


def export(network: nn.Module, path: Path, side: int, *, takes: str, gives: Sequence[str]) -> float:
    """Write the ONNX file; the largest difference of any output to torch's, in float32.

    takes, gives : the names of the input and of the outputs, in the network's order

    The network's weights are rounded to half precision in place first, so torch and file hold the same numbers.
    """
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8))
    halve(network)
    write(Exported(network), example, path, takes=takes, gives=gives)
    return parity(network, path, side)


def halve(network: nn.Module) -> None:
    """Round the weights to half precision, in place."""
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()


def write(
    network: nn.Module,
    example: Tensor,
    path: Path,
    *,
    takes: str,
    gives: Sequence[str],
    free: Sequence[int] = (),
) -> None:
    """Write the ONNX file of a network whose one input is like the example.

    free : the input's axes that may have any length
    """
    program = torch.onnx.export(
        network.eval(),
        (example,),
        input_names=[takes],
        output_names=list(gives),
        dynamic_shapes=(dict.fromkeys(free, torch.export.Dim.DYNAMIC),) if free else None,
        dynamo=True,
        optimize=True,
    )
    assert program is not None
    model = program.model_proto
    _store_at_half_precision(model)
    del model.metadata_props[:]
    for node in model.graph.node:  # the exporter's notes name files of the machine it ran on
        node.ClearField("doc_string")
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def parity(network: nn.Module, path: Path, side: int) -> float:
    """Largest absolute difference between torch and the file over all outputs, on smooth random pictures."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(3):
        small = torch.from_numpy(rng.uniform(0, 255, (1, 3, 12, 12)).astype(np.float32))
        picture = (
            nn.functional.interpolate(small, (side, side), mode="bilinear").permute(0, 2, 3, 1).byte().contiguous()
        )
        with torch.no_grad():
            expected = Exported(network)(picture)
        got = session.run(None, {session.get_inputs()[0].name: picture.numpy()})
        worst = max(worst, *(float(np.abs(e.numpy() - g).max()) for e, g in zip(expected, got, strict=True)))
    return worst


def _store_at_half_precision(model: onnx.ModelProto) -> None:
    """Each large float32 initialiser becomes a float16 one and a cast back; engines fold the cast when they load."""
    casts = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 256:
            continue
        stored = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.half")
        casts.append(helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(stored)
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    stale = {c.output[0] for c in casts}
    kept = [v for v in model.graph.value_info if v.name not in stale]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
