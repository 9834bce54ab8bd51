"""Bodies in the formats that providers document, each with what it means.

`answers.jsonl`: JSON bodies, with HTTP status and headers. The clients read the same file, and each row means
the same for all three (tests/client/test_explanations.py, tests/client/test_node_client.py); only the server
knows the `source`. `bodies/*.yaml`: what only the server reads, pasted text and bodies with a provider hint;
what is not expected by name is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.providers.provider_errors import ProviderError, decode, decode_body

BODIES = Path(__file__).parent / "bodies"
ANSWERS = [json.loads(line) for line in (BODIES.parent / "answers.jsonl").read_text("utf-8").splitlines()]
SPELLINGS = {
    "our gateway": "gateway",
    "network/infrastructure": "network",
    "infrastructure": "network",
    "content block": "content_block",
    "rate limit": "rate_limit",
    "quota/billing": "quota",
    "billing": "quota",
    "invalid request": "invalid_request",
    "yes": "yes",
    "no": "no",
}


def _cases() -> Iterator[Any]:
    for file in sorted(BODIES.glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load(file.read_text("utf-8")), 1):
            yield pytest.param(case, id=f"{file.stem}-{case.get('name', number)}")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    word = str(value if value is not None else "unknown").strip()
    return SPELLINGS.get(word, word)


def _hint(case: Mapping[str, Any]) -> str | None:
    for name in ("hint", "provider hint", "provider_hint", "provider"):
        if case.get(name):
            return str(case[name])
    return None


def answered(decoded: ProviderError, name: str) -> str:
    return str(getattr(decoded, name))


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_an_answer_has_its_meaning(row: Mapping[str, Any]) -> None:
    found = decode_body(row["body"], status=row.get("status"), headers=row.get("headers"))
    assert ({name: getattr(found, name) for name in row["means"]}, found.source) == (
        row["means"],
        row["source"],
    )


@pytest.mark.parametrize("case", list(_cases()))
def test_a_body_is_classified_as_documented(case: Mapping[str, Any]) -> None:
    body = case["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    decoded = decode(text, provider=_hint(case))
    expected = {name: _word(value) for name, value in case["expected"].items()}
    got = {name: answered(decoded, name) for name in expected}
    assert got == expected, f"{decoded.rule}: {decoded.summary}"


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_a_pasted_body_gives_the_same_result(row: Mapping[str, Any]) -> None:
    pasted, handed = decode(json.dumps(row["body"])), decode_body(row["body"])
    assert (handed.kind, handed.source, handed.rule) == (pasted.kind, pasted.source, pasted.rule)
