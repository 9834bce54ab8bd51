"""Checks of the origin of an uploaded file or an id, for the API and the page."""

from __future__ import annotations

from pathlib import Path

import anyio

from safelight.errors import NotFound
from safelight.provenance.recovery.provenance_check import ProvenanceCheck, ProvenanceChecks

from .rate_limit import RateLimiter
from .thread_pool import Threads

#: Largest file and most checks of a client without an account, on the page and in the API together.
MAX_STRANGERS_FILE_BYTES = 256 * 1024 * 1024
MAX_STRANGERS_CHECKS_PER_MINUTE = 10

#: Checks at the same time in one process; each keeps a processor busy. Others wait.
_MAX_CONCURRENT = 2


class ProvenanceDoor:
    """Runs checks for clients: few at a time, and every answer after a search at the same time."""

    def __init__(self, checks: ProvenanceChecks | None, threads: Threads, *, answer_after_s: float) -> None:
        self._given = checks
        self._threads = threads
        self._answer_after_s = answer_after_s
        self._strangers = RateLimiter(MAX_STRANGERS_CHECKS_PER_MINUTE, 60.0)
        self._slots = anyio.Semaphore(_MAX_CONCURRENT)

    def count_stranger(self, address: str) -> None:
        """Count a check of a client without an account. Raises `RateLimited`."""
        self._strangers.allow(address)

    async def check_file(self, path: Path) -> ProvenanceCheck:
        """Check a file. Raises `NotFound` if this server does not offer checks."""
        checks = self._checks()
        async with self._slots:
            began = anyio.current_time()
            found = await self._threads.run(checks.check_file, path)
        if found.was_searched:
            await anyio.sleep(began + self._answer_after_s - anyio.current_time())
        return found

    async def check_id(self, video_id: str) -> ProvenanceCheck:
        """Check the id of a video. Raises `NotFound` if this server does not offer checks."""
        return await self._threads.run(self._checks().check_id, video_id)

    def _checks(self) -> ProvenanceChecks:
        if self._given is None:
            raise NotFound("This server does not check the origin of files.")
        return self._given
