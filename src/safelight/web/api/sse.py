"""Server-sent events of a video's progress. One poller per process reads the store for all clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request

from safelight.accounts import Principal
from safelight.core.errors import NotFound
from safelight.videos.models import TERMINAL, Video
from safelight.videos.service import VideoService
from safelight.web.thread_pool import Threads
from safelight.web.video_facts import position

_log = logging.getLogger(__name__)
#: Maximum duration of a stream. The browser then reconnects and is authenticated again, so an ended session
#: gets no more events.
MAX_STREAM_S = 600.0
HEARTBEAT_S = 15.0


@dataclass
class _WatchedVideo:
    principal: Principal
    latest: Video | None
    #: Set at each change and then replaced by a new event, so that each waiting stream sees each change once.
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: int = 0

    def now(self) -> Video | None:
        return self.latest


class EventPoller:
    """Polls all videos that open streams follow: one thread call per interval reads them all."""

    def __init__(self, videos: VideoService, threads: Threads, interval_s: float) -> None:
        self._videos = videos
        self._threads = threads
        self._interval_s = interval_s
        self._watched: dict[tuple[str, str], _WatchedVideo] = {}
        self._task: asyncio.Task[None] | None = None

    async def changes(
        self, principal: Principal, video: Video, seen: int | None
    ) -> AsyncGenerator[Video | None, None]:
        """Yields `video`, unless its position is `seen`, and then each later state.

        Yields None as a heartbeat. Ends after a terminal state, or when the video no longer exists.
        """
        key = (video.tenant, video.id)
        watched = self._watched.setdefault(key, _WatchedVideo(principal=principal, latest=video))
        watched.watchers += 1
        if watched.latest is None or position(watched.latest) < position(video):
            watched.latest = video
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            latest: Video | None = video
            while latest is not None:
                if seen is None or position(latest) > seen:
                    seen = position(latest)
                    yield latest
                if latest.state in TERMINAL:
                    return
                changed = watched.changed
                latest = watched.now()
                if latest is not None and position(latest) <= seen:
                    try:
                        await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                    except TimeoutError:
                        yield None
                    latest = watched.now()
        finally:
            watched.watchers -= 1
            if watched.watchers == 0:
                self._watched.pop(key, None)

    async def close(self) -> None:
        """Stop polling and end every stream."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for watched in self._watched.values():
            watched.latest = None
            watched.changed.set()

    async def _poll(self) -> None:
        while self._watched:
            await asyncio.sleep(self._interval_s)
            asked = [(key, watched.principal) for key, watched in self._watched.items()]
            try:
                found = await self._threads.run(self._read, asked)
            except Exception as error:
                _log.error("Polling videos failed; retrying: %r", error)
                continue
            for key, video in found.items():
                watched = self._watched.get(key)
                if watched is None or watched.latest is None:
                    continue
                if video is None or position(video) != position(watched.latest):
                    watched.latest = video
                    done, watched.changed = watched.changed, asyncio.Event()
                    done.set()

    def _read(self, asked: list[tuple[tuple[str, str], Principal]]) -> dict[tuple[str, str], Video | None]:
        found: dict[tuple[str, str], Video | None] = {}
        for key, principal in asked:
            try:
                found[key] = self._videos.get(principal, key[1])
            except NotFound:
                found[key] = None
        return found


def event_poller(request: Request) -> EventPoller:
    """The poller of the app that serves this request."""
    poller: EventPoller = request.app.state.event_poller
    return poller


async def event_stream(
    poller: EventPoller,
    principal: Principal,
    video: Video,
    seen: int | None,
    show: Callable[[Video], Awaitable[dict[str, Any]]],
) -> AsyncGenerator[bytes, None]:
    """The bytes of the event stream.

    Each event has the name `video`. Its id is the position of the video; its data is what `show` returns.
    """
    yield b"retry: 2000\n\n"
    ends = asyncio.get_running_loop().time() + MAX_STREAM_S
    changes = poller.changes(principal, video, seen)
    try:
        async for changed in changes:
            if changed is None:
                yield b": still here\n\n"
            else:
                data = msgspec.json.encode(await show(changed))
                yield b"event: video\nid: %d\ndata: %s\n\n" % (position(changed), data)
            if asyncio.get_running_loop().time() > ends:
                return
    finally:
        await changes.aclose()
