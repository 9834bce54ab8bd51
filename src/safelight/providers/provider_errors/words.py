"""The words by which an error is read, from `words.yaml`."""

from __future__ import annotations

from functools import cache

import msgspec

from safelight.core import yaml_loader


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patterns and names; `words.yaml` describes each."""

    echoes: frozenset[str]
    messages: str
    output: str
    input: str
    references: dict[str, str]
    either_side: str
    advice: str
    parameters: str
    waits: tuple[str, ...]
    refunded: str
    unfinished: str
    quoted: str
    categories: dict[str, str]
    category_names: dict[str, str]
    category_fields: str
    reasons: str


@cache
def words() -> Words:
    content = yaml_loader.load_shipped(__package__, "words.yaml")
    for table in ("categories", "references"):
        content[table] = {name: alternation(given) for name, given in content[table].items()}
    lists = {"echoes", "waits"}
    content |= {
        name: alternation(given)
        for name, given in content.items()
        if isinstance(given, list) and name not in lists
    }
    return msgspec.convert(content, Words)


def alternation(pattern: str | list[str]) -> str:
    return pattern if isinstance(pattern, str) else "|".join(pattern)
