"""The gateway in front of a server that steers: a scripted one, and `packages/steer` over a tiny pipeline."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.providers.provider_errors import ErrorSource, ModerationStage, decode
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, running, safelight
from support.steer_server import steer_server

#: The brand is steered, the character is watched, and both are harmless.
STEERED = "a red ball beside a Coca-Cola bottle"
WATCHED = "Mickey Mouse kicks a red ball"
POLICY = """
policy: steered
extends: starter
steer:
  - {id: brand, category: ip/brand, away_from: violence/graphic, methods: [embedding, anchor], required: true}
  - {id: character, category: ip/character, away_from: violence/graphic, methods: watching, required: true}
"""


@contextmanager
def gateway_before(url: str, folder: Path, *, model: str, size: str, seconds: int) -> Iterator[Running]:
    (folder / "house.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "safelight.toml").write_text(
        f"""
        [policy]
        document = "{folder / "house.yaml"}"
        [generation]
        default_generator = "steer"
        [generators.steer]
        kind = "videos_api"
        profile = "safelight-steer"
        url = "{url}"
        models = ["{model}"]
        sizes = ["{size}"]
        seconds = [{seconds}]
        """,
        encoding="utf-8",
    )
    with running(folder) as gateway:
        yield gateway


@contextmanager
def asking(gateway: Running) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=60, verify=False) as client:
        yield client


def made(client: httpx.Client, prompt: str) -> dict[str, Any]:
    answer = client.post("/v1/videos", json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
    while True:
        video: dict[str, Any] = client.get(f"/v1/videos/{answer.json()['id']}").json()
        if video["status"] in {"completed", "failed"} or video["safelight"]["state"] == "held":
            return video
        time.sleep(0.1)


def assert_steered_and_stopped(gateway: Running) -> None:
    with asking(gateway) as client:
        video = made(client, STEERED)
        assert video["status"] == "completed", video
        done = video["safelight"]["generation"]
        assert (done["asked"], done["required"]) == (["embedding", "anchor"], ["embedding"])
        assert "embedding" in done["applied"]
        assert done["steps"] == done["steps_done"] > 0
        record = client.get(f"/v1/videos/{video['id']}/record").json()
        (stage,) = (one for one in record["stages"] if one["stage"] == "generation")
        assert stage["details"]["generation"] == done

        stopped = made(client, WATCHED)
        assert (stopped["status"], stopped["error"]["code"]) == ("failed", "moderation_blocked")
        details = stopped["error"]["moderation_details"]
        assert (details["stage"], details["rule"]) == ("generation", "watcher")
        assert details["charged"]["charged"] == "no"
        ended = stopped["safelight"]["generation"]
        assert ended["steps_done"] < ended["steps"]
        assert 0 < ended["saved_share"] < 1
        assert client.get(f"/v1/videos/{stopped['id']}/content").status_code != 200
        # A blurred preview is kept for the case, which the requester does not get.
        record = client.get(f"/v1/videos/{stopped['id']}/record").json()
        assert record["stages"][-1]["details"]["stopped_preview"] is True

        error = decode(json.dumps(stopped))
        assert (error.source, error.provider) == (ErrorSource.GATEWAY, "safelight")
        assert error.stage is ModerationStage.OUTPUT

        plain = made(client, "a red ball")
        assert plain["status"] == "completed"
        assert plain["safelight"]["generation"] is None

        refused = client.post("/v1/videos", json={"prompt": "a red ball", "steering": {"watch": False}})
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "steering"


def test_a_scripted_server_steers_and_its_watcher_stops(tmp_path: Path) -> None:
    scenario = {
        "steers": True,
        "models": ["scripted"],
        "orders": [{"when": WATCHED, "polls": 0, "ends": "stopped"}],
        "otherwise": {"polls": 0},
    }
    with (
        ScriptedUpstream(scenario) as upstream,
        gateway_before(upstream.url, tmp_path, model="scripted", size="720x1280", seconds=4) as gateway,
    ):
        assert_steered_and_stopped(gateway)
        doctor = safelight("doctor", "--upstream", upstream.url, "--json", folder=tmp_path)
        messages = " ".join(check["message"] for check in json.loads(doctor)["checks"])
        assert 'profile = "safelight-steer"' in messages
        assert (
            "steers away from likeness, sexual, violence/graphic; it watches for violence/graphic" in messages
        )
        assert "lora_loaded" in messages


@pytest.mark.rest
def test_the_real_server_steers_and_its_watcher_stops(tmp_path: Path) -> None:
    (tmp_path / "steer").mkdir()
    (tmp_path / "gateway").mkdir()
    with (
        steer_server(tmp_path / "steer") as url,
        gateway_before(url, tmp_path / "gateway", model="tiny-wan", size="32x32", seconds=1) as gateway,
    ):
        assert_steered_and_stopped(gateway)
