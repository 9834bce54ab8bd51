"""Settings as they may be shown: names and values, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.net.redaction import redact

#: Names whose values are nobody's business, whatever they hold.
_SECRET = re.compile(r"(?i)(secret|token|passw|credential|api_?key|access_key|private|^key$|_key$|headers?$)")
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class RedactedSetting:
    name: str
    value: str
    #: There is a value, and it is kept from view.
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class SettingsSection:
    name: str
    rows: tuple[RedactedSetting, ...]


def sections(settings: Mapping[str, Any]) -> tuple[SettingsSection, ...]:
    """The sections in their order; what stands at the top comes first."""
    alone = tuple(_row(name, value) for name, value in settings.items() if not isinstance(value, Mapping))
    tables = tuple(
        SettingsSection(name=name, rows=tuple(_flat("", value)))
        for name, value in settings.items()
        if isinstance(value, Mapping)
    )
    return (*((SettingsSection(name="", rows=alone),) if alone else ()), *tables)


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[RedactedSetting]:
    for name, value in table.items():
        whole = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and not _SECRET.search(name):
            yield from _flat(f"{whole}.", value)
        else:
            yield _row(whole, value)


def _row(name: str, value: Any) -> RedactedSetting:
    last = name.rpartition(".")[2]
    # Paths of keys are no keys; their values are what matters, and those lie in files.
    is_file = isinstance(value, str) and last in {"key", "key_file", "tls_key"} and "/" in value
    if _SECRET.search(last) and not is_file and value not in (None, "", {}):
        return RedactedSetting(name=name, value="", hidden=True)
    if value is None or value in ({}, []):
        return RedactedSetting(name=name, value="")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return RedactedSetting(name=name, value=redact(text, longest=_LONGEST))
