"""Networks whose weights and features are stored in eight bits: trained so that they bear it, then written so.

A file so written holds the rounding itself (ONNX QuantizeLinear and DequantizeLinear), so that what is measured is
what every engine runs, whether or not its processor multiplies integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor, nn

_SLOW = 0.95  # how much of a feature's known reach each batch leaves


def train_rounded(network: nn.Module) -> None:
    """From now on every convolution of the network in training sees its input and its weights in eight bits.

    The gradient passes through the rounding as if it were not there (Jacob et al., CVPR 2018). Done twice it is done
    once.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and not hasattr(layer, "reach"):
            layer.register_buffer("reach", None, persistent=False)
            layer.forward = partial(_rounded, layer)  # type: ignore[method-assign]


def _rounded(layer: nn.Conv2d, x: Tensor) -> Tensor:
    values, weight = x.float(), layer.weight
    with torch.no_grad():
        reach = torch.stack([values.amin().clamp(max=0), values.amax().clamp(min=1e-3)])
        known = reach if layer.reach is None else _SLOW * layer.reach + (1 - _SLOW) * reach
        layer.reach = known
        step = (known[1] - known[0]) / 255
        zero = (-known[0] / step).round().int()
        steps = weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-6) / 127
    values = torch.fake_quantize_per_tensor_affine(values, step, zero, 0, 255)
    none = torch.zeros(len(steps), dtype=torch.int32)
    weight = torch.fake_quantize_per_channel_affine(weight, steps, none, 0, -127, 127)
    return nn.functional.conv2d(values, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def write(exact: Path, path: Path, pictures: Iterable[npt.NDArray[np.uint8]]) -> None:
    """The network of an ONNX file with its convolutions' inputs and weights in eight bits.

    The reach of the inputs is that over the pictures, some of which have black and burnt places.
    """
    with TemporaryDirectory() as folder:
        whole, model = Path(folder) / "whole.onnx", _at_single_precision(onnx.load(exact))
        _put_pixels_on_steps(model)
        onnx.save(model, whole)
        takes = model.graph.input[0].name
        quantize_static(
            whole,
            path,
            _Pictures({takes: picture[None]} for picture in pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            extra_options={"OpTypesToExcludeOutputQuantization": ["Conv"]},
        )
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # its package has no types
    def __init__(self, inputs: Iterable[dict[str, Any]]) -> None:
        self._inputs: Iterator[dict[str, Any]] = iter(inputs)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._inputs, None)


def _put_pixels_on_steps(model: onnx.ModelProto) -> None:
    """The first convolution takes x / 127.5 - 128 / 127.5 instead of - 1, and its bias makes up for that.

    A picture's 256 values would otherwise lie half way between the steps that -1 to 1 is cut into, where no two engines
    round alike.
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    shift = next(node for node in model.graph.node if node.op_type == "Sub")
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    one, weight, bias = (stored[name] for name in (shift.input[1], *first.input[1:3]))
    if numpy_helper.to_array(one) != 1:
        raise ValueError("the picture is not brought to -1..1 by subtracting 1")
    moved = numpy_helper.to_array(bias) + numpy_helper.to_array(weight).sum(axis=(1, 2, 3)) * (0.5 / 127.5)
    one.CopyFrom(numpy_helper.from_array(np.float32(128 / 127.5), one.name))
    bias.CopyFrom(numpy_helper.from_array(moved.astype(np.float32), bias.name))


def _at_single_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The half-precision initialisers and the casts after them as single ones: a weight must be one to be rounded."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in list(model.graph.node):
        if node.op_type == "Cast" and node.input[0] in stored:
            half = stored[node.input[0]]
            whole = numpy_helper.from_array(numpy_helper.to_array(half).astype(np.float32), node.output[0])
            model.graph.initializer.remove(half)
            model.graph.initializer.append(whole)
            model.graph.node.remove(node)
    return model
