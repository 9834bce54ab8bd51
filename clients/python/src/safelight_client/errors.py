"""The one tree of errors. Each error explains itself: `.stage`, `.charged`, `.retry`, `.next_step`.

ClientError
    ConnectionFailed        no response: not connected, or the connection was lost
    InvalidResponse         the response is not what the Videos API returns, such as a log-in page
    ApiError                the server answered with an error
        ContentBlocked      a content filter refused the request; never sent again
        InvalidRequest      a field, the model or the id is wrong
        AccessDenied        the key is missing, unknown or lacks a permission
        TooManyRequests     a rate limit or a quota
        ServerFailed        the server has an internal error, or is not available
    SubmitUnknown           the answer to a create was lost; a job may exist and be charged
    VideoFailed             the video ended without a file
        VideoBlocked        a content filter refused it
    DeadlinePassed          the video was not finished before the deadline; it may go on
    VideoVanished           the server no longer knows the video
    DownloadFailed          the file could not be stored completely
        HashMismatch        the downloaded bytes are not those that the server announced
    SpendLimit              no model stays within the price limit; nothing more was sent
    BatchError              a batch cannot be planned or run: its file, limits or settings are wrong
        JournalUnusable     the journal is damaged, or belongs to another version, batch or server
        BatchRunning        another program runs the same batch
    SignatureInvalid        a webhook message has no valid signature
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .explanation import Charged, Explanation, Retry

if TYPE_CHECKING:
    from .plan import Submission
    from .video import Video


class ClientError(Exception):
    """Base of all errors of this package."""

    #: The creates of the plan that ended with this error.
    submissions: tuple[Submission, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        explanation: Explanation,
        status: int | None = None,
        request_id: str = "",
        video: Video | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.explanation = explanation
        #: HTTP status of the response, if there was one.
        self.status = status
        self.request_id = request_id
        #: The video that the error is about, as last seen.
        self.video = video

    @property
    def stage(self) -> str:
        return self.explanation.stage

    @property
    def charged(self) -> Charged:
        return self.explanation.charged

    @property
    def retry(self) -> Retry:
        return self.explanation.retry

    @property
    def next_step(self) -> str:
        return self.explanation.next_step

    @property
    def after_s(self) -> float | None:
        return self.explanation.after_s

    @property
    def code(self) -> str:
        return self.explanation.code


class ConnectionFailed(ClientError):
    """There was no response. `sent`: whether the server may have received the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(
            message,
            explanation=Explanation(
                kind="transient",
                stage="admission",
                charged="unknown" if sent else "no",
                retry="unknown" if sent else "same",
                next_step="Check the network and the address of the server, then try again.",
                message=message,
                code="connection_failed",
            ),
        )
        self.sent = sent


class InvalidResponse(ClientError):
    """The response is not what the Videos API returns."""


def invalid_response(message: str) -> InvalidResponse:
    """The error for a response that cannot be read."""
    return InvalidResponse(
        message,
        explanation=Explanation(
            kind="transient",
            stage="unknown",
            charged="unknown",
            retry="unknown",
            next_step="Check that the address is that of a Videos API, with `/v1` at its end.",
            message=message,
            code="invalid_response",
        ),
    )


class ApiError(ClientError):
    """The server answered with an error."""


class ContentBlocked(ApiError):
    """A content filter refused the request."""


class InvalidRequest(ApiError):
    """A field, the model or the id is wrong."""


class AccessDenied(ApiError):
    """The key is missing, unknown or lacks a permission."""


class TooManyRequests(ApiError):
    """A rate limit or a quota."""


class ServerFailed(ApiError):
    """The server has an internal error, or is not available."""


class SubmitUnknown(ClientError):
    """The answer to a create was lost. `candidates`: ids of videos that may be the result.

    `idempotency_key`: the key that was sent. A server that honours keys may get the request with it again.
    """

    def __init__(
        self,
        message: str,
        *,
        explanation: Explanation,
        candidates: tuple[str, ...] = (),
        idempotency_key: str = "",
    ) -> None:
        super().__init__(message, explanation=explanation)
        self.candidates = candidates
        self.idempotency_key = idempotency_key


class VideoFailed(ClientError):
    """The video ended without a file."""


class VideoBlocked(VideoFailed):
    """A content filter refused the video."""


class DeadlinePassed(ClientError):
    """The video was not finished before the deadline. `unchanged_s`: how long nothing about it changed."""

    def __init__(
        self, message: str, *, explanation: Explanation, video: Video | None, unchanged_s: float
    ) -> None:
        super().__init__(message, explanation=explanation, video=video)
        self.unchanged_s = unchanged_s


class VideoVanished(ClientError):
    """The server no longer knows the video."""


class DownloadFailed(ClientError):
    """The file could not be stored completely."""


class HashMismatch(DownloadFailed):
    """The downloaded bytes are not those that the server announced. They were removed."""


class SpendLimit(ClientError):
    """No model stays within the price limit. Nothing more was sent."""


class BatchError(ClientError):
    """A batch cannot be planned or run. Nothing was sent."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(
            message,
            explanation=Explanation(
                kind="invalid_request",
                stage="admission",
                charged="no",
                retry="never",
                next_step=next_step,
                message=message,
                code="batch_invalid",
            ),
        )


class JournalUnusable(BatchError):
    """The journal is damaged, or belongs to another version, batch or server."""


class BatchRunning(BatchError):
    """Another program runs the same batch."""


class SignatureInvalid(ClientError):
    """A webhook message has no valid signature."""
