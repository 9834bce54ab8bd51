"""Helpers for programs that keep the `openai` SDK (2.x, 3.x): create once, and wait to the end.

The SDK is not imported here; its client is passed in. They perform the calls of this package through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from .error_meanings import as_mapping
from .errors import ApiError, ConnectionFailed
from .files import read_files
from .retries import RetryPolicy
from .session import Session
from .steps import Answer, Call, Ended, Fetch, Pause, Send, Show, advance, stop
from .submission import submit
from .video import Video, read_video
from .waiting import retrieve, watch

#: Names of the causes of a connection error after which nothing was sent.
_UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})
_KEY = "idempotency-key"
_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(client: Any) -> Session:
    """What is known about the server of this client. Set its `retries` or `honours_keys` to change them."""
    return _SESSIONS.setdefault(client, Session(retries=RetryPolicy()))


def create_once(
    client: Any, *, idempotency_key: str | None = None, deadline_s: float = 300.0, **fields: Any
) -> Any:
    """`client.videos.create(**fields)`, of which at most one is created and paid. Returns the SDK's video.

    Switches the retries of the SDK off and sends an `Idempotency-Key`. Raises the exceptions of the SDK, and
    `SubmitUnknown` if the answer was lost and the video cannot be found.
    """
    calls = _SdkCalls(client, fields)
    return calls.run(calls.submit(idempotency_key, deadline_s))


def wait(
    client: Any, video: Any, deadline_s: float, on_progress: Callable[[Video], object] | None = None
) -> Any:
    """Polls until the video has ended, completed or failed. Returns the video of the SDK.

    Status words of other servers are known. Raises `DeadlinePassed`, `VideoVanished` or `InvalidResponse`.
    """
    calls = _SdkCalls(client, {})
    return calls.run(watch(session_of(client), read_video(as_mapping(video)), deadline_s), on_progress)


async def create_once_async(
    client: Any, *, idempotency_key: str | None = None, deadline_s: float = 300.0, **fields: Any
) -> Any:
    """`create_once` for `AsyncOpenAI`."""
    calls = _SdkCalls(client, fields)
    return await calls.run_async(calls.submit(idempotency_key, deadline_s))


async def wait_async(
    client: Any, video: Any, deadline_s: float, on_progress: Callable[[Video], object] | None = None
) -> Any:
    """`wait` for `AsyncOpenAI`."""
    calls = _SdkCalls(client, {})
    call = watch(session_of(client), read_video(as_mapping(video)), deadline_s)
    return await calls.run_async(call, on_progress)


class _SdkCalls:
    """Performs the steps of one call with a client of the SDK, and keeps what the SDK returned."""

    def __init__(self, client: Any, fields: Mapping[str, Any]) -> None:
        self._session = session_of(client)
        self._client = client.with_options(max_retries=0)
        # A file object can be read once only, and the request may be sent again.
        self._fields = read_files(fields)
        self._response: Any = None
        self._error: Exception | None = None
        self._note = ""

    def submit(self, key: str | None, deadline_s: float) -> Call[Video]:
        plain = {**self._fields, **(self._fields.get("extra_body") or {})}
        given = {str(n).lower(): str(v) for n, v in (self._fields.get("extra_headers") or {}).items()}
        return submit(self._session, plain, (), key or given.get(_KEY), deadline_s)

    def _with_response(self, call: Call[Video]) -> Call[Video]:
        """The call, and a retrieve if its last response is not the video, which the SDK has to read."""
        video = yield from call
        if not self._is_of(video):
            self._note = f"The video {video.id} exists."
            yield from retrieve(self._session, video.id)
        return video

    def run(self, call: Call[Video], on_progress: Callable[[Video], object] | None = None) -> Any:
        import time

        outcome: object = None
        call = self._with_response(call)
        try:
            while not isinstance(step := self._advance(call, outcome), Ended):
                outcome = None
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                elif isinstance(step, Show):
                    if on_progress is not None:
                        on_progress(step.video)
                else:
                    try:
                        outcome = self._keep(self._request(step))
                    except Exception as error:
                        outcome = self._as_outcome(error)
        except BaseException as error:
            stop(call, error)
            raise
        return self._response.parse()

    async def run_async(self, call: Call[Video], on_progress: Callable[[Video], object] | None = None) -> Any:
        import asyncio

        outcome: object = None
        call = self._with_response(call)
        try:
            while not isinstance(step := self._advance(call, outcome), Ended):
                outcome = None
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, Show):
                    if on_progress is not None:
                        on_progress(step.video)
                else:
                    try:
                        outcome = self._keep(await self._request(step))
                    except Exception as error:
                        outcome = self._as_outcome(error)
        except BaseException as error:
            stop(call, error)
            raise
        return self._response.parse()

    def _advance(self, call: Call[Video], outcome: object) -> Any:
        try:
            return advance(call, outcome)
        except (ApiError, ConnectionFailed) as error:
            # The programs that use this handle the exceptions of the SDK.
            raised = self._error or error
            if self._note:
                raised.add_note(self._note)
            raise raised from None

    def _request(self, step: Send | Fetch) -> Any:
        """The raw response of the SDK, or the coroutine that returns it."""
        videos = self._client.videos.with_raw_response
        if isinstance(step, Send) and step.method == "POST":
            given = self._fields.get("extra_headers") or {}
            # Names of headers differ in case, and two keys are a broken request.
            headers = {name: value for name, value in given.items() if str(name).lower() != _KEY}
            more = {"extra_headers": {**headers, **step.headers}}
            return videos.create(**{"timeout": self._timeout(step), **self._fields, **more})
        if step.path == "/models":
            return self._client.models.with_raw_response.list()
        if step.path == "/videos":
            query: dict[str, Any] = dict(step.query)
            return videos.list(**{**query, "limit": int(query.get("limit", 20))})
        return videos.retrieve(step.path.rpartition("/")[2], timeout=self._timeout(step))

    def _timeout(self, step: Send | Fetch) -> Any:
        """The timeout of the client of the SDK, or less if the deadline is near."""
        given = self._client.timeout
        limit = step.timeout_s if isinstance(step, Send) else None
        read = getattr(given, "read", given)
        return given if limit is None or (read is not None and read <= limit) else limit

    def _keep(self, response: Any) -> Answer:
        self._response, self._error = response, None
        return _answer(response.http_response)

    def _as_outcome(self, error: Exception) -> object:
        self._error = error
        response = getattr(error, "response", None)
        if response is not None and hasattr(error, "status_code"):
            return _answer(response)
        if any(cls.__name__ == "APIConnectionError" for cls in type(error).__mro__):
            cause = type(error.__cause__).__name__
            return ConnectionFailed(str(error), sent=cause not in _UNSENT)
        return error

    def _is_of(self, video: Video) -> bool:
        """Whether the last response is that of this video."""
        if self._response is None:
            return False
        body = _answer(self._response.http_response).json()
        return isinstance(body, Mapping) and body.get("id") == video.id and "status" in body


def _answer(response: Any) -> Answer:
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    return Answer(status=int(response.status_code), headers=headers, body=response.content)
