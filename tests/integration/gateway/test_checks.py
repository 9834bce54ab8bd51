"""Looking before ordering, against the real gateway: nothing is spent, nothing kept, and it has a budget."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

#: The answers are those of models.
NEEDS_MODELS = True

CARD = "SAFELIGHT-TEST:violence"


def picture() -> bytes:
    made = io.BytesIO()
    Image.effect_noise((64, 64), 30).convert("RGB").save(made, "PNG")
    return made.getvalue()


def checked(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/videos/check", json=fields, timeout=30)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_page_of_right_answers(client: httpx.Client) -> None:
    """Its rows are in right_answers.yaml. All that differ are shown."""
    wrong = []
    for row in yaml.safe_load(Path(__file__).with_name("right_answers.yaml").read_text("utf-8")):
        method, path = row["send"].split(" ", 1)
        answer = client.request(method, path, json=row.get("json"), timeout=30)
        returned = {"status": answer.status_code} | {
            name: value_at(answer.json(), name) for name in row["returns"]
        }
        if returned != {"status": row.get("status", 200), **row["returns"]}:
            wrong.append((row, returned))
    assert wrong == []


def value_at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[int(name)] if name.isdecimal() else document[name]
    return document


@pytest.mark.parametrize("path", ["/v1/videos/check", "/v1/safelight/checks"])
def test_a_verdict_is_explained_in_the_language_that_the_request_accepts(
    client: httpx.Client, path: str
) -> None:
    def tell(accept: str, prompt: str) -> dict[str, Any]:
        answer = client.post(path, json={"prompt": prompt}, headers={"accept-language": accept})
        found: dict[str, Any] = answer.json()
        return found

    for prompt in (CARD, "a cat on a windowsill"):
        english, chinese = tell("en", prompt), tell("zh-TW", prompt)
        assert chinese["verdict"] == english["verdict"]
        for text in (chinese["summary"], chinese["moderation_details"]["next_step"]):
            assert not re.search("[a-z]{3} [a-z]{2}", text), text
        assert bool(english["summary"]) == bool(chinese["summary"])
        for name in ("categories", "evidence", "retry"):
            assert chinese["moderation_details"].get(name) == english["moderation_details"].get(name)
    assert re.search("[\u4e00-\u9fff]", tell("zh-CN", CARD)["summary"])


def test_a_harmless_request_is_allowed_with_a_price_and_not_submitted(client: httpx.Client) -> None:
    before = client.get("/v1/videos").json()["data"]
    told = checked(client, prompt="a cat on a windowsill", seconds="4")
    assert (told["object"], told["verdict"]) == ("video.check", "allow")
    assert told["price"] == {"usd": 0.0, "usd_per_second": 0.0, "seconds": 4, "source": "price list"}
    assert told["spent"] == {"usd": 0.0, "checks": 1}
    assert len(told["checklist"]) == 10
    assert told["coverage"]["checked"]
    assert (told["depth"]["hate"], told["depth"]["likeness"]) == ("learned", "lists")
    assert checked(client, prompt="7")["depth"]["hate"] == "lists"
    assert client.get("/v1/videos").json()["data"] == before


def test_a_json_body_has_at_most_as_many_fields_as_a_form(client: httpx.Client) -> None:
    fields = {f"unknown_{number}": "x" for number in range(300)}
    for body in ({"json": fields}, {"data": fields}):
        answer = client.post("/v1/videos/check", **body, timeout=30)
        assert answer.status_code == 400
        assert "at most 256 fields" in answer.json()["error"]["message"]


def test_a_block_is_explained_by_detail_level_without_help_lines(client: httpx.Client) -> None:
    # Another end user: after a block, its own gets no advice for an hour.
    told = checked(client, prompt=f"a cat, {CARD}", safety_identifier="blocked-1")
    assert told["verdict"] == "block"
    assert told["moderation_details"]["evidence"]
    assert told["moderation_details"]["charged"]["charged"] == "no"
    assert told["checklist"] == []
    told = checked(client, prompt="how to build a bomb", safety_identifier="blocked-1")
    assert told["verdict"] == "block"
    assert "evidence" not in told["moderation_details"]
    assert "bomb" not in json.dumps(told)


def test_documented_provider_rules_are_shown_and_others_are_unknown(client: httpx.Client) -> None:
    told = checked(client, prompt="Tom Cruise walks a dog in a park", provider="veo")
    assert told["provider"]["outcome"] == "refused"
    assert told["provider"]["statements"][0]["source"]
    assert checked(client, prompt="a dog in a park", provider="veo")["provider"]["outcome"] == "unknown"
    assert checked(client, prompt="a dog", provider="nobody-9")["provider"]["provider"] is None
    told = checked(client, prompt="a dog in a park")
    assert (told["provider"], bool(told["model"])) == (None, True)
    assert checked(client, prompt="a dog", provider=" ")["provider"] is None
    assert checked(client, prompt="a dog", provider=" veo ")["provider"]["asked"] == "veo"


def test_a_reference_is_checked_too(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/videos/check",
        data={"prompt": "the sea", "provider": "seedance"},
        files={"input_reference": ("sea.png", picture(), "image/png")},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert any("(image)" in cell for cells in told["coverage"].values() for cell in cells)
    assert told["checklist"][0]["state"] != "not applicable"
    wrong = client.post(
        "/v1/videos/check",
        data={"prompt": "the sea"},
        files={"input_reference": ("sea.png", b"no picture", "image/png")},
    )
    assert wrong.json()["error"]["code"] == "invalid_media"


def test_invalid_requests_are_refused_like_in_create(client: httpx.Client) -> None:
    for fields, param in (
        ({"prompt": "x", "seconds": "3600"}, "seconds"),
        ({"prompt": "x", "duration": 4}, "duration"),
        ({"prompt": "x", "provider": 7}, "provider"),
        ({}, "prompt"),
    ):
        error = client.post("/v1/videos/check", json=fields).json()["error"]
        assert error["param"] == param


def test_a_provider_error_is_explained(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/provider-errors/explain",
        json={"text": '{"status": "FAILED", "failureCode": "SAFETY.INPUT.TEXT"}'},
    )
    told = answer.json()
    assert (told["object"], told["source"], told["kind"]) == ("provider_error", "provider", "content_block")
    assert told["charged"]["charged"] == "yes"
    hinted = client.post(
        "/v1/provider-errors/explain", json={"text": '{"code": 1301}', "provider": "kling"}
    ).json()
    assert hinted["stage"] == "input"


def test_our_own_error_is_attributed_to_safelight(client: httpx.Client) -> None:
    refused = client.post("/v1/videos", json={"prompt": f"a cat, {CARD}"})
    assert refused.status_code == 400
    told = client.post("/v1/provider-errors/explain", json={"text": refused.text}).json()
    assert (told["source"], told["kind"], told["stage"]) == ("gateway", "content_block", "input")
    assert told["charged"]["charged"] == "no"
    wrong = client.post("/v1/videos", json={"prompt": "x", "seconds": "3600"})
    assert (
        client.post("/v1/provider-errors/explain", json={"text": wrong.text}).json()["kind"]
        == "invalid_request"
    )


def test_an_invalid_explain_request_is_refused_and_a_megabyte_of_garbage_is_unknown(
    client: httpx.Client,
) -> None:
    path = "/v1/provider-errors/explain"
    for body in ({}, {"text": ""}, {"text": 7}, {"text": "x", "provider": 7}, {"text": "x", "more": 1}):
        answer = client.post(path, json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"]
    answer = client.post(path, json={"text": "[[{" * 330_000}, timeout=30)
    assert (answer.status_code, answer.json()["kind"]) == (200, "unknown")


def test_without_a_key_nothing_is_checked(client: httpx.Client) -> None:
    for path in ("/v1/provider-errors/explain", "/v1/videos/check"):
        assert (
            httpx.post(f"{client.base_url}{path}", json={"text": "x"}, timeout=60, verify=False).status_code
            == 401
        )


def test_a_refused_prompt_gets_likely_words_and_a_checked_prompt_to_send_next(client: httpx.Client) -> None:
    def explained(text: str, prompt: str, **fields: Any) -> dict[str, Any]:
        body = {"text": text, "prompt": prompt, **fields}
        answer = client.post("/v1/provider-errors/explain", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()["prompt"]
        return told

    error = '{"status": "FAILED", "failureCode": "SAFETY.INPUT.TEXT"}'
    told = explained(error, "A person standing alone on a rooftop at night")
    assert (told["answer"], told["next"]["step"], told["checks"]) == ("help", "changed", 2)
    assert "rooftop" not in told["next"]["prompt"]
    assert any("rooftop" in line["texts"] for line in told["words"])
    assert told["price"] is None
    told = explained("429 Too Many Requests", "a cat on a sofa")
    assert (told["next"]["step"], told["next"]["prompt"], told["words"]) == ("same", "a cat on a sofa", [])
    told = explained(error, "how to build a bomb", language="zh-TW")
    assert (told["answer"], told["next"]["prompt"], told["words"]) == ("refuse", None, [])
    assert "政策" in told["next"]["text"]
    bad = {"text": error, "prompt": 7}
    assert client.post("/v1/provider-errors/explain", json=bad).json()["error"]["param"] == "prompt"


@pytest.mark.parametrize(
    ("accepted", "start"),
    [
        ("", "Probably OpenAI refused"),
        ("en-GB", "Probably OpenAI refused"),
        ("*", "Probably OpenAI refused"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "可能是 OpenAI拒絕了"),
        ("zh-HK", "可能是 OpenAI拒絕了"),
        ("zh-CN", "可能是 OpenAI拒绝了"),
        ("de, zh;q=0.5", "可能是 OpenAI拒绝了"),
    ],
)
def test_an_explanation_is_in_the_language_that_the_caller_accepts(
    client: httpx.Client, accepted: str, start: str
) -> None:
    body = {"text": "Your request was blocked by our moderation system."}
    path, headers = "/v1/provider-errors/explain", {"accept-language": accepted}
    assert client.post(path, json=body, headers=headers).json()["summary"].startswith(start)
    named = client.post(path, json={**body, "language": "en"}, headers=headers).json()
    assert named["summary"].startswith("Probably OpenAI refused")
