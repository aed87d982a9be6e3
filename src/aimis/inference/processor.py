"""What the machine and its container let this process use: processors, their bf16, memory, CUDA devices."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aimis.domain.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS_VARIABLE = "AIMIS_THREADS"
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
INTEGER_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})

_ROOT = Path("/")


def threads_to_use(wanted: int = 0, *, root: Path = _ROOT) -> int:
    """Threads for one process: `wanted`, else AIMIS_THREADS, else all; never more than the process may use."""
    usable = usable_processors(root=root)
    if wanted < 0:
        raise EngineError(f"{wanted} threads were asked for; give a whole number from 1, or 0 for as many as there are")
    return min(wanted or _threads_of_environment() or usable, usable)


def usable_processors(*, root: Path = _ROOT) -> int:
    """Processors this process may run on at once: its affinity and its control groups' quota, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = processor_quota(root=root)
    return affinity if quota is None else max(1, min(affinity, math.floor(quota)))


def processor_quota(*, root: Path = _ROOT) -> float | None:
    """Processors' worth of time a second that the tightest control group grants (Linux cgroup v1 and v2), or None."""
    grants = [_quota(folder) for folder in _control_groups(root)]
    return min((grant for grant in grants if grant is not None), default=None)


def memory_limit_bytes(*, root: Path = _ROOT) -> int | None:
    """What the tightest control group grants, or None where none is set."""
    limits = [_number(f / name) for f in _control_groups(root) for name in ("memory.max", "memory.limit_in_bytes")]
    return min((limit for limit in limits if limit is not None and 0 < limit < 1 << 60), default=None)


def processor_flags(*, root: Path = _ROOT) -> frozenset[str] | None:
    """Instruction sets as Linux names them, or None where the system does not say."""
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    flags = [line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))]
    return frozenset(flags[0]) if flags else None


def multiplies_integers(*, root: Path = _ROOT) -> bool:
    """Whether it sums products of eight-bit integers in 32 bits; not assumed where the system does not say."""
    return bool(INTEGER_FLAGS & (processor_flags(root=root) or frozenset()))


def has_native_bf16(capabilities: tuple[str, ...], *, root: Path = _ROOT) -> bool:
    """Whether bf16 is computed, not emulated: the engine offers it and, where known, the processor has it.

    capabilities : OpenVINO's OPTIMIZATION_CAPABILITIES of the processor
    """
    flags = processor_flags(root=root)
    return "BF16" in capabilities and (flags is None or bool(BF16_FLAGS & flags))


def cuda_devices() -> int:
    """CUDA devices the driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def _threads_of_environment() -> int:
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        return 0
    if not text.isdecimal() or int(text) == 0:
        raise EngineError(f"{THREADS_VARIABLE} is {text!r}; give a whole number from 1, or leave it unset")
    return int(text)


def _control_groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control groups and of those around them."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        controllers, _, group = line.partition(":")[2].partition(":")
        mount = root / "sys/fs/cgroup"
        base = mount / controllers.removeprefix("name=") if controllers else mount
        folder = base.joinpath(*(part for part in group.split("/") if part not in ("", "..")))
        yield from (folder, *(parent for parent in folder.parents if parent.is_relative_to(base)))


def _quota(folder: Path) -> float | None:
    try:
        granted, _, period = (folder / "cpu.max").read_text(encoding="ascii").partition(" ")
        return None if granted == "max" else float(granted) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    granted_us, period_us = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return granted_us / period_us if granted_us and granted_us > 0 and period_us else None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
