"""Waits for the end of a video. A server that hangs, lies or forgets ends the wait with an error."""

from __future__ import annotations

import math

from .error_meanings import read_retry_after
from .errors import (
    ApiError,
    ClientError,
    DeadlinePassed,
    InvalidResponse,
    VideoVanished,
    invalid_response,
)
from .explanation import Explanation
from .responses import video_of
from .session import Session
from .steps import Answer, Call, Pause, Send, Show
from .video import Video

#: A poll gets at least this much time for its response, however near the deadline is.
_LEAST_TIMEOUT_S = 1.0
#: Responses in a row that say the same before it is believed: a proxy may answer once in place of the server.
_BELIEVED = 3


def retrieve(session: Session, video_id: str) -> Call[Video]:
    """One video, with retries until the policy gives up."""
    answer = yield from read(session, Send(method="GET", path=f"/videos/{video_id}"))
    return video_of(answer)


def read(session: Session, request: Send) -> Call[Answer]:
    """The response to a request that changes nothing, with retries. An error status is returned as it is."""
    failures = 0
    while True:
        failures += 1
        last = failures >= session.retries.attempts
        try:
            answer: Answer = yield request
        except ClientError as error:
            if last:
                raise
            delay = session.retries.delay_s(failures, error.after_s)
        else:
            retried = answer.status in (408, 425, 429) or answer.status >= 500
            if not retried or last or answer.headers.get("x-should-retry") == "false":
                return answer
            delay = session.retries.delay_s(failures, read_retry_after(answer.headers))
            if delay > session.retries.max_retry_after_s:
                return answer
        yield Pause(seconds=delay)


def watch(session: Session, video: Video, deadline_s: float) -> Call[Video]:
    """Polls until the video has ended, and shows it after each change. Returns the ended video.

    Raises `DeadlinePassed`, `VideoVanished`, `InvalidResponse`, or `ApiError` if the key is not accepted.
    """
    began = changed = session.clock()
    delay = session.retries.poll_delay_s(0, None)
    missing = unreadable = failures = 0
    missing_since = began
    yield Show(video=video)
    while not video.has_ended:
        left = began + deadline_s - session.clock()
        if left <= 0:
            raise deadline_passed(video, session.clock() - changed)
        yield Pause(seconds=min(delay, left))
        left = max(began + deadline_s - session.clock(), _LEAST_TIMEOUT_S)
        try:
            answer: Answer = yield Send("GET", f"/videos/{video.id}", timeout_s=left)
            latest = video_of(answer)
            if latest.id != video.id:
                raise invalid_response(f"The server answered with the video {latest.id[:80]!r}.")
        except ApiError as error:
            missing = missing + 1 if error.status == 404 else 0
            missing_since = session.clock() if missing == 1 else missing_since
            missing_s = session.clock() - missing_since
            if missing >= _BELIEVED and missing_s >= session.retries.vanished_after_s:
                raise vanished(video) from error
            unreadable += error.status in range(200, 300)
            may_pass = (missing > 0 or _is_passing(error)) and unreadable < _BELIEVED
            if error.explanation.is_block or not may_pass:
                raise
            failures += 1
            delay = session.retries.delay_s(failures, error.after_s)
        except InvalidResponse:
            unreadable += 1
            if unreadable >= _BELIEVED:
                raise
            delay = session.retries.delay_s(unreadable)
        except ClientError as error:
            failures += 1
            delay = session.retries.delay_s(failures, error.after_s)
        else:
            missing = unreadable = failures = 0
            if latest.change != video.change or latest.has_ended:
                changed = session.clock()
                yield Show(video=latest)
            video = latest
            delay = session.retries.poll_delay_s(session.clock() - began, _poll_after_ms(answer))
    return video


def _is_passing(error: ApiError) -> bool:
    """Whether the error is one of the server and not of the request."""
    status = error.status or 0
    return status in (408, 425, 429) or status >= 500 or status in range(200, 300)


def _poll_after_ms(answer: Answer) -> float | None:
    try:
        number = float(answer.headers.get("openai-poll-after-ms", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def deadline_passed(video: Video, unchanged_s: float) -> DeadlinePassed:
    """The error for a video that was not finished in time."""
    if video.is_held:
        message = f"The video {video.id} waits for the decision of a reviewer."
        step = "Retrieve the video later; a webhook reports the decision."
    else:
        message = (
            f"The video {video.id} is still {video.server_status} at {video.progress} %; "
            f"nothing changed for {unchanged_s:.0f} s."
        )
        step = (
            "Retrieve it later by its id, or cancel it. It may go on and be charged. Do not create it again."
        )
    explanation = Explanation(
        kind="timeout",
        stage="output" if video.is_held else "generation",
        charged=video.charged,
        retry="never",
        next_step=step,
        message=message,
        code="deadline_passed",
    )
    return DeadlinePassed(message, explanation=explanation, video=video, unchanged_s=unchanged_s)


def vanished(video: Video) -> VideoVanished:
    """The error for a video that the server no longer knows."""
    message = f"The server no longer knows the video {video.id}."
    explanation = Explanation(
        kind="unknown",
        stage="generation",
        charged=video.charged,
        retry="never",
        next_step="Look at the bill of the server before you send the request again.",
        message=message,
        code="vanished",
    )
    return VideoVanished(message, explanation=explanation, video=video)
