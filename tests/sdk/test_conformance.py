"""Both official SDKs against a live gateway with the real parts, changed only in `base_url`."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from running import Running, running

SCRIPT = Path(__file__).with_name("conformance.py")
#: What the script asks for that is refused.
REFUSED = ("block", "unknown_field", "bad_reference", "text_as_png")
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
    "safelight",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.fixture(scope="module")
def seen(gateway: Running, openai_python: Path) -> dict[str, Any]:
    """What one SDK saw, from creating a video to deleting it."""
    before = creates(gateway)
    done = subprocess.run(
        [openai_python, SCRIPT, f"{gateway.address}/v1", gateway.key],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "creates": creates(gateway) - before}


def creates(gateway: Running) -> Counter[str]:
    """How many creates the gateway has answered, by status."""
    return Counter(re.findall(r"POST /v1/videos (\d{3}) in", gateway.log.read_text()))


def test_a_video_is_made_and_polled_to_its_end(seen: dict[str, Any]) -> None:
    made = seen["made"]
    assert made.keys() == KEYS
    assert (made["status"], made["progress"], made["seconds"]) == ("completed", 100, "4")
    assert made["error"] is None
    assert made["safelight"]["verdict"] == "allow"
    assert made["safelight"]["waived"] is True
    assert made["safelight"]["safety_identifier"] == "user-1"
    assert made["safelight"]["metadata"] == {"project": "boats"}
    assert seen["retrieved"]["id"] == made["id"]
    assert made["id"] in seen["listed"]


def test_the_file_is_the_sealed_one(seen: dict[str, Any]) -> None:
    assert seen["content"] == {"sha256": seen["made"]["safelight"]["sha256"], "head": "ftyp"}
    assert seen["thumbnail"] > 0


def test_a_deleted_video_is_gone(seen: dict[str, Any]) -> None:
    assert seen["deleted"] == {"id": seen["made"]["id"], "object": "video.deleted", "deleted": True}
    assert (seen["after_delete"]["class"], seen["after_delete"]["code"]) == ("NotFoundError", "not_found")


def test_a_block_is_a_bad_request_that_explains_itself(seen: dict[str, Any]) -> None:
    block = seen["block"]
    assert (block["class"], block["code"], block["param"]) == ("BadRequestError", "sentinel_block", "prompt")
    assert block["request_id"].startswith("req_")
    details = block["body"]["moderation_details"]
    assert details["moderation_stage"] == "input"
    spans = [piece for finding in details["evidence"] for piece in finding["evidence"]]
    assert {"type": "text", "field": "prompt", "start": 0, "end": 23} in spans


def test_nothing_refused_is_sent_twice(seen: dict[str, Any]) -> None:
    assert seen["creates"] == {"200": 1, "400": len(REFUSED)}


@pytest.mark.parametrize(
    ("call", "error", "code", "param"),
    [
        ("unknown_field", "BadRequestError", "unsupported_field", "no_such_field"),
        ("bad_reference", "BadRequestError", "invalid_media", "input_reference[image_url]"),
        ("text_as_png", "BadRequestError", "invalid_media", "input_reference"),
        ("stranger", "AuthenticationError", "invalid_api_key", None),
    ],
)
def test_what_is_wrong_is_told_as_the_sdks_expect(
    seen: dict[str, Any], call: str, error: str, code: str, param: str | None
) -> None:
    found = seen[call]
    assert (found["class"], found["code"], found["param"]) == (error, code, param)
