"""The benchmarks' own way through the product goes with whatever readers there are."""

from __future__ import annotations

import pytest

from tests.benchmarks import measure, pictures

pytestmark = pytest.mark.integration


def test_a_photograph_is_read_by_every_reader_that_takes_stills() -> None:
    opened = measure.open_in_process()
    assert opened.one_eye(pictures.real_photograph()) > 0
    assert all(choice.takes_stills for choice in opened.chosen)
