"""The settings in force for the settings page, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from safelight.net.redaction import redact

#: Names of secret settings; their values are never shown.
_SECRET_NAME = re.compile(
    r"(?i)(secret|token|passw|credential|api_?key|access_key|private|^key$|_key$|headers?$)"
)
_MAX_VALUE_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class RedactedSetting:
    name: str
    value: str
    #: Replaces the value of a secret setting that is set.
    hidden: bool = False
    #: `file`, `environment` or `command_line`; empty for a default.
    source: str = ""
    #: The environment variable that sets it.
    variable: str = ""


@dataclass(frozen=True, kw_only=True)
class SettingsSection:
    name: str
    rows: tuple[RedactedSetting, ...]


def redact_settings(settings: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[SettingsSection, ...]:
    """The settings by section, with the source of each. Settings outside a section come first."""
    top_level = tuple(
        _with_source("", _redact_setting(name, value), sources)
        for name, value in settings.items()
        if not isinstance(value, Mapping)
    )
    sections = tuple(
        SettingsSection(
            name=name, rows=tuple(_with_source(f"{name}.", row, sources) for row in _flatten("", value))
        )
        for name, value in settings.items()
        if isinstance(value, Mapping)
    )
    return (*((SettingsSection(name="", rows=top_level),) if top_level else ()), *sections)


def _with_source(section: str, row: RedactedSetting, sources: Mapping[str, str]) -> RedactedSetting:
    full_name = f"{section}{row.name}"
    source = next((str(sources[name]) for name in _with_parents(full_name) if name in sources), "")
    return replace(row, source=source, variable=f"SAFELIGHT_{full_name.replace('.', '__').upper()}")


def _with_parents(name: str) -> Iterator[str]:
    """The name, and the names of the tables that contain it."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[RedactedSetting]:
    for name, value in table.items():
        full_name = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and not _SECRET_NAME.search(name):
            yield from _flatten(f"{full_name}.", value)
        else:
            yield _redact_setting(full_name, value)


def _redact_setting(name: str, value: Any) -> RedactedSetting:
    last_part = name.rpartition(".")[2]
    # A path to a key file is shown, because it is not secret.
    is_file = isinstance(value, str) and last_part in {"key", "key_file", "tls_key"} and "/" in value
    if _SECRET_NAME.search(last_part) and not is_file and value not in (None, "", {}):
        return RedactedSetting(name=name, value="", hidden=True)
    if value is None or value in ({}, []):
        return RedactedSetting(name=name, value="")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return RedactedSetting(name=name, value=redact(text, longest=_MAX_VALUE_CHARS))
