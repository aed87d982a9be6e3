"""The engines keep one contract: the same numbers whoever asks, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from aimis.domain.errors import EngineError
from aimis.inference import engine, onnxruntime_engine, openvino_engine, processor
from aimis.inference.memory import FunctionEngine

pytestmark = pytest.mark.integration

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from aimis.inference.engine import Kind, Network, Precision

ENGINES: list[tuple[Kind, Precision]] = [("openvino", "auto"), ("openvino", "f32"), ("onnxruntime", "f32")]


def _pictures(count: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, 1, 32, 32, 3), dtype=np.uint8)


def _same(left: dict[str, npt.NDArray[Any]], right: dict[str, npt.NDArray[Any]]) -> bool:
    return left.keys() == right.keys() and all(left[name].tobytes() == right[name].tobytes() for name in left)


@pytest.fixture(params=ENGINES, ids=lambda p: f"{p[0]}-{p[1]}")
def opened(request: pytest.FixtureRequest, network_file: Path) -> Network:
    kind, precision = request.param
    return engine.open_engine(network_file, kind=kind, precision=precision, streams=2)


def test_run_gives_every_output_in_float32(opened: Network) -> None:
    outputs = opened.run({"rgb": _pictures(1)[0]})
    assert {name: (array.shape, array.dtype.name) for name, array in outputs.items()} == {
        "logits": ((1, 4), "float32"),
        "map": ((1, 8, 16, 16), "float32"),
    }


def test_run_from_many_threads_equals_run_in_sequence_bit_for_bit(opened: Network) -> None:
    pictures = _pictures(64)
    in_sequence = [opened.run({"rgb": picture}) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda picture: opened.run({"rgb": picture}), pictures))
    assert all(_same(one, other) for one, other in zip(in_sequence, at_once, strict=True))
    assert not _same(in_sequence[0], in_sequence[1])


@pytest.mark.parametrize(("kind", "precision"), ENGINES)
def test_network_opened_twice_gives_the_same_bits(network_file: Path, kind: Kind, precision: Precision) -> None:
    first, second = (engine.open_engine(network_file, kind=kind, precision=precision) for _ in range(2))
    picture = {"rgb": _pictures(1)[0]}
    assert _same(first.run(picture), second.run(picture))


@pytest.mark.parametrize(("kind", "precision"), ENGINES)
def test_threads_and_streams_do_not_change_the_bits(network_file: Path, kind: Kind, precision: Precision) -> None:
    picture = {"rgb": _pictures(1)[0]}
    alone = engine.open_engine(network_file, kind=kind, precision=precision, threads=1).run(picture)
    for threads, streams in ((0, 1), (0, 2), (1, 2)):
        opened = engine.open_engine(network_file, kind=kind, precision=precision, threads=threads, streams=streams)
        assert _same(alone, opened.run(picture))


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_eight_bit_network_sums_without_overflow_on_any_processor(
    eight_bit_file: Path, kind: Kind, integers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not integers:
        monkeypatch.setattr(processor, "multiplies_integers", lambda: False)
    opened = engine.open_engine(eight_bit_file, kind=kind, precision="f32")
    sums = opened.run({"values": np.full((1, 16, 8, 8), 255, dtype=np.float32)})["sums"]
    np.testing.assert_allclose(sums, 16 * 9 * 255 * 1.27, rtol=1e-5)


@pytest.mark.parametrize(("kind", "precision"), ENGINES)
@pytest.mark.parametrize("name", ["logits", "map"])
def test_one_output_alone_has_the_bits_that_it_has_among_all(
    network_file: Path, kind: Kind, precision: Precision, name: str
) -> None:
    picture = {"rgb": _pictures(1)[0]}
    whole = engine.open_engine(network_file, kind=kind, precision=precision).run(picture)
    alone = engine.open_engine(network_file, kind=kind, precision=precision, outputs=[name]).run(picture)
    assert _same(alone, {name: whole[name]})


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_output_that_a_network_does_not_give_is_named(network_file: Path, kind: Kind) -> None:
    with pytest.raises(EngineError, match="gives logits, map, not outlines"):
        engine.open_engine(network_file, kind=kind, outputs=["map", "outlines"])


def test_outputs_are_not_changed_by_a_later_run(opened: Network) -> None:
    pictures = _pictures(8)
    kept = opened.run({"rgb": pictures[0]})
    before = {name: array.copy() for name, array in kept.items()}
    for picture in pictures[1:]:
        opened.run({"rgb": picture})
    assert _same(kept, before)


def test_input_in_any_memory_order_gives_the_same_bits_and_is_left_as_it_was(opened: Network) -> None:
    picture = _pictures(1)[0]
    turned = np.asfortranarray(picture)
    assert _same(opened.run({"rgb": picture}), opened.run({"rgb": turned}))
    assert (turned == picture).all()


def test_engines_agree_in_f32(network_file: Path) -> None:
    picture = {"rgb": _pictures(1)[0]}
    kinds: tuple[Kind, Kind] = ("openvino", "onnxruntime")
    one, other = (engine.open_engine(network_file, kind=kind, precision="f32").run(picture) for kind in kinds)
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], rtol=1e-4, atol=1e-5)


def test_bf16_stays_near_f32_where_it_is_native(network_file: Path) -> None:
    auto, exact = (engine.open_engine(network_file, kind="openvino", precision=p) for p in ("auto", "f32"))
    picture = {"rgb": _pictures(1)[0]}
    np.testing.assert_allclose(auto.run(picture)["map"], exact.run(picture)["map"], atol=0.05)
    assert exact.name.endswith(" f32")
    assert auto.name.split()[-1] == openvino_engine.choose_precision("auto")[0]


def test_name_states_engine_version_and_precision(opened: Network) -> None:
    kind, version, precision = opened.name.split()
    assert version == metadata.version(kind)
    assert precision in {"f32", "bf16"}


def test_more_streams_than_processors_are_served_in_turn(network_file: Path) -> None:
    opened = engine.open_engine(network_file, kind="openvino", streams=64)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda picture: opened.run({"rgb": picture}), _pictures(32)))
    assert len(results) == 32


def test_failed_run_gives_its_place_back(opened: Network) -> None:
    for _ in range(8):
        with pytest.raises(EngineError):
            opened.run({"rgb": np.zeros((1, 32, 32, 4), dtype=np.uint8)})
    assert opened.run({"rgb": _pictures(1)[0]})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "takes rgb, but was given none"),
        ({"image": (1, 32, 32, 3)}, "takes rgb, but was given image"),
        (
            {"rgb": (1, 32, 31, 3)},
            r"rgb is uint8 of shape \(1, 32, 32, 3\), but was given uint8 of shape \(1, 32, 31, 3\)",
        ),
        ({"rgb": (32, 32, 3)}, "but was given uint8 of shape"),
    ],
)
def test_wrong_inputs_are_refused_with_what_is_wanted(
    opened: Network, network_file: Path, inputs: dict[str, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(EngineError, match=message) as caught:
        opened.run({name: np.zeros(shape, dtype=np.uint8) for name, shape in inputs.items()})
    assert str(network_file) in str(caught.value)


def test_wrong_number_type_is_refused(opened: Network) -> None:
    with pytest.raises(EngineError, match="but was given float32"):
        opened.run({"rgb": np.zeros((1, 32, 32, 3), dtype=np.float32)})


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_missing_file_is_refused(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(EngineError, match=r"gone\.onnx.*not there.*install the reader again"):
        engine.open_engine(tmp_path / "gone.onnx", kind=kind)


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("content", [b"", b"\x00garbage" * 40])
def test_damaged_file_is_refused(tmp_path: Path, kind: Kind, content: bytes) -> None:
    (tmp_path / "damaged.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"damaged\.onnx is no network.*get it again"):
        engine.open_engine(tmp_path / "damaged.onnx", kind=kind)


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_truncated_file_is_refused(tmp_path: Path, network_file: Path, kind: Kind) -> None:
    content = network_file.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(EngineError, match=r"cut\.onnx is no network"):
        engine.open_engine(tmp_path / "cut.onnx", kind=kind)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "tensorrt"}, "no engine 'tensorrt'; there are auto, openvino, onnxruntime, onnxruntime-cuda"),
        ({"precision": "int8"}, "no precision 'int8'; there are auto, f32, bf16"),
        ({"streams": 0}, "0 streams"),
        ({"threads": -2}, "-2 threads"),
        ({"kind": "onnxruntime", "precision": "bf16"}, "ONNX Runtime runs the networks in f32"),
    ],
)
def test_settings_that_cannot_be_are_refused(network_file: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engine.open_engine(network_file, **settings)


def test_bf16_is_never_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "has_native_bf16", lambda _: False)
    assert openvino_engine.choose_precision("auto")[0] == "f32"
    with pytest.raises(EngineError, match=r"bf16.*does not have native bf16.*use auto or f32"):
        openvino_engine.choose_precision("bf16")


def test_bf16_is_chosen_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "has_native_bf16", lambda _: True)
    assert openvino_engine.choose_precision("auto")[0] == "bf16"
    assert openvino_engine.choose_precision("f32")[0] == "f32"


@pytest.mark.parametrize(
    ("devices", "installed", "chosen"),
    [(1, True, "onnxruntime-cuda"), (0, True, "openvino"), (1, False, "openvino"), (0, False, "openvino")],
)
def test_auto_is_cuda_only_with_device_and_package(
    monkeypatch: pytest.MonkeyPatch, devices: int, installed: bool, chosen: str
) -> None:
    monkeypatch.setattr(processor, "cuda_devices", lambda: devices)
    monkeypatch.setattr(engine, "_has_onnxruntime_gpu", lambda: installed)
    assert engine.choose_kind("auto") == chosen


def test_cuda_without_its_package_is_refused_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, network_file: Path
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EngineError, match="install onnxruntime-gpu"):
        engine.open_engine(network_file, kind="onnxruntime-cuda")


class _OnTheProcessor:
    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_cuda_that_fell_back_to_the_processor_is_refused(monkeypatch: pytest.MonkeyPatch, network_file: Path) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime_engine, "_open_session", lambda *_, **__: _OnTheProcessor())
    with pytest.raises(EngineError, match="device or its libraries cannot be used"):
        engine.open_engine(network_file, kind="onnxruntime-cuda")


def _loaded_after(code: str) -> set[str]:
    program = f"{code}\nimport sys; print(*(name for name, module in sys.modules.items() if module))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_port_loads_no_engine_and_no_numpy() -> None:
    loaded = _loaded_after("import aimis.inference.engine, aimis.inference.processor")
    assert "aimis.inference.processor" in loaded
    assert not loaded & {"numpy", "openvino", "onnxruntime", "cv2"}


def test_opening_openvino_loads_neither_its_telemetry_nor_the_other_engine(network_file: Path) -> None:
    loaded = _loaded_after(
        f"from pathlib import Path; from aimis.inference import engine\n"
        f"engine.open_engine(Path({str(network_file)!r}), kind='openvino')"
    )
    assert "openvino" in loaded
    assert not [
        name for name in loaded if "telemetry" in name or name.startswith(("openvino.tools.ovc", "onnxruntime"))
    ]


def test_function_engine_answers_with_its_function() -> None:
    doubled = FunctionEngine(function=lambda inputs: {"out": inputs["in"] * 2})
    assert doubled.run({"in": np.array([21])})["out"] == [42]
