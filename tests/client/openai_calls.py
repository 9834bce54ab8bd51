"""Run by the Python of a locked environment with the official SDK: `openai_calls.py URL`.

Prints what happened with the synchronous and the asynchronous client; the test that started it judges.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

# The SDK deprecates these calls, because OpenAI ended its own service.
warnings.simplefilter("ignore", DeprecationWarning)

import openai  # noqa: E402

import safelight_client as sc  # noqa: E402

RETRIES = sc.RetryPolicy(first_s=0.01, max_s=0.05, poll_s=0.01, max_poll_s=0.02, vanished_after_s=0.1)
PROMPTS = ("tram", "lost", "busy", "blocked", "refused", "foreign", "hangs")


def made(url: str, mode: str) -> tuple[Callable[[str], Any], Callable[[Any], Any]]:
    """The functions that create and wait, of one mode."""
    from safelight_client.openai_helpers import session_of

    kind: Any = openai.OpenAI if mode == "sync" else openai.AsyncOpenAI
    client = kind(base_url=url, api_key="sk-none")
    session_of(client).retries = RETRIES
    create = sc.create_once if mode == "sync" else sc.create_once_async
    wait = sc.wait if mode == "sync" else sc.wait_async
    return lambda prompt: create(client, prompt=f"{mode}: {prompt}", seconds="4"), lambda video: wait(
        client, video, 0.5
    )


async def outcome(create: Callable[[str], Any], wait: Callable[[Any], Any], prompt: str) -> dict[str, Any]:
    try:
        video = create(prompt)
        video = await video if asyncio.iscoroutine(video) else video
        video = wait(video)
        video = await video if asyncio.iscoroutine(video) else video
    except (sc.ClientError, openai.OpenAIError) as error:
        return {"error": type(error).__name__, **told(error)}
    return {"video": type(video).__name__, "status": video.status, **told(video)}


def told(subject: object) -> dict[str, Any]:
    found = sc.explain(subject)
    if found is None:
        return {}
    return {
        "stage": found.stage,
        "charged": found.charged,
        "retry": found.retry,
        "next_step": found.next_step,
    }


async def main(url: str, mode: str) -> dict[str, Any]:
    create, wait = made(url, mode)
    seen = {prompt: await outcome(create, wait, prompt) for prompt in PROMPTS}
    away, _ = made("http://127.0.0.1:1/v1", mode)
    seen["away"] = await outcome(away, wait, "tram")
    return seen


if __name__ == "__main__":
    print(json.dumps({mode: asyncio.run(main(sys.argv[1], mode)) for mode in ("sync", "async")}))  # noqa: T201
