"""What a process may use, on machines made of files."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import EngineError
from aimis.inference import processor

if TYPE_CHECKING:
    from pathlib import Path


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def _machine(root: Path, quota: str, *, group: str = "/") -> Path:
    return _write(root, {"proc/self/cgroup": f"0::{group}\n", f"sys/fs/cgroup{group}/cpu.max": quota})


def test_quota_is_none_where_no_control_group_is_told(tmp_path: Path) -> None:
    assert processor.processor_quota(root=tmp_path) is None
    assert processor.memory_limit_bytes(root=tmp_path) is None


@pytest.mark.parametrize(
    ("text", "quota"),
    [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), ("5 0\n", None), ("much\n", None)],
)
def test_quota_is_read_from_cgroup_v2(tmp_path: Path, text: str, quota: float | None) -> None:
    assert processor.processor_quota(root=_machine(tmp_path, text)) == quota


def test_quota_is_the_tightest_of_the_groups_around_the_process(tmp_path: Path) -> None:
    _machine(tmp_path, "800000 100000", group="/outer/middle/inner")
    _write(tmp_path, {"sys/fs/cgroup/outer/middle/cpu.max": "max 100000"})
    _write(tmp_path, {"sys/fs/cgroup/outer/cpu.max": "300000 100000", "sys/fs/cgroup/beside/cpu.max": "100000 100000"})
    assert processor.processor_quota(root=tmp_path) == 3.0


def test_quota_is_found_at_the_mount_where_the_container_does_not_see_its_own_group(tmp_path: Path) -> None:
    _write(tmp_path, {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/cpu.max": "200000 100000"})
    assert processor.processor_quota(root=tmp_path) == 2.0


@pytest.mark.parametrize(("granted", "quota"), [("250000", 2.5), ("-1", None), ("0", None)])
def test_quota_is_read_from_cgroup_v1(tmp_path: Path, granted: str, quota: float | None) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/job/"
    _write(tmp_path, {"proc/self/cgroup": "3:cpu,cpuacct:/job\n2:name=systemd:/\n"})
    _write(tmp_path, {f"{folder}cpu.cfs_quota_us": granted, f"{folder}cpu.cfs_period_us": "100000"})
    assert processor.processor_quota(root=tmp_path) == quota


def test_memory_limit_is_the_tightest_and_no_limit_counts_as_none(tmp_path: Path) -> None:
    _write(tmp_path, {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"})
    assert processor.memory_limit_bytes(root=tmp_path) is None
    _write(tmp_path, {"sys/fs/cgroup/a/memory.max": "4096\n", "sys/fs/cgroup/memory.limit_in_bytes": f"{1 << 63}\n"})
    assert processor.memory_limit_bytes(root=tmp_path) == 4096


@given(quota=st.floats(0.1, 64), affinity=st.integers(1, 64))
def test_usable_processors_keep_within_affinity_and_quota(
    tmp_path_factory: pytest.TempPathFactory, quota: float, affinity: int
) -> None:
    root = _machine(tmp_path_factory.mktemp("machine"), f"{int(quota * 100_000)} 100000")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)))
        usable = processor.usable_processors(root=root)
    assert 1 <= usable <= affinity
    assert usable <= max(1, quota)
    assert usable in {affinity, max(1, int(quota))}


@given(wanted=st.integers(0, 200), variable=st.integers(1, 200), affinity=st.integers(1, 64))
def test_threads_never_exceed_what_is_usable_and_the_caller_wins_over_the_environment(
    wanted: int, variable: int, affinity: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor, "usable_processors", lambda **_: affinity)
        patch.setenv(processor.THREADS_VARIABLE, str(variable))
        assert processor.threads_to_use(wanted) == min(wanted or variable, affinity)
        patch.delenv(processor.THREADS_VARIABLE)
        assert processor.threads_to_use(wanted) == min(wanted or affinity, affinity)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_threads_of_the_environment_that_are_no_count_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(processor.THREADS_VARIABLE, text)
    with pytest.raises(EngineError, match=r"AIMIS_THREADS is .*give a whole number"):
        processor.threads_to_use()


def test_threads_below_none_are_refused() -> None:
    with pytest.raises(EngineError, match="-1 threads"):
        processor.threads_to_use(-1)


@pytest.mark.parametrize(
    ("cpuinfo", "capabilities", "native"),
    [
        ("flags : fpu avx512f avx512_bf16\n", ("BF16", "FP32"), True),
        ("flags : fpu amx_bf16\n", ("BF16",), True),
        ("flags : fpu avx512f\n", ("BF16", "FP32"), False),  # emulated: slower than f32
        ("flags : fpu avx512_bf16\n", ("FP32",), False),
        (None, ("BF16",), True),
        (None, ("FP32",), False),
    ],
)
def test_bf16_is_native_where_engine_and_processor_say_so(
    tmp_path: Path, cpuinfo: str | None, capabilities: tuple[str, ...], native: bool
) -> None:
    if cpuinfo is not None:
        _write(tmp_path, {"proc/cpuinfo": f"processor : 0\n{cpuinfo}"})
    assert processor.has_native_bf16(capabilities, root=tmp_path) is native


@pytest.mark.parametrize(
    ("cpuinfo", "integers"),
    [
        ("flags : fpu avx512f avx512_vnni\n", True),
        ("flags : fpu avx2 avx_vnni\n", True),
        ("Features : fp asimd asimddp\n", True),
        ("flags : fpu avx2 avx512f\n", False),
        (None, False),
    ],
)
def test_integers_are_multiplied_where_the_processor_says_so(
    tmp_path: Path, cpuinfo: str | None, integers: bool
) -> None:
    if cpuinfo is not None:
        _write(tmp_path, {"proc/cpuinfo": f"processor : 0\n{cpuinfo}"})
    assert processor.multiplies_integers(root=tmp_path) is integers


def test_cuda_devices_are_none_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert processor.cuda_devices() == 0
