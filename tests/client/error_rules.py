"""Writes the table of error rules of both clients from the rules of the server package.

Run it after a change of `safelight.providers.provider_errors`: python tests/client/error_rules.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.yaml_loader import load_shipped
from safelight.providers import provider_errors
from safelight.providers.provider_errors import categories, safelight
from safelight.providers.provider_errors.model import ErrorSource
from safelight.providers.provider_errors.registry import FIRST, LAST, SHAPED, load_rules, providers, relays
from safelight.providers.provider_errors.rules import ErrorRule, Provider
from safelight.providers.provider_errors.words import words
from safelight.providers.videos_api import statuses

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "clients" / "python" / "src" / "safelight_client" / "error_rules.json"
TEXTS = ROOT / "tests" / "unit" / "providers" / "provider_errors"


def table() -> dict[str, Any]:
    """The whole table."""
    sets = [("first", load_rules(FIRST)), *(("provider", one) for one in providers())]
    sets += [
        *(("relay", one) for one in relays()),
        ("shaped", load_rules(SHAPED)),
        ("last", load_rules(LAST)),
    ]
    assert [one for role, one in sets if role == "relay"] == [one for _, one in sets if one.relay]
    return {
        "statuses": {word: state.value for word, state in statuses.STATES.items()},
        "codes": {code: kind.value for code, kind in safelight._CODES.items()},
        "words": {**msgspec.to_builtins(words()), "echoes": sorted(words().echoes)},
        "categories": sorted({*(one.name for one in categories.SHIPPED), *categories._GROUPS}),
        "gravest": list(categories.GRAVEST),
        "products": [
            {name: row[name] for name in ("name", "words", "cased") if name in row}
            for row in load_shipped(provider_errors.__name__, "product_names.yaml")
        ],
        "sets": [dict(_set(role, one)) for role, one in sets],
    }


def _set(role: str, provider: Provider) -> Iterator[tuple[str, Any]]:
    yield "role", role
    if provider.name:
        yield "name", provider.name
    if provider.signs:
        yield "signs", provider.signs
    if provider.resells:
        yield "resells", True
    yield "rules", [dict(_rule(rule)) for rule in provider.rules]


def _rule(rule: ErrorRule) -> Iterator[tuple[str, Any]]:
    """What a client needs of a rule: not its sources and sentences."""
    values = msgspec.to_builtins(rule)
    values |= {"status": sorted(rule.status), "empty_lists": sorted(rule.empty_lists)}
    values |= {
        "by_relay": rule.error_source is ErrorSource.RELAY,
        "not_taken": rule.charge_source == "not taken",
    }
    names = ("id", "kind", "fields", "text", "status", "empty_lists", "anywhere", "by_relay")
    for name in (*names, "stage", "category", "charged", "not_taken", "retry", "after_s"):
        if values[name] and (name not in ("stage", "charged") or values[name] != "unknown"):
            yield name, values[name]


#: What Python and JavaScript read alike, with the meaning that `\b`, `\w` and `.` have in Python.
SHARED = re.compile(
    r"(?:\\[bdwWsSnrt^$\\.*+?()\[\]{}|/]|\((?:\?(?:[:=!]|<[=!]))?|\)|[*+?]\??|\{\d+(?:,\d*)?\}\??|[|.^]"
    r"|\[\^?(?:\\(?:[dwsSnrt^$\\.*+?()\[\]{}|/-]|u[0-9a-f]{4})|[^\\\]])+\]|[^\\()\[\]{}*+?|.^$])*"
)


def patterns() -> Iterator[str]:
    """All patterns of the table."""
    document = table()
    for words_ in document["words"], document["words"]["categories"]:
        yield from (text for name, text in words_.items() if isinstance(text, str))
    yield from document["words"]["waits"]
    yield from (row["words"] for row in document["products"])
    for one in document["sets"]:
        yield one.get("signs", "")
        for rule in one["rules"]:
            yield rule.get("text", "")
            yield from rule.get("fields", {}).values()


def read_answers() -> list[dict[str, Any]]:
    """Bodies of providers with what each means for the server and for both clients."""
    return [json.loads(line) for line in (TEXTS / "answers.jsonl").read_text("utf-8").splitlines()]


def read_texts() -> list[str]:
    """Error texts that users posted, and errors of other programs."""
    names = ("real-texts.jsonl", "unrelated-errors.jsonl")
    lines = (line for name in names for line in (TEXTS / "holdout" / name).read_text("utf-8").splitlines())
    return [json.loads(line)["text"] for line in lines]


def rendered() -> str:
    """The file's content: one rule per line."""
    document = table()
    for one in document["sets"]:
        one["rules"] = [f"\0{json.dumps(rule, ensure_ascii=False)}\0" for rule in one["rules"]]
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return re.sub(r'"\\u0000(.*?)\\u0000"', lambda match: json.loads(f'"{match[1]}"'), text) + "\n"


if __name__ == "__main__":
    TABLE.write_text(rendered(), encoding="utf-8")
