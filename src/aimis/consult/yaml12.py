"""YAML by the rules of its version 1.2 where they differ: `no` is a word, and a date is text."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):  # the C parser: 250 files must load within a second
    """YAML 1.2's booleans: true and false alone, so that an option may be called `no`; dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp" and not (tag == "tag:yaml.org,2002:bool" and first in "yYnNoO")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(content: bytes) -> Any:
    """What it holds; ValueError where it is no YAML."""
    try:
        return yaml.load(content, Loader=_Loader)  # noqa: S506, a safe loader with fewer types
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
