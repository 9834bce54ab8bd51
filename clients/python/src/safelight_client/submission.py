"""Creates a video so that it is paid at most once.

A server that honours `Idempotency-Key` may get the request again with the same key. Any other server gets it
at most once: if the answer is lost, the video is searched for in the list of the server, or the request ends
as `SubmitUnknown`. A request that never left this machine may always be sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ApiError, ClientError, ConnectionFailed, InvalidResponse, SubmitUnknown
from .explanation import Explanation
from .responses import REFUSED, page_of, video_of
from .session import Session
from .steps import Answer, Call, Part, Pause, Send
from .video import Video

#: Statuses with which a proxy or a server may answer although it took the request.
_UNCERTAIN = frozenset({408, 409, *range(500, 600)}) - REFUSED
#: Looks at the list after a lost answer, and pages in each. A server may list a new video late.
_LOOKS = 3
_PAGES = 5
#: Clocks differ: a video may seem to be created this much before its request.
_CLOCK_TOLERANCE_S = 2.0


def form_of(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    """A request as a form. Objects and lists are written with brackets, as the official SDKs do.

    A file is a path, an open binary file, bytes, or `(name, bytes, media type)`.
    """
    parts: list[Part] = []
    for name, value in fields.items():
        _add(parts, name, value)
    return tuple(parts)


def _add(parts: list[Part], name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _add(parts, f"{name}[{key}]", inner)
    elif isinstance(value, tuple) and len(value) in (2, 3) and isinstance(value[1], bytes):
        parts.append((name, value))
    elif isinstance(value, list | tuple):
        for inner in value:
            _add(parts, f"{name}[]", inner)
    elif isinstance(value, Path):
        parts.append((name, (value.name, value.read_bytes())))
    elif isinstance(value, bytes):
        parts.append((name, (name, value)))
    elif callable(read := getattr(value, "read", None)):
        parts.append((name, (Path(str(getattr(value, "name", name))).name, read())))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append((name, (None, text)))


def submit(
    session: Session, fields: Mapping[str, Any], form: tuple[Part, ...], key: str | None, deadline_s: float
) -> Call[Video]:
    """Creates a video. Raises `ApiError`, `ConnectionFailed` or `SubmitUnknown`."""
    until = session.clock() + deadline_s
    yield from session.learn_server()
    prompt = str(fields.get("prompt", ""))
    session.begin(prompt)
    try:
        video = yield from _send(session, fields, form, key or str(uuid.uuid4()), until)
    finally:
        session.end(prompt)
    session.claim(video.id)
    return video


def _send(
    session: Session, fields: Mapping[str, Any], form: tuple[Part, ...], key: str, until: float
) -> Call[Video]:
    request = Send(method="POST", path="/videos", headers={"idempotency-key": key}, form=form)
    sent_at = session.wall_clock()
    failures, was_sent, may_exist = 0, False, False
    while True:
        failures += 1
        try:
            answer: Answer = yield request
            session.learn_clock(answer)
            return video_of(answer)
        except (ConnectionFailed, ApiError, InvalidResponse) as error:
            again, is_final = True, False
            if isinstance(error, ApiError):
                uncertain = error.status in _UNCERTAIN and not error.explanation.is_block
                again = (uncertain or error.status in REFUSED) and _may_repeat(error, answer)
                is_final = not uncertain and error.status not in REFUSED
            else:
                uncertain = not isinstance(error, ConnectionFailed) or error.sent
            was_sent = was_sent or uncertain or isinstance(error, ApiError)
            may_exist = may_exist or uncertain
            delay = session.retries.delay_s(failures, error.after_s)
            too_late = session.clock() + delay > until or delay > session.retries.max_retry_after_s
            allowed = again and (bool(session.honours_keys) or not was_sent)
            if allowed and failures < session.retries.attempts and not too_late:
                yield Pause(seconds=delay)
                continue
            if is_final or not may_exist:
                raise
            cause = error
        return (yield from _find(session, fields, sent_at, until, cause))


def _may_repeat(error: ApiError, answer: Answer) -> bool:
    return not error.explanation.is_block and answer.headers.get("x-should-retry") != "false"


def _find(
    session: Session, fields: Mapping[str, Any], sent_at: float, until: float, cause: ClientError
) -> Call[Video]:
    """The video of a request whose answer was lost, by the list of the server."""
    prompt = str(fields.get("prompt", ""))
    since = sent_at + session.clock_ahead_s - _CLOCK_TOLERANCE_S
    candidates: list[Video] = []
    for look in range(1, _LOOKS + 1):
        try:
            candidates = yield from _list_candidates(session, fields, since)
        except ApiError:
            break
        except ClientError:
            candidates = []
        same = [video for video in candidates if video.prompt == prompt]
        # Another request with the same prompt may be the one that made the video.
        if len(same) == 1 and session.is_only_one(prompt) and session.claim(same[0].id):
            return same[0]
        delay = session.retries.first_s * 2**look
        if look == _LOOKS or session.clock() + delay > until:
            break
        yield Pause(seconds=delay)
    raise submit_unknown(str(cause), tuple(video.id for video in candidates)) from cause


def _list_candidates(session: Session, fields: Mapping[str, Any], since: float) -> Call[list[Video]]:
    """Videos of the list that may be the result: new, not ours already, with the same fields."""
    found: list[Video] = []
    query = {"limit": "100", "order": "desc"}
    for _ in range(_PAGES):
        answer: Answer = yield Send(method="GET", path="/videos", query=query)
        page = page_of(answer)
        found += [video for video in page.videos if _may_be(session, video, fields, since)]
        old = any(video.created_at is not None and video.created_at < since for video in page.videos)
        if not page.has_more or not page.videos or old:
            break
        query["after"] = page.videos[-1].id
    return found


def _may_be(session: Session, video: Video, fields: Mapping[str, Any], since: float) -> bool:
    if session.is_known(video.id) or (video.created_at is not None and int(video.created_at) < int(since)):
        return False
    sent = {name: str(fields[name]) for name in ("prompt", "model", "seconds", "size") if name in fields}
    return all(getattr(video, name) in ("", value) for name, value in sent.items())


def submit_unknown(reason: str, candidates: tuple[str, ...]) -> SubmitUnknown:
    """The error for a create whose answer was lost."""
    message = f"The answer to the request was lost ({reason}). The server may have accepted and charged it."
    return SubmitUnknown(
        message,
        explanation=Explanation(
            kind="timeout",
            stage="admission",
            charged="unknown",
            retry="never",
            next_step="Look at the list and the bill of the server before you send the request again.",
            message=message,
            code="submit_unknown",
        ),
        candidates=candidates,
    )
