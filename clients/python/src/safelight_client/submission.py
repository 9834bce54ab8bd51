"""Creates a video so that it is paid at most once.

A server that honours `Idempotency-Key` may get the request again with the same key. Any other server gets it
again only if no try so far can have been accepted: it never left this machine, or it was refused with 425,
429 or a 503 that states this. If an answer is lost, the video is searched for in the list of the server, or
the request ends as `SubmitUnknown`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .errors import ApiError, ClientError, ConnectionFailed, InvalidResponse, SubmitUnknown
from .explanation import Explanation
from .files import read_files
from .responses import created_video, page_of
from .session import Session
from .steps import Answer, Call, Interrupted, Part, Pause, Send
from .video import Video

#: Statuses with which a proxy or a server may answer although it took the request. Some send errors with 200.
_UNCERTAIN = frozenset({408, 409, *range(200, 300), *range(500, 600)})
#: Statuses after which it is certain that the server did not take the request.
_REFUSED = frozenset({425, 429})
#: A create gets at least this much time for its response, however near its deadline is.
_LEAST_TIMEOUT_S = 5.0
#: Looks at the list after a lost answer, and pages in each. A server may list a new video late.
_LOOKS = 3
_PAGES = 5
#: Clocks differ: a video may seem to be created this much before its request.
_CLOCK_TOLERANCE_S = 2.0


def form_of(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    """A request as a form. Objects and lists are written with brackets, as the official SDKs do.

    A file is a path, an open binary file, bytes, or `(name, file, media type)`.
    """
    parts: list[Part] = []
    for name, value in read_files(fields).items():
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
    elif isinstance(value, bytes):
        parts.append((name, (name, value)))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append((name, (None, text)))


def submit(
    session: Session, fields: Mapping[str, Any], form: tuple[Part, ...], key: str | None, deadline_s: float
) -> Call[Video]:
    """Creates a video. Raises `ApiError`, `ConnectionFailed` or `SubmitUnknown`."""
    until = session.clock() + deadline_s
    yield from session.learn_server()
    is_new_key = not key
    prompt, key = _prompt(fields), key or str(uuid.uuid4())
    session.begin(prompt)
    try:
        video = yield from _send(session, fields, form, key, until, is_new_key)
        # Before the end: another request with this prompt must not take the video for its own.
        session.claim(video.id)
        return video
    except ClientError:
        raise
    except BaseException as error:
        if not getattr(error, "__notes__", None):
            error.add_note(f"A video may have been created. The Idempotency-Key of the request is {key}.")
        raise
    finally:
        session.end(prompt)


def _prompt(fields: Mapping[str, Any]) -> str:
    """The prompt without space at its ends, as a list may state it."""
    return str(fields.get("prompt") or "").strip()


def _send(
    session: Session,
    fields: Mapping[str, Any],
    form: tuple[Part, ...],
    key: str,
    until: float,
    is_new_key: bool,
) -> Call[Video]:
    sent_at = session.wall_clock()
    failures, may_exist = 0, False
    while True:
        failures += 1
        left = max(until - session.clock(), _LEAST_TIMEOUT_S)
        answer: Answer | None = None
        try:
            answer = yield Send(
                "POST", "/videos", headers={"idempotency-key": key}, form=form, timeout_s=left
            )
            session.learn_clock(answer)
            return created_video(answer)
        except (ConnectionFailed, ApiError, InvalidResponse) as error:
            cause: ClientError = error
        may_exist = may_exist or _is_uncertain(cause)
        delay = session.retries.delay_s(failures, cause.after_s)
        in_time = session.clock() + delay <= until and delay <= session.retries.max_retry_after_s
        again = in_time and _may_help(cause, answer) and (bool(session.honours_keys) or not may_exist)
        # A server that states when it has room again is asked until the deadline.
        waits_its_turn = not may_exist and isinstance(cause, ApiError) and bool(cause.after_s)
        if not again or (failures >= session.retries.attempts and not waits_its_turn):
            if not may_exist:
                raise _refused(cause)
            found = yield from find_lost(session, fields, sent_at, until)
            if isinstance(found, Video):
                return found
            if cause.explanation.is_block:
                # An earlier try may have made a video, although this one was refused.
                cause.explanation = cause.explanation.unsettled()
                raise cause
            # A job may exist: with the same key it is worth to try until the deadline.
            if not again or isinstance(cause, InvalidResponse):
                raise submit_unknown(
                    str(cause), found, key, honours_keys=bool(session.honours_keys)
                ) from cause
        try:
            yield Pause(seconds=delay)
        except Interrupted:
            if not may_exist:
                raise cause from None
            keys = bool(session.honours_keys)
            raise submit_unknown(str(cause), (), key, honours_keys=keys) from cause
        except BaseException as error:
            if not may_exist:
                error.add_note(
                    f"No video was created, and nothing is charged: {cause}"
                    if is_new_key
                    else f"This try created nothing; an earlier one with the Idempotency-Key {key} may have. "
                    f"{cause}"
                )
            raise


def _is_uncertain(error: ClientError) -> bool:
    """Whether the server may have accepted the request."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    if not isinstance(error, ApiError):
        return True
    # Another server that answers 200 or 503 took the request, unless the body states that it did not.
    can_state = _is_of_gateway(error) or error.status == 503 or error.status in range(200, 300)
    is_stated = error.charged == "no" and can_state
    return error.status in _UNCERTAIN and not error.explanation.is_block and not is_stated


def _refused(error: ClientError) -> ClientError:
    """The error of a create that was not accepted. Without a video nothing is charged, unless it is a block:
    some providers charge for those.
    """
    if not error.explanation.is_block and error.charged == "unknown":
        error.explanation = replace(error.explanation, charged="no")
    return error


def _may_help(error: ClientError, answer: Answer | None) -> bool:
    """Whether the same request can succeed if it is sent again."""
    if not isinstance(error, ApiError) or answer is None:
        return True
    is_final = error.explanation.is_block or answer.headers.get("x-should-retry") == "false"
    # For example a key that was used for another request, or an account without credit.
    is_stated = _is_of_gateway(error) or (error.charged == "no" and error.after_s is None)
    return error.status in _UNCERTAIN | _REFUSED and not (is_final or (error.retry == "never" and is_stated))


def _is_of_gateway(error: ApiError) -> bool:
    return not error.explanation.by_provider


def find_lost(
    session: Session, fields: Mapping[str, Any], sent_at: float, until: float
) -> Call[Video | tuple[str, ...]]:
    """The video of a request whose answer was lost, by the list of the server; otherwise the candidates."""
    prompt = _prompt(fields)
    since = sent_at + session.clock_ahead_s - _CLOCK_TOLERANCE_S
    candidates: list[Video] = []
    for look in range(1, _LOOKS + 1):
        try:
            candidates = yield from _list_candidates(session, fields, since)
        except ApiError as error:
            if error.status is not None and error.status < 500 and error.status not in (408, 425, 429):
                break
        except ClientError:
            pass  # The next look may succeed.
        same = [video for video in candidates if video.prompt == prompt]
        # Another request with the same prompt may be the one that made the video, also an earlier one if the
        # server does not state when the video was created.
        is_match = len(same) == 1 and bool(prompt) and same[0].created_at is not None
        if is_match and session.is_only_one(prompt) and session.claim(same[0].id):
            return same[0]
        delay = session.retries.first_s * 2**look
        if look == _LOOKS or session.clock() + delay > until:
            break
        try:
            yield Pause(seconds=delay)
        except Interrupted:
            break
    return tuple(video.id for video in candidates)


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
    sent = {name: fields.get(name) for name in ("prompt", "model", "seconds", "size")}
    return all(
        value is None or getattr(video, name) in ("", str(value).strip()) for name, value in sent.items()
    )


def submit_unknown(
    reason: str, candidates: tuple[str, ...], key: str, *, honours_keys: bool
) -> SubmitUnknown:
    """The error for a create whose answer was lost."""
    message = f"The answer to the request was lost ({reason}). The server may have accepted and charged it."
    step = "Look at the list and the bill of the server before you send the request again."
    if honours_keys:
        step = f"Send the same request again with the idempotency_key {key}: it creates no second video."
    return SubmitUnknown(
        message,
        explanation=Explanation(
            kind="timeout",
            stage="admission",
            charged="unknown",
            retry="never",
            next_step=step,
            message=message,
            code="submit_unknown",
        ),
        candidates=candidates,
        idempotency_key=key,
    )
