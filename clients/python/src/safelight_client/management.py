"""Lists, deletes and cancels videos, and checks prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ApiError, ConnectionFailed
from .responses import api_error, of_video, page_of
from .session import Session
from .steps import Answer, Call, Pause, Send
from .submission import form_of
from .video import Cancellation, Page
from .waiting import read, retrieve


def list_page(session: Session, after: str | None, limit: int, order: str) -> Call[Page]:
    """One page of the list."""
    query = {"limit": str(limit), "order": order} | ({"after": after} if after else {})
    answer = yield from read(session, Send(method="GET", path="/videos", query=query))
    return page_of(answer)


def check(fields: Mapping[str, Any]) -> Call[Mapping[str, Any]]:
    """The check of a Safelight gateway. Raises `ApiError`."""
    form = form_of({name: value for name, value in fields.items() if value})
    answer: Answer = yield Send(method="POST", path="/safelight/checks", form=form)
    if not answer.is_ok:
        raise api_error(answer)
    body = answer.json()
    return body if isinstance(body, Mapping) else {}


def delete(session: Session, video_id: str) -> Call[None]:
    """Deletes a video and its files. Succeeds if the server no longer knows it after a lost answer."""
    failures = 0
    while True:
        try:
            answer: Answer = yield Send(method="DELETE", path=f"/videos/{video_id}")
        except ConnectionFailed:
            failures += 1
            if failures >= session.retries.attempts:
                raise
            yield Pause(seconds=session.retries.delay_s(failures))
            continue
        if answer.is_ok or (failures and answer.status == 404):
            return
        raise of_video(api_error(answer))


def cancel(session: Session, video_id: str) -> Call[Cancellation]:
    """Cancels an unfinished video where the server offers it: by DELETE, as vLLM-Omni documents.

    A finished video is left alone, unless it finishes between the two requests.
    """
    video = yield from retrieve(session, video_id)
    if video.has_ended:
        return Cancellation(cancelled=False, message=f"The video has already ended: {video.status}.")
    try:
        yield from delete(session, video_id)
    except ApiError as error:
        if error.status not in (400, 404, 405, 409, 501):
            raise
        return Cancellation(
            cancelled=False,
            message=f"The server does not cancel it: {error.message} The video goes on and may be charged.",
        )
    return Cancellation(cancelled=True, message="The server deleted it. Whether it was charged is unknown.")
