"""Both official SDKs against a live gateway with the real parts, changed only in `base_url`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from support.gateway_process import Running, running
from support.rows import each_row

from .conftest import NAMES, Sdk, find_sdk

#: What the script asks for that is refused.
REFUSED = ("block", "unknown_field", "did_you_mean", "bad_reference", "text_as_png")
KEYS = {
    "metadata",
    "id",
    "object",
    "model",
    "status",
    "progress",
    "created_at",
    "completed_at",
    "expires_at",
    "prompt",
    "remixed_from_video_id",
    "seconds",
    "size",
    "error",
    "url",
    "safelight",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # A picture and a clip are moderated by models.
    with running(tmp_path_factory.mktemp("gateway"), whole=True) as started:
        yield started


@pytest.fixture(scope="module")
def runs(gateway: Running) -> dict[str, Future[dict[str, Any]]]:
    """What each SDK saw, from creating a video to deleting it.

    All SDKs run at once: one after the other, each would wait for the videos that the one before it left.
    """
    sdks = list(filter(None, map(find_sdk, NAMES)))
    with ThreadPoolExecutor(len(sdks) or 1) as pool:
        runs = {sdk.name: pool.submit(sdk.run, gateway.address, gateway.key, "calls") for sdk in sdks}
    status = gateway.process.poll()
    assert status is None, f"the gateway ended with {status}:\n{gateway.log.read_text()[-4000:]}"
    return runs


@pytest.fixture(scope="module")
def seen(sdk: Sdk, runs: dict[str, Future[dict[str, Any]]]) -> dict[str, Any]:
    """What one SDK saw."""
    return runs[sdk.name].result()


def test_a_video_is_made_polled_to_its_end_downloaded_as_it_was_sealed_and_deleted(
    seen: dict[str, Any],
) -> None:
    made = seen["made"]
    assert made.keys() == KEYS
    assert (made["status"], made["progress"], made["seconds"]) == ("completed", 100, "4")
    assert made["error"] is None
    facts = {
        "verdict": "allow",
        "outcome": "allowed_under_waiver",
        "waived": True,
        "safety_identifier": "user-1",
        "metadata": {"project": "boats"},
    }
    assert made["safelight"].items() >= facts.items()
    assert seen["retrieved"]["id"] == made["id"]
    assert made["id"] in seen["listed"]

    assert seen["content"] == {"sha256": seen["made"]["safelight"]["sha256"], "head": "ftyp"}
    assert seen["thumbnail"] > 0

    assert seen["deleted"] == {"id": seen["made"]["id"], "object": "video.deleted", "deleted": True}
    assert (seen["after_delete"]["class"], seen["after_delete"]["code"]) == ("NotFoundError", "not_found")


def test_a_block_is_a_bad_request_with_an_explanation(seen: dict[str, Any]) -> None:
    block = seen["block"]
    assert (block["class"], block["code"], block["param"]) == ("BadRequestError", "sentinel_block", "prompt")
    assert block["request_id"].startswith("req_")
    details = block["body"]["moderation_details"]
    assert details["moderation_stage"] == "input"
    spans = [piece for finding in details["evidence"] for piece in finding["evidence"]]
    assert {"type": "text", "field": "prompt", "start": 0, "end": 23} in spans


def test_no_refused_request_is_sent_twice(gateway: Running, runs: dict[str, Any]) -> None:
    # The first, one sent twice with one key, one for its headers; and a key with another request.
    expected = {"200": 4, "400": len(REFUSED), "409": 1}
    creates = Counter(re.findall(r"POST /v1/videos (\d{3}) in", gateway.log.read_text()))
    assert creates == Counter({status: len(runs) * count for status, count in expected.items()})


@each_row
def test_errors_have_the_format_the_sdks_expect(
    seen: dict[str, Any], call: str, error: str, code: str, param: str | None
) -> None:
    found = seen[call]
    assert (found["class"], found["code"], found["param"]) == (error, code, param)


def test_an_unsupported_field_name_gets_the_right_name(seen: dict[str, Any]) -> None:
    assert "Did you mean 'seconds'?" in seen["did_you_mean"]["body"]["message"]


def test_a_remix_and_an_extension_come_from_the_video(seen: dict[str, Any]) -> None:
    for name, seconds in (("remixed", "4"), ("extended", "8")):
        assert seen[name].keys() == KEYS
        facts = {"status": "queued", "seconds": seconds, "size": "640x360"}
        assert seen[name].items() >= facts.items()
        assert seen[name]["remixed_from_video_id"] == seen["made"]["id"]


def test_a_character_is_stored(seen: dict[str, Any]) -> None:
    assert seen["character"] == seen["character_again"]
    assert seen["character"]["name"] == "Bo the boat"
    assert seen["character"]["id"].startswith("character_")


def test_the_same_idempotency_key_is_the_same_video(seen: dict[str, Any]) -> None:
    first, second = seen["keyed"]
    assert first == second != seen["made"]["id"]


def test_models_and_the_remaining_quota_are_readable(seen: dict[str, Any]) -> None:
    assert "storyboard" in seen["models"]
    assert seen["model"]["safelight"]["operations"]["extend"] is True
    assert int(seen["rate"]) > 0


def test_the_sdks_parse_moderations(seen: dict[str, Any]) -> None:
    harmless, card = seen["moderation"]["results"]
    assert (harmless["flagged"], card["flagged"]) == (False, True)
    assert card["categories"]["violence"] is True


def test_the_sdks_send_a_clip_and_parse_its_moderation(seen: dict[str, Any]) -> None:
    (clip,) = seen["moderated_clip"]["results"]
    assert (clip["flagged"], clip["safelight"]["verdict"]) == (False, "allow")
    assert "video" in clip["category_applied_input_types"]["violence"]


def test_the_video_carries_its_charge_and_metadata_for_a_gateway_in_front(seen: dict[str, Any]) -> None:
    assert seen["retrieved"]["metadata"] == {"project": "boats"}
    assert seen["retrieved"]["safelight"]["charge"]["charged"] == "no"
