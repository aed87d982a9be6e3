"""A small network with convolutions, a pooling and two outputs; made once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 32


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RGB of shape (1, 32, 32, 3), uint8, to `logits` (1, 4) and `map` (1, 8, 16, 16)."""
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    path.write_bytes(_network().SerializeToString())
    return path


@pytest.fixture(scope="session")
def eight_bit_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`values` (1, 16, 8, 8), float32, to `sums` (1, 16, 6, 6) by a convolution of 0..255 with weights of 127."""
    path = tmp_path_factory.mktemp("network") / "eight-bit.onnx"
    stored = {
        "step": np.float32(1),
        "zero": np.uint8(0),
        "weights": np.full((16, 16, 3, 3), 127, dtype=np.int8),
        "steps": np.full(16, 0.01, dtype=np.float32),
        "zeros": np.zeros(16, dtype=np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["values", "step", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["exact"]),
        helper.make_node("DequantizeLinear", ["weights", "steps", "zeros"], ["filters"], axis=0),
        helper.make_node("Conv", ["exact", "filters"], ["sums"]),
    ]
    graph = helper.make_graph(
        nodes,
        "eight-bit",
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, (1, 16, 8, 8))],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, (1, 16, 6, 6))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    )
    return path


def _network() -> onnx.ModelProto:
    random = np.random.default_rng(7)
    stored = {
        "scale": np.float32(1 / 127.5),
        "one": np.float32(1),
        "first": random.normal(0, 0.2, (24, 3, 3, 3)).astype(np.float32),
        "second": random.normal(0, 0.2, (8, 24, 1, 1)).astype(np.float32),
        "head": random.normal(0, 0.2, (8, 4)).astype(np.float32),
        "places": np.array([2, 3], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["rgb"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["value"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["centred"]),
        helper.make_node("Conv", ["centred", "first"], ["filtered"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["filtered"], ["bent"]),
        helper.make_node("Conv", ["bent", "second"], ["map"]),
        helper.make_node("ReduceMean", ["map", "places"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("rgb", TensorProto.UINT8, [1, SIDE, SIDE, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 4]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, 8, 16, 16]),
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
