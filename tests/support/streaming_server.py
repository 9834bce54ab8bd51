"""A server with the documented protocol of `WS /v1/realtime/video`, which sends a clip part by part."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import av
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from safelight.detectors.safety_card import draw_card

WIDTH, HEIGHT, FPS = 320, 180, 8
#: Frames of a part.
PART_FRAMES = 8


@cache
def fragments(parts: int, card_from: int | None = None) -> tuple[bytes, ...]:
    """The parts of a fragmented MP4; from part `card_from` on they show the safety test card."""
    buffer = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(buffer, "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = PART_FRAMES
        stream.options = {"bf": "0", "sc_threshold": "0"}
        card = np.asarray(draw_card("violence", WIDTH, HEIGHT))
        for number in range(parts * PART_FRAMES):
            shown = card_from is not None and number // PART_FRAMES >= card_from
            picture = card if shown else np.full((HEIGHT, WIDTH, 3), 40 + 2 * (number % 64), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    found = _split(buffer.getvalue())
    assert len(found) == parts
    return found


def _split(content: bytes) -> tuple[bytes, ...]:
    """Cuts before each `moof` but the first, and leaves out the index at the end."""
    starts, at = [], 0
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if kind in (b"moof", b"mfra"):
            starts.append(at)
        at += size
    cuts = [0, *starts[1:]]
    return tuple(content[first:last] for first, last in pairwise(cuts))


@dataclass
class Script:
    """What the server does in a session."""

    parts: Sequence[bytes] = ()
    #: Seconds before each part.
    pause_s: float = 0.0
    #: Parts after which it ends the connection, falls silent, or sends an error.
    breaks_after: int | None = None
    hangs_after: int | None = None
    fails_after: int | None = None
    error: dict[str, Any] = field(default_factory=lambda: {"message": "CUDA out of memory"})
    #: Changes an event before it is sent.
    alter: Callable[[dict[str, Any]], Any] = lambda event: event


@dataclass
class StreamingServer:
    port: int
    script: Script
    sessions: list[dict[str, Any]] = field(default_factory=list)
    #: The header of each handshake.
    keys: list[str | None] = field(default_factory=list)
    sent: int = 0
    stops: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def streaming_server(script: Script | None = None) -> Iterator[StreamingServer]:
    state: StreamingServer

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/v1/realtime/video"
        state.keys.append(connection.request.headers.get("authorization"))
        try:
            _play(connection, state, state.script)
        except ConnectionClosed:
            return

    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        state = StreamingServer(server.socket.getsockname()[1], script or Script())
        thread = threading.Thread(target=server.serve_forever, name="streaming server")
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _play(connection: ServerConnection, state: StreamingServer, script: Script) -> None:
    start = json.loads(connection.recv(timeout=10))
    assert start["type"] == "session.start"
    state.sessions.append(start)
    name = f"video_stream-{len(state.sessions)}"

    def send(**event: Any) -> None:
        altered = script.alter({"request_id": name, **event})
        connection.send(altered if isinstance(altered, str) else json.dumps(altered))

    if script.fails_after == 0:
        send(type="error", **script.error)
        return
    send(type="video.start", format="m4s", config={})
    for number, part in enumerate(script.parts):
        if number == script.breaks_after:
            connection.socket.close()
            return
        if number == script.fails_after:
            send(type="error", **script.error)
            return
        if _stopped(connection, 60.0 if number == script.hangs_after else script.pause_s):
            state.stops += 1
            send(type="session.done", chunks=number, stopped=True)
            return
        send(
            type="video.chunk_metadata",
            kind="media",
            transport_chunk_index=number,
            generation_chunk_index=number,
            num_frames=PART_FRAMES,
            byte_length=len(part),
        )
        connection.send(part)
        state.sent += 1
    send(type="session.done", chunks=len(script.parts), stopped=False)


def _stopped(connection: ServerConnection, within_s: float) -> bool:
    try:
        return json.loads(connection.recv(timeout=within_s))["type"] == "session.stop"
    except TimeoutError:
        return False
