"""Checks of the origin of an uploaded file or an id, for the API and the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from safelight.core.errors import NotFound, Unavailable
from safelight.videos.registry import CheckFeedback, ProvenanceCheck, ProvenanceChecks

from .rate_limit import RateLimiter
from .thread_pool import Threads

#: Largest file and most checks of a client without an account, on the page and in the API together.
MAX_STRANGERS_FILE_BYTES = 256 * 1024 * 1024
MAX_STRANGERS_CHECKS_PER_MINUTE = 10

#: Checks that wait for their turn, of clients without an account and of keys. Each keeps its upload on disk.
_MAX_WAITING = 8
#: Clients are asked to come back after the longest time of one check.
_RETRY_AFTER_S = 30.0


class _Turns:
    """One first look and one search at a time, because each keeps a processor busy, and a bounded number of
    files whose search did not begin.
    """

    def __init__(self) -> None:
        self.look = anyio.Semaphore(1)
        self.search = anyio.Semaphore(1)
        self._waiting = 0

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Hold a place for a file until its search begins. Raises `Unavailable` if none is free."""
        self.require_place()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def require_place(self) -> None:
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("Too many files are being checked at the moment.", retry_after_s=_RETRY_AFTER_S)


class ProvenanceDoor:
    """Runs checks for clients: few at a time, and every search for a watermark takes the same time.

    Clients without an account wait for each other and not for keys.
    """

    def __init__(self, checks: ProvenanceChecks | None, threads: Threads, *, answer_after_s: float) -> None:
        self._given = checks
        self._threads = threads
        self._answer_after_s = answer_after_s
        self._addresses = RateLimiter(MAX_STRANGERS_CHECKS_PER_MINUTE, 60.0)
        self._strangers = _Turns()
        self._keys = _Turns()

    def admit_stranger(self, address: str) -> None:
        """Count a check of a client without an account, before its file is read.

        Raises `RateLimited`, and `Unavailable` if too many checks wait.
        """
        self._addresses.allow(address)
        self._strangers.require_place()

    def admit_key(self) -> None:
        """Raises `Unavailable` if too many checks wait. Called before the file is read."""
        self._keys.require_place()

    @property
    def feedback(self) -> CheckFeedback:
        """Raises `NotFound` if this server does not offer checks."""
        return self._checks().feedback

    async def check_upload(self, path: Path, *, stranger: bool) -> ProvenanceCheck:
        """Check an uploaded file, and delete it.

        Raises `NotFound` if this server does not offer checks, `InvalidMedia` for what is neither a video
        nor a picture, and `Unavailable` if too many files wait: several that are read at the same time may
        have found the same free place.
        """
        turns = self._strangers if stranger else self._keys
        try:
            checks = self._checks()
            with turns.wait():
                async with turns.look:
                    look = await self._threads.run(checks.look, path)
                if isinstance(look, ProvenanceCheck):
                    path.unlink(missing_ok=True)
                    return look
                await turns.search.acquire()
        except BaseException:
            path.unlink(missing_ok=True)  # also if the request was canceled
            raise
        began = anyio.current_time()
        try:
            return await self._threads.run(checks.search, path, look)
        finally:
            path.unlink(missing_ok=True)
            # The next search starts after the pause: otherwise the time of its answer, or of one that
            # did not have to wait, would show when this search ended.
            try:
                await anyio.sleep(self._pause_s(anyio.current_time() - began))
            finally:
                turns.search.release()

    async def check_id(self, video_id: str, *, tenant: str | None) -> ProvenanceCheck:
        """Check the id of a video. Raises `NotFound` if this server does not offer checks."""
        return await self._threads.run(self._checks().check_id, video_id, tenant=tenant)

    async def outcome(self, check: ProvenanceCheck, *, tenant: str) -> str | None:
        """The outcome of the video behind an answer, for its own tenant only."""
        return await self._threads.run(self._checks().outcome, check, tenant=tenant)

    def _pause_s(self, elapsed_s: float) -> float:
        """The time until the next multiple of `answer_after_s`."""
        return self._answer_after_s - elapsed_s % self._answer_after_s if self._answer_after_s else 0.0

    def _checks(self) -> ProvenanceChecks:
        if self._given is None:
            raise NotFound("This server does not check the origin of files.")
        return self._given
