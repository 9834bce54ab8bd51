"""/openapi.json describes the actual behaviour of the gateway."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.web.api.openapi import SafelightAPI
from support.fake_api_server import Live

DOCUMENT = Path(__file__).parents[3] / "data" / "openapi.jsonl"


def test_the_document_has_statuses_and_keys_and_no_wildcards(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            statuses = set(operation["responses"])
            assert not statuses & {"4XX", "5XX", "422", "default"}
            if path.startswith("/v1/"):
                assert {"400", "401", "403", "500", "503"} <= statuses
                assert operation["security"] == [{"key": []}, {"session": []}]
            if "requestBody" in operation:
                assert {"408", "413", "415"} <= statuses
    assert document["components"]["securitySchemes"].keys() == {"key", "x-api-key", "session"}


def test_the_document_is_the_recorded_one(client: httpx.Client) -> None:
    """A line an operation or schema. To accept a change on purpose: SAFELIGHT_RECORD=1."""
    document = client.get("/openapi.json").json()
    parts = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    parts |= {
        f"{kind} {name}": entry
        for kind, entries in document["components"].items()
        for name, entry in entries.items()
    }
    lines = [json.dumps([name, parts[name]], ensure_ascii=False, sort_keys=True) for name in sorted(parts)]
    if os.environ.get("SAFELIGHT_RECORD"):
        DOCUMENT.write_text("\n".join(lines) + "\n", "utf-8")
    changed = set(lines) ^ set(DOCUMENT.read_text("utf-8").splitlines())
    assert {json.loads(line)[0] for line in changed} == set()


def test_the_conflicts_of_a_create_contain_a_key_whose_first_request_is_not_finished(
    client: httpx.Client,
) -> None:
    responses = client.get("/openapi.json").json()["paths"]["/v1/videos"]["post"]["responses"]
    assert "`idempotency_key_in_use`" in responses["409"]["description"]


def test_readiness_follows_the_service(client: httpx.Client, server: Live) -> None:
    assert client.get("/readyz").status_code == 200
    server.desk.ready = False
    assert client.get("/readyz").status_code == 503
    server.desk.ready = True


def test_a_wrong_method_gets_the_allowed_methods(client: httpx.Client) -> None:
    for path, methods in {"/v1/videos": "GET, POST", "/v1/videos/check": "POST"}.items():
        answer = client.put(path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == methods


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/videos"), ("GET", "/openapi.json")])
def test_the_document_is_not_built_on_the_event_loop(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    built, loops = SafelightAPI.openapi, []

    def watched(app: SafelightAPI) -> dict[str, Any]:
        loops.append(asyncio._get_running_loop())
        return built(app)

    monkeypatch.setattr(SafelightAPI, "openapi", watched)
    client.request(method, path)
    assert loops == [None]


@pytest.mark.parametrize("name", ["user", "safety_identifier", "model"])
@pytest.mark.parametrize("wrong", [0, []])
def test_a_moderation_refuses_fields_that_are_not_text(client: httpx.Client, name: str, wrong: Any) -> None:
    answer = client.post("/v1/moderations", json={"input": "a lighthouse", name: wrong})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
