"""Where each setting gets its value: the file, the environment or the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class SettingSource(StrEnum):
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command_line"


def find_sources(layers: Mapping[SettingSource, Mapping[str, Any]]) -> dict[str, SettingSource]:
    """The source of each value that a layer sets, by its dotted name. A later layer takes precedence.

    A setting without a source has its default.
    """
    return {name: source for source, layer in layers.items() for name in _leaves("", layer)}


def _leaves(prefix: str, table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}"
