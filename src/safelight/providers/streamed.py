"""Adapter for servers that send a clip while they make it: `WS /v1/realtime/video` of vLLM-Omni.

The protocol is that of its documentation as of November 2026: JSON events, and before each binary message one
that describes it; the binary messages together are a fragmented MP4. Only for own hardware: a session that
breaks has to be started again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import msgspec
from websockets import CloseCode
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from safelight.core.errors import (
    StorageFull,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
)
from safelight.core.net.redaction import redact
from safelight.core.net.tls import tls_context
from safelight.providers.protocol import Billing, ClipMissing, GenerationRequest, GeneratorInfo
from safelight.providers.provider_errors import read
from safelight.providers.upstream.bodies import masked_body
from safelight.providers.upstream.download import too_large
from safelight.providers.upstream.failures import mask_refusal
from safelight.providers.upstream.options import Positive, RemoteOptions, convert_options

#: Fields of a request that are passed on.
_EXTRA_FIELDS = {"seed": int, "num_inference_steps": int, "guidance_scale": float, "negative_prompt": str}
#: For an event, which is a small JSON object.
_MAX_EVENT_CHARACTERS = 64 * 1024
#: For the answer to `session.stop`. Without one, closing the connection ends the session too.
_STOP_S = 5.0
#: Statuses of a handshake after which the server may take the request later: our key is wrong, or it is busy.
_LATER = frozenset({401, 403, 425, 429})


class Options(RemoteOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one server with `WS /v1/realtime/video`. `url` includes the version: `http://gpu-1:8091/v1`."""

    name: str = "vllm_omni_stream"
    #: Each session takes a thread of this process as long as the clip is made.
    max_concurrent: int = 4
    #: Frames a second that are asked for, so that a length in seconds becomes a number of frames.
    fps: int = 16
    #: Seconds without any message after which a session is given up.
    stall_timeout_s: Positive = 120.0

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.models:
            yield "`models` must name the server's model."
        if not 1 <= self.fps <= 120:
            yield "`fps` must be from 1 to 120."
        if self.max_concurrent < 1:
            yield "`max_concurrent` must be at least 1."
        if self.proxy:
            yield "`proxy` is not supported here."


@dataclass
class _Clip:
    """What arrived of a clip."""

    file: BinaryIO
    max_bytes: int
    #: Frames that the whole clip has.
    expected: int
    frames: int = 0
    size: int = 0
    #: The description of the next binary message.
    announced: Mapping[str, Any] | None = None

    def add(self, content: bytes) -> bool:
        """Append a binary message. Returns whether it has frames."""
        described, self.announced = self.announced, None
        if described is None or described.get("byte_length") != len(content):
            raise UpstreamInvalidResponse("A part of the clip does not have the length that was announced.")
        self.size += len(content)
        if self.size > self.max_bytes:
            raise too_large(self.max_bytes)
        self.file.write(content)
        self.file.flush()
        number = described.get("num_frames")
        added = number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0
        self.frames = min(self.expected, self.frames + added)
        return added > 0


@dataclass(frozen=True, kw_only=True)
class StreamedVideos:
    """A `StreamingGenerator`."""

    options: Options
    billing: Billing = field(default=Billing.OWN, init=False)

    @property
    def name(self) -> str:
        return self.options.name

    def info(self) -> GeneratorInfo:
        return replace(
            self.options.info(),
            extra_fields=_EXTRA_FIELDS,
            text_fields=frozenset({"negative_prompt"}),
            takes_reference=False,
            usd_per_second=self.options.usd_per_second or 0.0,
        )

    def receive(
        self,
        request: GenerationRequest,
        into: Path,
        watch: Callable[[Path, int, int], None],
        *,
        max_bytes: int,
    ) -> None:
        """See `StreamingGenerator.receive`."""
        try:
            with self._connected(max_bytes) as connection, into.open("wb") as file:
                clip = _Clip(file=file, max_bytes=max_bytes, expected=self.options.fps * request.seconds)
                self._receive(connection, request, clip, lambda: watch(into, clip.frames, clip.expected))
        except OSError as error:
            raise StorageFull("The finished video cannot be stored on this disk now.") from error

    def _receive(
        self, connection: ClientConnection, request: GenerationRequest, clip: _Clip, watch: Callable[[], None]
    ) -> None:
        """Receive the whole clip. Whatever ends it before, the server is asked to stop."""
        try:
            connection.send(json.dumps(_start(request, fps=self.options.fps)))
            self._receive_messages(connection, clip, watch)
        except ConnectionClosed as error:
            if error.sent is not None and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
                raise too_large(clip.max_bytes) from error
            raise SubmissionUnconfirmed(
                f"{self.name} ended the session before the clip was complete."
            ) from error
        except TimeoutError as error:
            self._stop(connection)
            raise UpstreamError(
                f"{self.name} sent nothing for {self.options.stall_timeout_s:g} seconds."
            ) from error
        except BaseException:
            self._stop(connection)
            raise

    def _receive_messages(self, connection: ClientConnection, clip: _Clip, watch: Callable[[], None]) -> None:
        started = False
        while True:
            message = connection.recv(timeout=self.options.stall_timeout_s)
            if isinstance(message, bytes):
                if clip.add(message):
                    watch()
                continue
            event = _event(message)
            match event.get("type"):
                case "video.start":
                    started = True
                case "video.chunk_metadata":
                    clip.announced = event
                case "session.done":
                    if event.get("stopped") or not clip.size:
                        raise ClipMissing(f"{self.name} ended the session without a clip.")
                    return
                case "error":
                    raise self._failure(event, started=started)

    def _failure(self, event: Mapping[str, Any], *, started: bool) -> UpstreamError:
        body = {"error": {name: event[name] for name in ("code", "message") if name in event}}
        if (refusal := read(body)) is not None:
            secrets = self.options.secrets
            return UpstreamModerationBlocked(
                f"The filter of {self.name} refused the request.",
                refusal=replace(mask_refusal(refusal, secrets), answer=masked_body(body, secrets=secrets)),
            )
        stated = redact(str(event.get("message", "")), secrets=self.options.secrets)
        sentence = f"{self.name} failed: {stated or 'it gave no reason'}."
        return UpstreamError(sentence) if started else UpstreamRejected(sentence)

    @contextmanager
    def _connected(self, max_bytes: int) -> Iterator[ClientConnection]:
        options = self.options
        url = httpx.URL(options.url.rstrip("/") + "/realtime/video")
        is_secure = url.scheme == "https"
        try:
            connection = connect(
                str(url.copy_with(scheme="wss" if is_secure else "ws")),
                additional_headers={"authorization": f"Bearer {options.api_key}"} if options.api_key else {},
                open_timeout=options.connect_timeout_s,
                close_timeout=_STOP_S,
                # A message is one part of a clip.
                max_size=max_bytes,
                compression=None,
                # From the environment no proxy is taken.
                proxy=None,
                ssl=tls_context(options.ca_file) if is_secure else None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            sentence = f"{self.name} does not start a session (status {status})."
            if status in _LATER or status >= 500:
                raise UpstreamUnavailable(sentence) from error
            raise UpstreamRejected(sentence) from error
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            raise UpstreamUnavailable(
                f"{self.name} cannot be reached; it did not receive the request."
            ) from error
        with connection:
            yield connection

    def _stop(self, connection: ClientConnection) -> None:
        """Ask the server to end the session, so that it computes no further."""
        with suppress(WebSocketException, OSError, TimeoutError, UpstreamError):
            connection.send(json.dumps({"type": "session.stop"}))
            while True:
                message = connection.recv(timeout=_STOP_S)
                if isinstance(message, str) and _event(message).get("type") in {"session.done", "error"}:
                    return


def create(options: dict[str, Any]) -> StreamedVideos:
    """The entry point of the kind `vllm_omni_stream`. Raises `SettingsError`."""
    return StreamedVideos(options=convert_options({"name": "vllm_omni_stream", **options}, Options))


def _start(request: GenerationRequest, *, fps: int) -> dict[str, Any]:
    return {
        **request.extra,
        "type": "session.start",
        "format": "m4s",
        "model": request.model,
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "fps": fps,
        "num_frames": fps * request.seconds,
    }


def _event(text: str) -> dict[str, Any]:
    if len(text) <= _MAX_EVENT_CHARACTERS:
        with suppress(msgspec.DecodeError):
            event = msgspec.json.decode(text)
            if isinstance(event, dict):
                return event
    raise UpstreamInvalidResponse("The server sent an event that cannot be read.")
