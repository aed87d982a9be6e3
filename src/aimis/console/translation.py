"""The program's help in another language than the code's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "text"
HELP_OPTION = "--help"


def translate_help(command: Any, language: str) -> None:
    """Put every command's and option's help into a language, in place; what it has no words for stays.

    command : as Typer made it; its own types are private
    """
    table = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8")).get("help", {})
    _translate(command, "aimis", table)


def _translate(command: Any, name: str, table: Mapping[str, str]) -> None:
    command.help = table.get(name, command.help)
    for parameter in command.params:
        parameter.help = table.get(f"{name} {label_of(parameter)}", parameter.help)
    make_help_option = command.get_help_option

    def help_option(context: Any) -> Any:
        option = make_help_option(context)
        if option is not None:
            option.help = table.get(HELP_OPTION, option.help)
        return option

    command.get_help_option = help_option
    for inner, found in getattr(command, "commands", {}).items():
        _translate(found, f"{name} {inner}", table)


def label_of(parameter: Any) -> str:
    """What a parameter is called in the help: `--jobs`, or `PATH` of an argument."""
    long = [option for option in parameter.opts if option.startswith("--")]
    return str(long[0] if long else parameter.metavar or parameter.name)
