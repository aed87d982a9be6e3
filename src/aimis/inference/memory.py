"""Engines without a network, for tests and for trying a reader's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class FunctionEngine:
    """Answers with a Python function of the inputs."""

    function: Callable[[Mapping[str, npt.NDArray[Any]]], dict[str, npt.NDArray[Any]]]
    name: str = "function"

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> dict[str, npt.NDArray[Any]]:
        """What the function answers."""
        return self.function(inputs)
