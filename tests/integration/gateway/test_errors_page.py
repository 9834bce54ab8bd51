"""The answers in docs/blocked.md are those of the gateway."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "blocked.md"
_SAMPLE = re.compile(
    r"```http\n(?P<method>\S+) (?P<path>\S+)\n(?P<body>\{.*?\})\n```\n+```json\n(?P<answer>.*?)```", re.S
)
SAMPLES = [found.groupdict() for found in _SAMPLE.finditer(PAGE.read_text("utf-8"))]


def test_the_page_has_an_answer_to_compare() -> None:
    assert len(SAMPLES) == 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["path"]))
def test_an_answer_of_the_page_is_what_the_gateway_answers(
    client: httpx.Client, sample: dict[str, str]
) -> None:
    found = client.request(sample["method"], sample["path"], json=json.loads(sample["body"])).json()
    assert without_ids(found) == without_ids(json.loads(sample["answer"])), json.dumps(found, indent=2)


def without_ids(answer: dict[str, Any]) -> Any:
    """The answer with the random part of every id replaced."""
    return json.loads(re.sub(r"\b(video|req)_0[\w.]+", r"\1_0199...", json.dumps(answer)))
