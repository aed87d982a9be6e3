"""Every check says what it found, and what does not work says how to mend it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from aimis import doctor
from aimis.doctor import Check, Health, Plan
from aimis.inference import engine, openvino_engine, processor
from aimis.readers import registry
from aimis.readers.registry import Found, Refused
from aimis.reports import texts, typeset

if TYPE_CHECKING:
    from aimis.readers.manifest import Manifest

FIXTURE = Path(__file__).parents[1] / "fixtures" / "two-entries"
OPENVINO = Plan(kind="openvino")


def _found(manifest: Manifest | None = None, *refused: Refused) -> Found:
    manifest = manifest or registry.check_folder(FIXTURE)
    return Found(manifests=dict.fromkeys(manifest.reader_ids, manifest), refused=refused)


def _diagnose(found: Found | None = None, plan: Plan | None = None) -> dict[str, Check]:
    seconds = itertools.count()
    checks = list(doctor.diagnose(found or _found(), plan or OPENVINO, clock=lambda: next(seconds)))
    assert all(check.mend for check in checks if check.health is not Health.OK)
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


def _check(name: str) -> Check:
    """One of them; those after it are not made."""
    check = next(check for check in doctor.diagnose(_found(), OPENVINO) if check.name == name)
    assert check.mend or check.health is Health.OK
    return check


def test_every_check_is_ok_where_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_processors", lambda **_: 2)
    checks = _diagnose()
    failed = [check for check in checks.values() if check.health is Health.FAILED]
    assert not failed
    assert checks["engine"].detail.startswith("openvino ")
    assert (
        "brightness 1.0.0, colour-cast 1.1.0; weights 69e194d56b88 hold, CC-BY-4.0"
        in checks["reader two-entries"].detail
    )
    assert "opened in 1000 ms, first run 1000 ms, second 1000 ms" in checks["network two-entries"].detail


def test_two_readers_of_one_folder_are_one_check() -> None:
    assert [name for name in _diagnose() if name.startswith(("reader ", "network "))] == [
        "reader two-entries",
        "network two-entries",
    ]


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16"), (False, "f32")])
def test_engine_says_which_precision_and_why(monkeypatch: pytest.MonkeyPatch, native: bool, precision: str) -> None:
    monkeypatch.setattr(processor, "has_native_bf16", lambda _: native)
    expected = f"precision {precision}: {openvino_engine.choose_precision('auto')[1]}"
    assert expected in doctor._engine(OPENVINO).detail
    assert ("does not have" in expected) is not native


def test_engine_that_cannot_be_had_fails_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "has_native_bf16", lambda _: False)
    check = doctor._engine(Plan(kind="openvino", precision="bf16"))
    assert check.health is Health.FAILED
    assert "AIMIS_PRECISION=auto" in check.mend


@pytest.mark.skipif(engine._has_onnxruntime_gpu(), reason="onnxruntime-gpu is installed")
def test_cuda_engine_without_its_package_fails() -> None:
    checks = _diagnose(plan=Plan(kind="onnxruntime-cuda"))
    assert checks["engine"].health is Health.FAILED
    assert checks["network two-entries"].health is Health.FAILED
    assert "onnxruntime-gpu" in checks["network two-entries"].detail


def test_processors_name_the_quota_and_what_the_engine_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "processor_quota", lambda **_: 1.5)
    monkeypatch.setattr(processor, "usable_processors", lambda **_: 1)
    check = _check("processors")
    assert check.health is Health.WARNING
    assert "1 of " in check.detail
    assert "the control group grants 1.5, the engine takes 1" in check.detail


def test_threads_that_are_no_count_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIS_THREADS", "many")
    check = _check("processors")
    assert check.health is Health.FAILED
    assert "AIMIS_THREADS is 'many'" in check.detail


class _Memory:
    available = 1 << 36


@pytest.mark.parametrize(("limit", "health"), [(None, Health.OK), (1 << 34, Health.OK), (600 << 20, Health.WARNING)])
def test_memory_warns_where_the_control_group_grants_little(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, health: Health
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", _Memory)
    monkeypatch.setattr(processor, "memory_limit_bytes", lambda: limit)
    assert _check("memory").health is health


def test_no_reader_at_all_fails() -> None:
    checks = _diagnose(Found(manifests={}))
    assert checks["readers"].health is Health.FAILED
    assert "AIMIS_READERS_PATH" in checks["readers"].mend


def test_refused_folder_fails_with_the_reason() -> None:
    checks = _diagnose(_found(None, Refused(Path("/somewhere/heart"), "reader.toml: weights.sha256: ...")))
    assert checks["reader heart"].health is Health.FAILED
    assert checks["reader heart"].detail == "refused: reader.toml: weights.sha256: ..."


def test_network_that_cannot_be_opened_fails(tmp_path: Path) -> None:
    manifest = registry.check_folder(FIXTURE).model_copy(update={"folder": tmp_path})
    checks = _diagnose(_found(manifest))
    check = checks[f"network {tmp_path.name}"]
    assert check.health is Health.FAILED
    assert "not there" in check.detail


def test_damaged_texts_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: str) -> None:
        raise FileNotFoundError("zh.toml")

    monkeypatch.setattr(texts, "core_table", damaged)
    assert _check("texts zh").health is Health.FAILED


def test_fonts_that_lack_a_character_of_the_texts_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "core_table", lambda _: {"labels": {"cuneiform": "\U00012000"}})
    check = doctor._fonts()
    assert check.health is Health.WARNING
    assert "\U00012000" in check.detail


def test_fonts_that_are_missing_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: str) -> str:
        raise FileNotFoundError("font.ttf")

    monkeypatch.setattr(typeset, "drawable", missing)
    assert doctor._fonts().health is Health.FAILED
