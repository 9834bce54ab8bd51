"""Ctrl-C ends every wait of a batch at once, loses no video, and says what may be charged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from test_batch_resume import BUSY, MemoryServer, lost, run_on
from test_batch_run import states, subjects, write_batch

import safelight_client as sc
from safelight.cli.batch import describe_unsettled
from safelight_client.batch import BatchRunner, RunLimits

#: No test waits this long.
LONG_S = 100.0
ONE = RunLimits(concurrency=1)


def busy(status: int) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, json=BUSY, headers={"retry-after": f"{LONG_S:.0f}"})


@pytest.mark.parametrize("is_gateway", [True, False])
def test_ctrl_c_ends_a_wait_for_retry_after_and_nothing_was_created(tmp_path: Path, is_gateway: bool) -> None:
    """A gateway may get the same create again; other servers get a new one. One row waits for its turn."""
    path = write_batch(tmp_path, subjects(3))
    server = MemoryServer(is_gateway=is_gateway)
    server.answers["POST /videos"] = busy(429)
    done = run_on(server, path, RunLimits(concurrency=2), is_interrupted=lambda _: len(server.keys) > 0)
    assert states(done) == ["pending"] * 3
    assert (done.ceiling.spent, done.ceiling.reserved, len(set(server.keys))) == (0, 0, len(server.keys))
    assert describe_unsettled(done) == ["Nothing goes on at the provider, and nothing more is charged."]
    server.answers.clear()
    assert states(run_on(server, path)) == ["delivered"] * 3


def test_ctrl_c_before_the_second_try_of_a_create_that_may_be_paid_names_its_price(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(2))
    server = MemoryServer(is_gateway=True)
    server.answers["POST /videos"] = busy(504)
    done = run_on(server, path, ONE, is_interrupted=lambda _: len(server.keys) == 1)
    (key,) = server.keys
    assert describe_unsettled(done) == [
        f"Line 1: {key} may exist at the provider: at most $0.40.",
        "Together: at most $0.40.",
    ]
    assert (states(done), done.ceiling.reserved) == (["pending"] * 2, 400_000)
    server.answers.clear()
    server.make(key, subjects(1)[0]["prompt"])
    assert states(run_on(server, path)) == ["delivered"] * 2
    assert len(server.videos) == 2


def test_ctrl_c_while_a_lost_video_is_looked_for_leaves_it_for_the_next_run(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(1))
    server = MemoryServer(is_gateway=False)
    server.answers["POST /videos"] = lost
    server.answers["GET /videos"] = lambda: httpx.Response(200, json={"data": [], "has_more": False})

    def is_looked_for(runner: BatchRunner) -> bool:
        # The pauses between two looks are long enough to be seen.
        runner.client.session.retries = sc.RetryPolicy(first_s=LONG_S, max_s=LONG_S)
        return bool(server.keys)

    done = run_on(server, path, ONE, is_interrupted=is_looked_for)
    assert states(done) == ["pending"]
    server.answers.clear()
    server.make(server.keys[0], subjects(1)[0]["prompt"])
    assert states(run_on(server, path)) == ["delivered"]
    assert len(server.keys) == 1


@pytest.mark.parametrize("is_gateway", [True, False])
def test_ctrl_c_while_the_models_are_asked_for_sends_nothing(tmp_path: Path, is_gateway: bool) -> None:
    path = write_batch(tmp_path, subjects(1))
    server = MemoryServer(is_gateway=is_gateway)
    asked = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.sleep(LONG_S)
        raise AssertionError(request)

    server.transport = lambda: httpx.MockTransport(hang)  # type: ignore[method-assign]
    done = run_on(server, path, ONE, is_interrupted=lambda _: asked.is_set())
    assert (states(done), server.keys) == (["pending"], [])
    assert done.stop_reason == "The batch was interrupted."
