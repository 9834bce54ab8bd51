"""The answers that docs/from-the-sora-api.md prints are those a gateway gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.gateway_process import Running, running
from support.rows import each_row

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "from-the-sora-api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


def ordered(gateway: Running, **fields: str) -> dict[str, Any]:
    answer = httpx.post(
        f"{gateway.address}/v1/videos",
        headers={"authorization": f"Bearer {gateway.key}"},
        json={"prompt": "a tram at dusk", **fields},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 400
    error: dict[str, Any] = answer.json()["error"]
    return error


@each_row
def test_the_printed_errors_are_returned(gateway: Running, name: str, fields: dict[str, str]) -> None:
    found = re.search(rf"^```json {name}\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None
    printed = json.loads(found[1])["error"]
    given = ordered(gateway, **fields)
    for error in (printed, given):
        error.get("safelight", {}).pop("request_id", None)
    assert {key: given[key] for key in printed} == printed


@pytest.mark.parametrize(
    ("sent", "meant"), re.findall(r"^\| `(\w+)` \| `(\w+)` \| Did you mean", PAGE, re.M) or [("", "")]
)
def test_an_unsupported_field_name_gets_the_right_name(gateway: Running, sent: str, meant: str) -> None:
    error = ordered(gateway, **{sent: "4"})
    assert (error["code"], error["param"]) == ("unsupported_field", sent)
    assert error["message"].endswith(f"Did you mean '{meant}'?")
