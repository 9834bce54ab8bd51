"""The meaning of errors of servers that do not state it: a table of documented codes and sentences.

`tests/client/error_rules.py` of the repository generates `error_rules.json` from the rules behind
`safelight explain-error`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_MAX_DEPTH = 6
_MAX_TEXT = 8000


@dataclass(frozen=True, kw_only=True)
class ErrorRule:
    """One row of the table: it matches if all its conditions match."""

    id: str
    kind: str
    stage: str
    charged: str
    retry: str
    fields: Mapping[str, str]
    text: str
    status: frozenset[int]

    def matches(self, status: int | None, pairs: list[tuple[str, str]], text: str) -> bool:
        if self.status and status not in self.status:
            return False
        for names, pattern in self.fields.items():
            wanted = frozenset(names.split("|"))
            values = [value for name, value in pairs if name in wanted]
            if not values or not any(_compiled(pattern).fullmatch(value) for value in values):
                return False
        return not self.text or _compiled(self.text).search(text) is not None


def find_rule(body: object, status: int | None) -> ErrorRule | None:
    """The first rule that matches the body of an error response or a failed video; None if none does."""
    pairs = list(_pairs(body, 0))
    text = "\n".join(value for name, value in pairs if name not in _REQUEST_FIELDS)[:_MAX_TEXT]
    return next((rule for rule in load_table()["rules"] if rule.matches(status, pairs, text)), None)


#: Fields that repeat the request. Their words are not those of the server.
_REQUEST_FIELDS = frozenset({"prompt", "negative_prompt", "input", "input_text"})


def _pairs(value: object, depth: int, name: str = "") -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(inner, depth + 1, str(key).lower())
    elif isinstance(value, list):
        for inner in value[:20]:
            yield from _pairs(inner, depth + 1, name)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif isinstance(value, str | int | float):
        yield name, str(value)


@cache
def load_table() -> dict[str, Any]:
    """The generated table: `rules`, the `statuses` of videos, and the kinds of Safelight's own `codes`."""
    table: dict[str, Any] = json.loads(Path(__file__).with_name("error_rules.json").read_text("utf-8"))
    table["rules"] = [
        ErrorRule(
            id=row["id"],
            kind=row["kind"],
            stage=row.get("stage", "unknown"),
            charged=row.get("charged", "unknown"),
            retry=row.get("retry", ""),
            fields=row.get("fields", {}),
            text=row.get("text", ""),
            status=frozenset(row.get("status", ())),
        )
        for row in table["rules"]
    ]
    return table


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
