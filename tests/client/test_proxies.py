"""Proxies that the shell names: never for this computer, and named when they fail."""

from __future__ import annotations

import asyncio

import pytest
from fixed_server import FixedServer

import safelight_client as sc

#: Nothing listens there.
DEAD = "127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("proxy", [f"http://{DEAD}", "socks5://127.0.0.1:1080", "no address"])
def test_this_computer_is_never_reached_through_a_proxy(
    fixed: FixedServer, shell: pytest.MonkeyPatch, proxy: str
) -> None:
    fixed.answers["GET /v1/videos/v"] = (200, {}, {"id": "v", "status": "completed"})
    shell.setenv("ALL_PROXY", proxy)
    shell.setenv("HTTP_PROXY", proxy)
    with sc.Client(fixed.url, "k") as client:
        assert client.retrieve("v").status == "completed"

    async def get() -> str:
        async with sc.AsyncClient(fixed.url, "k") as client:
            return (await client.retrieve("v")).status

    assert asyncio.run(get()) == "completed"


def test_a_proxy_that_does_not_answer_is_named_without_its_password(shell: pytest.MonkeyPatch) -> None:
    shell.setenv("HTTP_PROXY", f"http://me:secret@{DEAD}")
    with sc.Client("http://gateway.example/v1", "k") as client, pytest.raises(sc.ConnectionFailed) as failed:
        client.retrieve("v")
    assert f"through the proxy {DEAD}, which the environment names" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_proxy_that_cannot_be_used_is_one_sentence(shell: pytest.MonkeyPatch) -> None:
    shell.setenv("ALL_PROXY", "socks5://me:secret@127.0.0.1:1080")
    with sc.Client("http://gateway.example/v1", "k") as client, pytest.raises(sc.ConnectionFailed) as failed:
        client.retrieve("v")
    assert str(failed.value).startswith(
        "The proxy 127.0.0.1:1080 of the environment cannot be used. It needs the Python package socksio."
    )
