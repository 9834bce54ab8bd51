"""Endpoints managed and deliveries verified with the official SDK, against a live gateway."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.gateway_process import Running, running, safelight
from support.webhook_receiver import Target, target

SCRIPT = Path(__file__).with_name("webhooks.py")


@dataclass(frozen=True, kw_only=True)
class Told:
    gateway: Running
    target: Target
    admin: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("webhooks")
    with target() as to:
        (folder / "safelight.toml").write_text(f'[fetch]\nallowed_private_hosts = ["{to.host}"]\n')
        made = json.loads(safelight("keys", "create", "admin", "--scope", "admin", "--json", folder=folder))
        with running(folder) as started:
            yield Told(gateway=started, target=to, admin=made["key"])


def script(python: Path, *arguments: str, given: Any = None) -> dict[str, Any]:
    done = subprocess.run(
        [python, SCRIPT, *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_endpoint_is_managed_and_its_events_are_verified(told: Told, openai_python: Path) -> None:
    base = f"{told.gateway.address}/v1"
    seen = script(openai_python, "manage", base, told.admin, told.target.url)
    secret, endpoint = seen["made"]["signing_secret"], seen["made"]["id"]
    tests = 0
    if "got" in seen:
        assert endpoint in seen["listed"]
        assert seen["got"]["signing_secret_hint"].endswith(secret[-4:])
        assert (seen["changed"]["name"], seen["changed"]["event_types"]) == (
            "renamed",
            ["video.completed", "video.failed"],
        )
        assert (seen["tested"]["success"], seen["tested"]["status_code"]) == (True, 200)
        assert seen["deleted"]["deleted"]
        assert seen["rotated"]["signing_secret"] != secret
        tests = 1
    before = len(told.target.got)
    key = {"authorization": f"Bearer {told.gateway.key}"}
    made = httpx.post(
        f"{base}/videos",
        headers=key,
        json={"prompt": "A paper boat on a pond", "model": "storyboard", "seconds": "4", "size": "640x360"},
        timeout=60,
    )
    assert made.status_code == 200, made.text
    got = told.target.wait_for(before + 1, 180)
    deliveries = [
        {"body": each.body.decode(), "headers": dict(each.headers), "secret": secret}
        # A rotated secret also signs for one day, so the first one still verifies.
        for each in [*got[before - tests : before], got[before]]
    ]
    checked = script(openai_python, "unwrap", given=deliveries)
    assert checked["told"][-1]["type"] == "video.completed"
    assert checked["told"][-1]["data"] == {"id": made.json()["id"]}
    assert checked["forged"] == "refused"
    answer = httpx.delete(
        f"{base}/webhook_endpoints/{endpoint}", headers={"authorization": f"Bearer {told.admin}"}
    )
    assert answer.status_code == 200
