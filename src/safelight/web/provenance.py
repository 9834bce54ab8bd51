"""Checks of the origin of an uploaded file or an id, for the API and the page."""

from __future__ import annotations

from pathlib import Path

import anyio

from safelight.errors import NotFound, Unavailable
from safelight.provenance.recovery.provenance_check import ProvenanceCheck, ProvenanceChecks

from .rate_limit import RateLimiter
from .thread_pool import Threads

#: Largest file and most checks of a client without an account, on the page and in the API together.
MAX_STRANGERS_FILE_BYTES = 256 * 1024 * 1024
MAX_STRANGERS_CHECKS_PER_MINUTE = 10

#: Checks that wait for their turn, of clients without an account and of keys. Each keeps its upload on disk.
_MAX_WAITING = 8
#: Clients are asked to come back after the longest time of one check.
_RETRY_AFTER_S = 30.0


class _Turn:
    """One check at a time, because each keeps a processor busy, and a bounded number that wait for it."""

    def __init__(self) -> None:
        self.slot = anyio.Semaphore(1)

    def require_place(self) -> None:
        if self.slot.statistics().tasks_waiting >= _MAX_WAITING:
            raise Unavailable("Too many files are being checked at the moment.", retry_after_s=_RETRY_AFTER_S)


class ProvenanceDoor:
    """Runs checks for clients: few at a time, and every answer after a search at the same time.

    Clients without an account wait for each other and not for keys.
    """

    def __init__(self, checks: ProvenanceChecks | None, threads: Threads, *, answer_after_s: float) -> None:
        self._given = checks
        self._threads = threads
        self._answer_after_s = answer_after_s
        self._addresses = RateLimiter(MAX_STRANGERS_CHECKS_PER_MINUTE, 60.0)
        self._strangers = _Turn()
        self._keys = _Turn()

    def admit_stranger(self, address: str) -> None:
        """Count a check of a client without an account, before its file is read.

        Raises `RateLimited`, and `Unavailable` if too many checks wait.
        """
        self._addresses.allow(address)
        self._strangers.require_place()

    def admit_key(self) -> None:
        """Raises `Unavailable` if too many checks wait. Called before the file is read."""
        self._keys.require_place()

    async def check_upload(self, path: Path, *, stranger: bool) -> ProvenanceCheck:
        """Check an uploaded file, and delete it. Raises `NotFound` if this server does not offer checks."""
        checks = self._checks()
        async with (self._strangers if stranger else self._keys).slot:
            began = anyio.current_time()
            found = await self._threads.run(checks.check_file, path)
        await anyio.Path(path).unlink(missing_ok=True)
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
