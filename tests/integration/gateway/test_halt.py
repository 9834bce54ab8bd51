"""A halt at the terminal stops requests at the running gateway, which is another process, and its end lets
them in again.
"""

from __future__ import annotations

import json

import httpx

from support.gateway_process import Running, safelight

ORDER = {"prompt": "a meadow in summer"}


def test_a_halt_is_obeyed_at_once_and_ended_at_once(gateway: Running, client: httpx.Client) -> None:
    before = client.post("/v1/videos", json=ORDER)
    assert before.status_code == 200
    model = before.json()["model"]
    arguments = ("halt", "model", model, "--reason", "A secret reason.", "--json")
    halt = json.loads(safelight(*arguments, folder=gateway.folder))
    refused = client.post("/v1/videos", json=ORDER)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], refused.headers["x-should-retry"]) == (503, "halted", "false")
    assert error["message"] == (f"The model {model} is halted. Nothing was charged. Try again later.")
    assert "secret" not in refused.text
    chinese = client.post("/v1/videos", json=ORDER, headers={"accept-language": "zh-TW"})
    assert chinese.status_code == 503
    assert client.get("/readyz").json()["halts"] == 1
    safelight("halt", "end", halt["id"], folder=gateway.folder)
    assert client.post("/v1/videos", json=ORDER).status_code == 200
    assert "halts" not in client.get("/readyz").json()
