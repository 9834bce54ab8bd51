"""LiteLLM's Generic Guardrail API against the real gateway."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from safelight.accounts.check_limits import CheckLimits
from safelight.web.api.guardrail import GUARDRAIL_PATH
from support.gateway_process import Running

CARD = "SAFELIGHT-TEST:violence"


@pytest.fixture
def litellm(gateway: Running) -> Iterator[httpx.Client]:
    """A client that sends the key as LiteLLM does."""
    with httpx.Client(
        base_url=gateway.address, headers={"x-api-key": gateway.key}, timeout=60, verify=False
    ) as made:
        yield made


def picture() -> str:
    made = io.BytesIO()
    Image.effect_noise((64, 64), 30).convert("RGB").save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def asked(client: httpx.Client, *texts: str, **more: Any) -> httpx.Response:
    """The answer to what LiteLLM 1.106 sends for `POST /v1/videos`."""
    body = {
        "input_type": "request",
        "litellm_call_id": "call",
        "litellm_trace_id": "trace",
        "structured_messages": None,
        "images": None,
        "tools": None,
        "texts": list(texts),
        "request_data": {"user_api_key_hash": "88dc"},
        "request_headers": {"host": "127.0.0.1:4000", "authorization": "[present]"},
        "litellm_version": "1.106.2",
        "additional_provider_specific_params": {},
        "tool_calls": None,
        "model": "veo-3.1",
    }
    return client.post(GUARDRAIL_PATH, json=body | more)


def test_a_harmless_prompt_with_a_picture_goes_on(litellm: httpx.Client) -> None:
    assert asked(litellm, "a quiet lake at noon").json() == {"action": "NONE"}
    assert asked(litellm, "a quiet lake", images=[picture()]).json() == {"action": "NONE"}
    assert asked(litellm, images=[f"data:image/png;base64,{picture()}"]).json() == {"action": "NONE"}


def test_a_blocked_prompt_is_blocked_with_the_reason(litellm: httpx.Client) -> None:
    found = asked(litellm, "a quiet lake", CARD).json()
    assert found["action"] == "BLOCKED"
    assert found["blocked_reason"]


def test_a_picture_that_cannot_be_checked_is_an_error(litellm: httpx.Client) -> None:
    wrong = asked(litellm, "a lake", images=["aGVsbG8="])
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_media")
    private = asked(litellm, "a lake", images=["http://127.0.0.1:9/a.png"])
    assert private.json()["error"]["code"] == "forbidden_url"


def test_a_key_needs_the_scope_of_checks(gateway: Running, litellm: httpx.Client) -> None:
    assert asked(litellm, "a lake").status_code == 200
    for key, status in (("", 401), ("wrong", 401)):
        answer = litellm.post(GUARDRAIL_PATH, json={}, headers={"x-api-key": key})
        assert answer.status_code == status
    bearer = litellm.post(
        GUARDRAIL_PATH, json={}, headers={"x-api-key": "", "authorization": f"Bearer {gateway.key}"}
    )
    assert bearer.json()["error"]["param"] == "input_type"
    elsewhere = litellm.get("/v1/videos")
    assert elsewhere.status_code == 401


def test_each_request_counts_against_the_limit_of_the_end_user(litellm: httpx.Client) -> None:
    user = {"user_api_key_end_user_id": "ada"}
    limit = CheckLimits().per_end_user
    statuses = [asked(litellm, "a lake", request_data=user).status_code for _ in range(limit + 1)]
    assert statuses == [200] * limit + [429]
