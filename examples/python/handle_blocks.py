"""What to do with every way a video can end: python handle_blocks.py "A tram at dusk" tram.mp4

Prints one JSON object. Exit code 0: made. 3: blocked, change the prompt. 4: held for a person. 1: the rest.
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

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI ended its own service; this one goes on.

#: How long this program waits for one video, and how long it is willing to wait to be let in.
DEADLINE_S = 1800.0
LONGEST_WAIT_S = 120.0
#: New orders after trouble that was nobody's fault.
ORDERS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended. `end` is made, blocked, held or failed."""

    end: str
    video_id: str | None = None
    code: str | None = None
    says: str = ""
    #: yes, no or unknown
    charged: str = "unknown"
    next_step: str = ""
    #: same, new_seed, change_prompt or never, where a block says so
    retry: str = ""


def make(client: openai.OpenAI, prompt: str, **fields: Any) -> Outcome:
    """Order a video and wait for its end; order again only where that can help and can cost nothing twice."""
    outcome = Outcome(end="failed")
    for attempt in range(ORDERS):
        try:
            video = create(client, prompt, **fields)
        except openai.APIStatusError as error:
            return refused(error)
        except openai.APIConnectionError as error:
            # The SDK has tried three times with the same key. Whether the order was taken is not known.
            return Outcome(end="failed", code="no_answer", says=str(error))
        outcome = wait(client, video)
        if not worth_another_order(outcome, attempt):
            return outcome
        time.sleep(min(2**attempt + random.random(), 30))
    return outcome


def create(client: openai.OpenAI, prompt: str, **fields: Any) -> Any:
    """One order. Being asked to wait is obeyed where the wait is bearable."""
    key = str(uuid.uuid4())
    while True:
        try:
            return client.videos.create(prompt=prompt, extra_headers={"Idempotency-Key": key}, **fields)
        except openai.RateLimitError as error:
            asked = float(error.response.headers.get("retry-after") or 0)
            # No word on how long, or longer than we wait: a quota that ends tomorrow is no rate limit.
            if not 0 < asked <= LONGEST_WAIT_S:
                raise
            time.sleep(asked)


def refused(error: openai.APIStatusError) -> Outcome:
    """An order that was not taken. The SDK has sent again by itself what may be sent again."""
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
    """Ask until it ends, as often as the server wants to be asked, and no longer than the deadline."""
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
            # A person looks at it. Do not block a request on that: come back, or take the webhook.
            return Outcome(
                end="held", video_id=video.id, says="A person looks at this before it is delivered."
            )
        if time.monotonic() > until:
            return Outcome(end="failed", video_id=video.id, code="deadline", says="It took too long for us.")
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
        retry=(details.get("retry") or {}).get("how", ""),
    )


def charged(video: Any) -> str:
    return str((video.safelight.get("charge") or {}).get("charged", "unknown"))


def worth_another_order(outcome: Outcome, attempt: int) -> bool:
    """Whether ordering again can help and is known to cost nothing twice. A block of the words never."""
    if outcome.code in ("upstream_error", "timeout", "scan_failed"):
        return outcome.charged == "no"
    if outcome.code == "moderation_blocked":
        # Models throw dice: the same words can come out well. Once, and not where it is charged.
        return attempt == 0 and outcome.retry in ("same", "new_seed") and outcome.charged == "no"
    # sentinel_block, submit_unknown, made, held, and whatever we do not know.
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
