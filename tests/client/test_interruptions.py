"""Ctrl-C, a cancelled task and an exception of the program end a call cleanly and say what may be charged."""

from __future__ import annotations

import asyncio

import pytest
from fixed_server import FixedServer
from hostile import RETRIES

import safelight_client as sc
from safelight_client.steps import Call, Pause
from safelight_client.transport import Target, Transport

RUNNING = {"id": "v1", "status": "in_progress", "progress": 5}


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def running(server: FixedServer) -> None:
    server.answers["POST /v1/videos"] = (200, {}, RUNNING)
    server.answers["GET /v1/videos/v1"] = (200, {}, RUNNING)


def test_the_call_ends_with_the_exception_that_interrupts_it() -> None:
    seen: list[BaseException] = []

    def call() -> Call[None]:
        try:
            yield Pause(seconds=1)
        except BaseException as error:
            seen.append(error)
            raise

    transport = Transport(Target("http://127.0.0.1:1/v1", "", 1.0), sleep=interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        transport.run(call())
    assert seen == [caught.value]


def test_an_interrupted_create_names_its_key_and_is_no_longer_in_flight(
    server: FixedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sc.Client(server.url, retries=RETRIES) as client:
        client.session.models = {}
        monkeypatch.setattr(client._transport, "_perform", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.create("a boat", idempotency_key="key-1")
        client.session.begin("a boat")
        assert client.session.is_only_one("a boat")
    assert "key-1" in "".join(caught.value.__notes__)


def test_ctrl_c_during_a_plan_names_the_submission_that_may_be_charged(
    server: FixedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(server)
    plan = sc.Plan(models=[sc.ModelChoice(model="cheap", usd_per_second=0.1)])
    with sc.Client(server.url, retries=RETRIES) as client:
        monkeypatch.setattr(client._transport, "_sleep", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.generate("a boat", plan, seconds="4")
    (note,) = caught.value.__notes__
    for part in ("model='cheap'", "video_id='v1'", "outcome='interrupted'", "charged='unknown'"):
        assert part in note


def test_a_cancelled_task_names_the_submission_that_may_be_charged(server: FixedServer) -> None:
    running(server)

    async def cancelled() -> list[str]:
        async with sc.AsyncClient(server.url, retries=RETRIES) as client:
            task = asyncio.create_task(client.generate("a boat", sc.Plan()))
            while not server.calls("GET /v1/videos/v1"):
                await asyncio.sleep(0.01)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return error.__notes__
            raise AssertionError("the task was not cancelled")

    (note,) = asyncio.run(cancelled())
    assert "video_id='v1'" in note


def test_an_exception_of_the_progress_callback_reaches_the_program(server: FixedServer) -> None:
    running(server)

    def report(_: sc.Video) -> None:
        raise RuntimeError("the display is gone")

    with sc.Client(server.url, retries=RETRIES) as client, pytest.raises(RuntimeError, match="display"):
        client.wait(client.create("a boat"), on_progress=report)


def notes_after_ctrl_c(server: FixedServer, monkeypatch: pytest.MonkeyPatch, **options: str) -> list[str]:
    """The notes of a create that is interrupted while it waits for `Retry-After`."""
    server.answers["POST /v1/videos"] = (429, {"retry-after": "100"}, {"error": {"message": "Busy."}})
    with sc.Client(server.url, honours_keys=True) as client:
        monkeypatch.setattr(client._transport, "_sleep", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.create("a boat", **options)
    return caught.value.__notes__


def test_ctrl_c_during_a_wait_for_retry_after_says_that_this_try_created_nothing(
    server: FixedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notes_after_ctrl_c(server, monkeypatch) == ["No video was created, and nothing is charged: Busy."]
    assert notes_after_ctrl_c(server, monkeypatch, idempotency_key="mine-1") == [
        "This try created nothing; an earlier one with the Idempotency-Key mine-1 may have. Busy."
    ]
    assert server.calls("POST /v1/videos") == 2
