"""The videos of this process, in memory: a restart forgets them, and clients ask again. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .requests import VideoRequest
from .settings import ServerSettings


class QueueFull(Exception):
    pass


class KeyReused(Exception):
    """An idempotency key came again with another request."""


@dataclass(kw_only=True)
class Video:
    id: str
    request: VideoRequest
    key: str
    created_at: float
    path: Path
    status: str = "queued"
    progress: int = 0
    completed_at: float | None = None
    error: dict[str, Any] | None = None
    #: The record of its steering and watching, as soon as it has ended.
    record: dict[str, Any] = field(default_factory=dict)
    #: A deleted video is no longer shown; it stays here while the worker still has it.
    deleted: bool = False

    @property
    def preview_path(self) -> Path:
        """The blurred preview of a generation that the watcher stopped, until it is fetched."""
        return self.path.with_suffix(".png")

    @property
    def ended(self) -> bool:
        return self.status in {"completed", "failed"}


class Videos:
    """Thread-safe. A video that has ended does not change any more."""

    def __init__(
        self, settings: ServerSettings, folder: Path, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._videos: dict[str, Video] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self._changed = threading.Condition()

    def add(self, request: VideoRequest, *, key: str) -> Video:
        """A new video, or the one that has the same key. Raises `QueueFull`, `KeyReused`."""
        fingerprint = hashlib.sha256(json.dumps(request.as_json(), sort_keys=True).encode()).hexdigest()
        with self._changed:
            self._expire()
            if key and key in self._keys:
                video_id, known = self._keys[key]
                if known != fingerprint:
                    raise KeyReused
                return self._videos[video_id]
            if sum(video.status == "queued" for video in self._videos.values()) >= self._settings.max_waiting:
                raise QueueFull
            video_id = f"video_{secrets.token_hex(16)}"
            video = Video(
                id=video_id,
                request=request,
                key=key,
                created_at=self._clock(),
                path=self._folder / f"{video_id}.mp4",
            )
            self._videos[video_id] = video
            if key:
                self._keys[key] = (video_id, fingerprint)
            self._changed.notify_all()
            return video

    def get(self, video_id: str) -> Video | None:
        with self._changed:
            self._expire()
            video = self._videos.get(video_id)
            return None if video is None or video.deleted else video

    def newest_first(self) -> list[Video]:
        with self._changed:
            self._expire()
            return [video for video in reversed(self._videos.values()) if not video.deleted]

    def next_queued(self, *, timeout_s: float) -> Video | None:
        """The oldest queued video, which is then in progress; None if there is none within the time."""
        with self._changed:
            if not self._queued():
                self._changed.wait(timeout_s)
            video = self._queued()
            if video is not None:
                video.status = "in_progress"
            return video

    def _queued(self) -> Video | None:
        return next((video for video in self._videos.values() if video.status == "queued"), None)

    def report(self, video_id: str, done: int, of: int) -> None:
        with self._changed:
            video = self._videos.get(video_id)
            if video is not None and not video.ended and of:
                # The file is not there before the last step: 100 is for a completed video.
                video.progress = min(99, 100 * done // of)

    def end(self, video_id: str, *, error: dict[str, Any] | None, record: dict[str, Any]) -> None:
        """Completed if `error` is None, else failed. Of a deleted video, nothing is kept."""
        with self._changed:
            video = self._videos.get(video_id)
            if video is None or video.ended:
                return
            video.status = "failed" if error else "completed"
            video.error, video.record = error, record
            video.completed_at = self._clock()
            if error is None:
                video.progress = 100
            if video.deleted:
                self._remove_files(video)
            elif error:
                self._remove_clip(video)
                if error["code"] != "moderation_blocked":
                    video.preview_path.unlink(missing_ok=True)
            if video.deleted:
                self._forget(video)

    def take_preview(self, video_id: str) -> bytes | None:
        """The blurred preview of a stopped generation, which is deleted with it; None if there is none."""
        with self._changed:
            video = self._videos.get(video_id)
            if video is None or video.deleted or not video.ended or not video.preview_path.exists():
                return None
            picture = video.preview_path.read_bytes()
            video.preview_path.unlink()
            return picture

    def delete(self, video_id: str) -> Video | None:
        """Marks a video as deleted; None if there is none. The caller cancels its generation."""
        with self._changed:
            video = self._videos.get(video_id)
            if video is None or video.deleted:
                return None
            video.deleted = True
            if video.status != "in_progress":
                self._remove_files(video)
                self._forget(video)
            return video

    def _forget(self, video: Video) -> None:
        self._videos.pop(video.id, None)
        self._keys.pop(video.key, None)

    def _remove_files(self, video: Video) -> None:
        self._remove_clip(video)
        video.preview_path.unlink(missing_ok=True)

    def _remove_clip(self, video: Video) -> None:
        for path in (video.path, video.path.with_suffix(".part")):
            path.unlink(missing_ok=True)

    def _expire(self) -> None:
        before = self._clock() - self._settings.keep_s
        for video in list(self._videos.values()):
            if video.ended and (video.completed_at or 0.0) < before:
                self._remove_files(video)
                self._forget(video)
