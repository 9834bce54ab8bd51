"""Turns responses into videos, pages and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from .error_meanings import explain_response
from .errors import (
    AccessDenied,
    ApiError,
    ContentBlocked,
    InvalidRequest,
    InvalidResponse,
    ServerFailed,
    TooManyRequests,
    VideoBlocked,
    VideoFailed,
    invalid_response,
)
from .steps import Answer
from .video import Page, Video, read_video


def created_video(answer: Answer) -> Video:
    """The video in the response to a create. Without a status it is queued."""
    _refuse_error(answer)
    body = answer.json()
    if isinstance(body, Mapping) and not body.get("status"):
        body = {**body, "status": "queued"}
    return read_video(body, answer.headers)


def video_of(answer: Answer) -> Video:
    """The video in a response. Raises `ApiError` or `InvalidResponse`."""
    try:
        _refuse_error(answer)
    except ApiError as error:
        raise of_video(error) from None
    return read_video(answer.json(), answer.headers)


def _refuse_error(answer: Answer) -> None:
    """Raises `ApiError` if the response is an error. Some servers send one with status 200."""
    body = answer.json() if answer.is_ok else None
    is_error = isinstance(body, Mapping) and "id" not in body and bool(body.get("error"))
    if not answer.is_ok or is_error:
        raise api_error(answer)


def of_video(error: ApiError) -> ApiError:
    """The error of a request about a video that exists: it says nothing about the charge of the video."""
    error.explanation = error.explanation.unsettled()
    return error


def page_of(answer: Answer) -> Page:
    """A page of the list, without rows that are not videos. Raises `ApiError` or `InvalidResponse`."""
    if not answer.is_ok:
        raise api_error(answer)
    body = answer.json()
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(rows, list):
        raise invalid_response("The response is not a list of videos.")
    return Page(videos=tuple(_readable(rows)), has_more=body.get("has_more") is True)


def _readable(rows: list[object]) -> Iterator[Video]:
    for row in rows:
        with suppress(InvalidResponse):
            yield read_video(row)


_CLASSES: dict[str, type[ApiError]] = {
    "content_block": ContentBlocked,
    "rate_limit": TooManyRequests,
    "quota": TooManyRequests,
    "auth": AccessDenied,
    "invalid_request": InvalidRequest,
}


def api_error(answer: Answer) -> ApiError:
    """The error that a response is. A block is one whatever the status."""
    body = answer.json()
    found = explain_response(
        body if body is not None else answer.body[:2000].decode("utf-8", "replace"),
        answer.status,
        answer.headers,
    )
    kind = _CLASSES.get(found.kind)
    if kind is None:
        kind = ServerFailed if answer.status >= 500 else TooManyRequests if answer.status == 429 else ApiError
    message = found.message or f"The server answered with status {answer.status}."
    return kind(
        message, explanation=found, status=answer.status, request_id=answer.headers.get("x-request-id", "")
    )


def failure(video: Video) -> VideoFailed:
    """The error that a failed video is."""
    assert video.explanation is not None
    kind = VideoBlocked if video.explanation.is_block else VideoFailed
    message = video.explanation.message or f"The server reports {video.server_status!r} without a reason."
    return kind(message, explanation=video.explanation, video=video)
