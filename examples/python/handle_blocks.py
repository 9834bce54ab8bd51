"""Handles every result that a video can have: python handle_blocks.py "A tram at dusk" tram.mp4

Prints one JSON object. Exit code 0: made. 3: blocked, change the prompt. 4: held for review. 1: all others.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
import time
import uuid
import warnings
from pathlib import Path
from typing import Any

import openai

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI ended its own service, not this one.

#: Longest wait for one video, and longest `retry-after` that is obeyed when a create is rate limited.
DEADLINE_S = 1800.0
MAX_WAIT_S = 120.0
#: Submissions in total, if a request fails for a reason unrelated to its content.
MAX_SUBMISSIONS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result. `end` is made, blocked, held or failed."""

    end: str
    video_id: str | None = None
    code: str | None = None
    says: str = ""
    #: yes, no or unknown
    charged: str = "unknown"
    next_step: str = ""
    #: same, new_seed, change_prompt or never; set on a block
    retry: str = ""


def make(client: openai.OpenAI, prompt: str, **fields: Any) -> Outcome:
    """Request a video and wait for its end; resubmit only if that can help and cannot be charged twice."""
    outcome = Outcome(end="failed")
    for attempt in range(MAX_SUBMISSIONS):
        try:
            video = create(client, prompt, **fields)
        except openai.APIStatusError as error:
            return refused(error)
        except openai.APIConnectionError as error:
            # The SDK has tried three times with the same key. It is unknown whether the request was accepted.
            return Outcome(end="failed", code="no_answer", says=str(error))
        outcome = wait(client, video)
        if not should_resubmit(outcome, attempt):
            return outcome
        time.sleep(min(2**attempt + random.random(), 30))
    return outcome


def create(client: openai.OpenAI, prompt: str, **fields: Any) -> Any:
    """Submit once. If the server asks to wait, wait up to `MAX_WAIT_S`."""
    key = str(uuid.uuid4())
    while True:
        try:
            return client.videos.create(prompt=prompt, extra_headers={"Idempotency-Key": key}, **fields)
        except openai.RateLimitError as error:
            asked = float(error.response.headers.get("retry-after") or 0)
            # No `retry-after`, or longer than we wait: a daily quota is not a short rate limit.
            if not 0 < asked <= MAX_WAIT_S:
                raise
            time.sleep(asked)


def refused(error: openai.APIStatusError) -> Outcome:
    """The outcome of a rejected request. The SDK has already retried what may be retried."""
    body = error.body if isinstance(error.body, dict) else {}
    details = body.get("moderation_details") or {}
    if error.code == "sentinel_block":
        return Outcome(
            end="blocked",
            video_id=details.get("video_id"),
            code=error.code,
            says=body.get("message", error.message),
            charged="no",
            next_step=details.get("next_step", "Change the prompt."),
        )
    return Outcome(end="failed", code=error.code, says=body.get("message", error.message), charged="no")


def wait(client: openai.OpenAI, video: Any) -> Outcome:
    """Poll until the video ends, at the interval that the server sets, up to the deadline."""
    until = time.monotonic() + DEADLINE_S
    while True:
        answer = client.videos.with_raw_response.retrieve(video.id)
        video = answer.parse()
        if video.status == "completed":
            return Outcome(end="made", video_id=video.id, charged=charged(video))
        if video.status == "failed":
            return ended(video)
        ours = video.safelight
        if ours["state"] == "held":
            # A reviewer must decide. Do not block on that: poll later, or use the webhook.
            return Outcome(
                end="held", video_id=video.id, says="A reviewer must decide before it is delivered."
            )
        if time.monotonic() > until:
            return Outcome(
                end="failed", video_id=video.id, code="deadline", says="The deadline of this client passed."
            )
        time.sleep(int(answer.headers.get("openai-poll-after-ms", 1000)) / 1000)


def ended(video: Any) -> Outcome:
    error = video.error.to_dict()
    details = error.get("moderation_details") or {}
    blocked = error["code"] in ("sentinel_block", "moderation_blocked")
    return Outcome(
        end="blocked" if blocked else "failed",
        video_id=video.id,
        code=error["code"],
        says=error["message"],
        charged=charged(video),
        next_step=details.get("next_step", ""),
        retry=(details.get("retry") or {}).get("action", ""),
    )


def charged(video: Any) -> str:
    return str((video.safelight.get("charge") or {}).get("charged", "unknown"))


def should_resubmit(outcome: Outcome, attempt: int) -> bool:
    """Whether a new request can help and is known not to be charged twice. Never if the prompt is blocked."""
    if outcome.code in ("upstream_error", "timeout", "scan_failed"):
        return outcome.charged == "no"
    if outcome.code == "moderation_blocked":
        # Generation is random: the same prompt can give an allowed video. Retry once, if nothing was charged.
        return attempt == 0 and outcome.retry in ("same", "new_seed") and outcome.charged == "no"
    # sentinel_block, submit_unknown, made, held, and unknown codes.
    return False


def main(prompt: str, file: str) -> int:
    client = openai.OpenAI(base_url=os.environ["SAFELIGHT_URL"], api_key=os.environ["SAFELIGHT_API_KEY"])
    outcome = make(client, prompt, seconds="4", size="1280x720")
    if outcome.end == "made" and outcome.video_id:
        Path(file).write_bytes(client.videos.download_content(outcome.video_id).read())
    print(json.dumps(dataclasses.asdict(outcome), indent=2))
    return {"made": 0, "blocked": 3, "held": 4}.get(outcome.end, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
