"""The client against our gateway, with the real parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import safelight_client as sc
from support.gateway_process import Running, running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.fixture
def client(gateway: Running) -> Iterator[sc.Client]:
    with sc.Client(f"{gateway.address}/v1", gateway.key) as one:
        yield one


def test_a_video_is_made_once_downloaded_and_verified(client: sc.Client, tmp_path: Path) -> None:
    first = client.create("A paper boat on a pond", size="640x360", idempotency_key="boat")
    again = client.create("A paper boat on a pond", size="640x360", idempotency_key="boat")
    assert (first.id, client.session.honours_keys) == (again.id, True)
    video = client.wait(first)
    found = client.download(video, tmp_path / "boat.mp4")
    assert (video.status, video.charged, found.is_verified) == ("completed", "no", True)
    assert found.sha256 == video.sha256
    client.delete(video.id)


def test_a_block_is_sent_once_and_explained_by_the_gateway(gateway: Running, client: sc.Client) -> None:
    with pytest.raises(sc.ContentBlocked) as caught:
        client.create("A fight SAFELIGHT-TEST:violence in a bar")
    error = caught.value
    assert (error.code, error.stage, error.charged, error.retry) == (
        "sentinel_block",
        "prompt",
        "no",
        "change_prompt",
    )
    assert not error.explanation.by_provider
    assert error.request_id.startswith("req_")
    # The server writes the line of a request after the client has its answer.
    until = time.monotonic() + 30
    while not (sent := gateway.log.read_text().count("POST /v1/videos 400")) and time.monotonic() < until:
        time.sleep(0.05)
    assert sent == 1


def test_a_wrong_field_is_named(client: sc.Client) -> None:
    with pytest.raises(sc.InvalidRequest, match="'seconds'") as caught:
        client.create("a boat", duration="4")
    assert (caught.value.charged, caught.value.retry) == ("no", "never")
