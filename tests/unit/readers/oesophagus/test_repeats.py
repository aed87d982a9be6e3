"""Repeats are known again, another view is not taken for one."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.readers.oesophagus import repeats
from tests.fakes import scopes


@cache
def view(seed: int, light: float = 1.0, shift: int = 0) -> repeats.Descriptor:
    rgb = np.roll((scopes.mucosa(144, 144, seed=seed) * light).astype(np.uint8), shift, axis=1)
    patch = np.random.default_rng(seed).integers(20, 120, 2).tolist()
    cv2.circle(rgb, (patch[0] + shift, patch[1]), 30, (90, 20, 20), -1)
    return repeats.descriptor(rgb)


def test_coding_noise_leaves_a_frozen_frame_frozen() -> None:
    rgb = scopes.mucosa(288, 288)
    noisy = np.clip(rgb + np.random.default_rng(0).normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)
    assert repeats.frozen(repeats.descriptor(rgb), repeats.descriptor(noisy))
    assert not repeats.frozen(view(1), view(1, shift=6))


def test_same_view_is_alike_in_another_light_and_another_view_is_not() -> None:
    assert repeats.alike(view(1), view(1, light=0.7))
    assert repeats.alike(view(1), view(1, shift=2))
    assert not repeats.alike(view(1), view(2))


@given(st.permutations([0, 1, 2, 3, 4, 5]))
@settings(max_examples=15, deadline=None)
def test_groups_do_not_depend_on_the_order(order: list[int]) -> None:
    views = [view(1), view(2), view(1, light=0.8), view(3), view(2, shift=2), view(1, shift=2)]
    grouped = {frozenset(order[i] for i in group) for group in repeats.groups([views[i] for i in order])}
    assert grouped == {frozenset({0, 2, 5}), frozenset({1, 4}), frozenset({3})}


def test_no_frames_make_no_groups() -> None:
    assert repeats.groups([]) == ()
