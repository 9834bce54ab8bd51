"""Webhook messages are accepted only with a valid signature, and the example of a receiver uses one call."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import safelight_client as sc
from safelight.accounts import webhooks as signing

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python" / "webhook_fastapi.py"
SECRET, OTHER = signing.new_secret(), signing.new_secret()
BODY = b'{"object":"event","id":"evt_1","type":"video.completed","created_at":1,"data":{"id":"video_1"}}'
NOW = 1_763_632_800


def headers(secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    return signing.signed_headers([secret], "evt_1", at, BODY)


def test_a_signed_message_is_the_event() -> None:
    event = sc.verify_webhook(BODY, {k.title(): v for k, v in headers().items()}, SECRET, now=NOW)
    assert (event["type"], event["data"]["id"]) == ("video.completed", "video_1")


def test_either_secret_of_a_rotation_is_accepted() -> None:
    assert sc.verify_webhook(BODY, headers(OTHER), [SECRET, OTHER], now=NOW)["id"] == "evt_1"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (BODY + b" ", headers()),
        (BODY, headers(OTHER)),
        (BODY, headers(at=NOW - 301)),
        (BODY, headers(at=NOW + 301)),
        (BODY, {}),
        (BODY, {**headers(), "webhook-signature": "v1,"}),
    ],
)
def test_any_other_message_is_refused(body: bytes, sent: dict[str, str]) -> None:
    with pytest.raises(sc.SignatureInvalid):
        sc.verify_webhook(body, sent, SECRET, now=NOW)


def test_the_fastapi_example_accepts_signed_messages_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    spec = importlib.util.spec_from_file_location("webhook_fastapi", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client = TestClient(module.app)
    good = headers(at=int(time.time()))
    statuses = [client.post("/", content=BODY, headers=good).status_code for _ in range(2)]
    assert statuses == [204, 204]
    assert client.post("/", content=BODY + b" ", headers=good).status_code == 400
    assert capsys.readouterr().out == "video.completed video_1\n"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", [], "whsec_not base64"])
def test_a_secret_that_is_missing_or_too_short_is_an_error_of_the_program(secret: str | list[str]) -> None:
    """With an empty key anybody could sign."""
    with pytest.raises(ValueError, match="secret"):
        sc.verify_webhook(BODY, headers(), secret, now=NOW)


@pytest.mark.parametrize("stamp", ["9" * 5000, "9" * 400, "9" * 13])
def test_a_very_long_time_stamp_is_refused(stamp: str) -> None:
    with pytest.raises(sc.SignatureInvalid):
        sc.verify_webhook(BODY, {**headers(), "webhook-timestamp": stamp}, SECRET, now=NOW)
