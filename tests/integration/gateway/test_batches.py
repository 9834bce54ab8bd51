"""A batch by API in a real gateway: it survives kill -9, and its report has the pictures of its videos."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from support.gateway_process import safelight, started

PATH = "/v1/safelight/batches"
PROMPTS = ("A red kite over wheat fields", "Fishing boats at dawn", "A potter shapes a vase")
WAIT_S = 240


def _get(client: httpx.Client, path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path).raise_for_status().json()
    return found


def _wait_for(client: httpx.Client, batch: str, **rows: int) -> dict[str, Any]:
    """The batch as soon as it has at least these numbers of rows, or has ended."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        found = _get(client, f"{PATH}/{batch}")
        if found["ended_at"] or (rows and all(found["rows"].get(name, 0) >= n for name, n in rows.items())):
            return found
        time.sleep(0.1)
    raise AssertionError(f"the batch has not ended: {found}")


def test_after_kill_9_a_batch_goes_on_and_each_row_has_one_video(tmp_path: Path) -> None:
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=tmp_path,
    )
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=tmp_path))["key"]
    rows = [{"id": f"shot-{n}", "prompt": prompt, "seconds": 4} for n, prompt in enumerate(PROMPTS)]
    headers = {"authorization": f"Bearer {key}"}
    with (
        started(tmp_path, key) as gateway,
        httpx.Client(base_url=gateway.address, headers=headers, timeout=60) as client,
    ):
        body = {"rows": rows, "run": True, "concurrency": 2}
        batch = client.post(PATH, json=body).raise_for_status().json()["id"]
        _wait_for(client, batch, open=1)
        gateway.process.kill()
        gateway.process.wait()
    with (
        started(tmp_path, key) as gateway,
        httpx.Client(base_url=gateway.address, headers=headers, timeout=60) as client,
    ):
        done = _wait_for(client, batch)
        assert (done["state"], done["rows"], done["creates"]) == ("completed", {"delivered": 3}, 3)
        made = _get(client, "/v1/videos")["data"]
        assert sorted(video["prompt"] for video in made) == sorted(PROMPTS)
        page = client.get(f"{PATH}/{batch}/report", params={"format": "html"}).raise_for_status().text
        assert page.count("data:image/") == 3
