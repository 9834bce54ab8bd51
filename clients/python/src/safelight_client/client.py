"""The synchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .download import Download, download
from .management import cancel, check, delete, list_page
from .retries import RetryPolicy
from .session import Session
from .steps import Call
from .submission import form_of, submit
from .transport import Target, Transport
from .video import Cancellation, Page, Video
from .waiting import retrieve, watch

if TYPE_CHECKING:
    from .plan import Generated, Plan

#: Longest time for a create with its retries, and for a video.
CREATE_DEADLINE_S = 300.0
VIDEO_DEADLINE_S = 1800.0

T = TypeVar("T")
Variant = Literal["video", "thumbnail", "spritesheet"]
Order = Literal["asc", "desc"]


class Client:
    """A client of any server with OpenAI's `/v1/videos`.

    with Client("http://127.0.0.1:8000/v1", "sk-...") as client:
        video = client.wait(client.create("A tram at dusk", seconds="4"))
        client.download(video, "tram.mp4")

    `honours_keys`: whether the server recognizes a repeated `Idempotency-Key`. None asks the server: a
    Safelight gateway does, any other counts as not. A wrong True can be charged twice.
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
        self._transport = Transport(Target(base_url, api_key, timeout_s))

    def create(
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
        return self.run(call)

    def check(self, prompt: str, **fields: Any) -> Mapping[str, Any]:
        """Checks a prompt at a Safelight gateway; generates nothing. `answer`: `help`, `ask` or `refuse`.

        The result has the keys of `POST /v1/safelight/checks`, which takes the same fields.
        """
        return self.run(check({"prompt": prompt, **fields}))

    def retrieve(self, video_id: str) -> Video:
        """One video as it is now."""
        return self.run(retrieve(self.session, video_id))

    def list(self, *, after: str | None = None, limit: int = 20, order: Order = "desc") -> Page:
        """One page of the list; the next one begins `after` the last video of this one."""
        return self.run(list_page(self.session, after, limit, order))

    def delete(self, video_id: str) -> None:
        """Deletes a video and its files."""
        return self.run(delete(self.session, video_id))

    def cancel(self, video_id: str) -> Cancellation:
        """Cancels an unfinished video, if the server offers it."""
        return self.run(cancel(self.session, video_id))

    def wait(
        self,
        video: Video | str,
        *,
        deadline_s: float = VIDEO_DEADLINE_S,
        on_progress: Callable[[Video], object] | None = None,
    ) -> Video:
        """Polls until the video has ended. Returns it, completed or failed; raises `DeadlinePassed`."""
        return self.run(watch(self.session, self._video(video), deadline_s), on_progress)

    def watch(self, video: Video | str, *, deadline_s: float = VIDEO_DEADLINE_S) -> Iterator[Video]:
        """The video now and after each change, until it has ended."""
        return self._transport.watch(watch(self.session, self._video(video), deadline_s))

    def download(self, video: Video | str, path: str | Path, variant: Variant = "video") -> Download:
        """Stores the file. Resumes an interrupted download, and checks the hash that the server announced."""
        return self.run(download(self.session, self._video(video), Path(path), variant))

    def generate(self, prompt: str, plan: Plan, **fields: Any) -> Generated:
        """Makes a video within a price limit: a draft first, retries that cost nothing, several models."""
        from .plan import generate  # Not needed by most programs.

        return self.run(generate(self.session, {"prompt": prompt, **fields}, plan))

    def run(self, call: Call[T], on_progress: Callable[[Video], object] | None = None) -> T:
        """Performs a call and returns its result."""
        return self._transport.run(call, on_progress)

    def _video(self, video: Video | str) -> Video:
        return self.retrieve(video) if isinstance(video, str) else video

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()
