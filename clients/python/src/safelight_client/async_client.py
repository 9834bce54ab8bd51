"""The client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .client import CREATE_DEADLINE_S, VIDEO_DEADLINE_S, Order, Variant
from .download import Download, download
from .management import cancel, check, delete, list_page
from .retries import RetryPolicy
from .session import Session
from .steps import Call
from .submission import form_of, submit
from .transport import AsyncTransport, Target
from .video import Cancellation, Page, Video
from .waiting import retrieve, watch

if TYPE_CHECKING:
    from .plan import Generated, Plan

T = TypeVar("T")


class AsyncClient:
    """The same as `Client`, on asyncio.

    async with AsyncClient("http://127.0.0.1:8000/v1", "sk-...") as client:
        async for video in client.watch(await client.create("A tram at dusk", seconds="4")):
            print(video.status, video.progress)
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        honours_keys: bool | None = None,
        retries: RetryPolicy | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self.session = Session(retries=retries or RetryPolicy(), honours_keys=honours_keys)
        self._transport = AsyncTransport(Target(base_url, api_key, timeout_s))

    async def create(
        self,
        prompt: str,
        *,
        idempotency_key: str | None = None,
        deadline_s: float = CREATE_DEADLINE_S,
        **fields: Any,
    ) -> Video:
        """Requests a video. At most one is created and paid, whatever happens to the connection."""
        form = form_of({"prompt": prompt, **fields})
        call = submit(self.session, {"prompt": prompt, **fields}, form, idempotency_key, deadline_s)
        return await self.run(call)

    async def check(self, prompt: str, **fields: Any) -> Mapping[str, Any]:
        """Checks a prompt at a Safelight gateway; generates nothing. `answer`: `help`, `ask` or `refuse`."""
        return await self.run(check({"prompt": prompt, **fields}))

    async def retrieve(self, video_id: str) -> Video:
        """One video as it is now."""
        return await self.run(retrieve(self.session, video_id))

    async def list(self, *, after: str | None = None, limit: int = 20, order: Order = "desc") -> Page:
        """One page of the list; the next one begins `after` the last video of this one."""
        return await self.run(list_page(self.session, after, limit, order))

    async def delete(self, video_id: str) -> None:
        """Deletes a video and its files."""
        return await self.run(delete(self.session, video_id))

    async def cancel(self, video_id: str) -> Cancellation:
        """Cancels an unfinished video, if the server offers it."""
        return await self.run(cancel(self.session, video_id))

    async def wait(
        self,
        video: Video | str,
        *,
        deadline_s: float = VIDEO_DEADLINE_S,
        on_progress: Callable[[Video], object] | None = None,
    ) -> Video:
        """Polls until the video has ended. Returns it, completed or failed; raises `DeadlinePassed`."""
        return await self.run(watch(self.session, await self._video(video), deadline_s), on_progress)

    async def watch(
        self, video: Video | str, *, deadline_s: float = VIDEO_DEADLINE_S
    ) -> AsyncIterator[Video]:
        """The video now and after each change, until it has ended."""
        call = watch(self.session, await self._video(video), deadline_s)
        async for change in self._transport.watch(call):
            yield change

    async def download(self, video: Video | str, path: str | Path, variant: Variant = "video") -> Download:
        """Stores the file. Resumes an interrupted download, and checks the hash that the server announced."""
        return await self.run(download(self.session, await self._video(video), Path(path), variant))

    async def generate(self, prompt: str, plan: Plan, **fields: Any) -> Generated:
        """Makes a video within a price limit: a draft first, retries that cost nothing, several models."""
        from .plan import generate  # Not needed by most programs.

        return await self.run(generate(self.session, {"prompt": prompt, **fields}, plan))

    async def run(self, call: Call[T], on_progress: Callable[[Video], object] | None = None) -> T:
        """Performs a call and returns its result."""
        return await self._transport.run(call, on_progress)

    async def _video(self, video: Video | str) -> Video:
        return await self.retrieve(video) if isinstance(video, str) else video

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()
