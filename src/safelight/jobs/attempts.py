"""An order to somebody's server: sent at most once, watched until it ends, fetched, and its copy removed.

The intent is committed before the call and the id after it. A crash between the two leaves doubt, and doubt
is settled by asking; where the upstream cannot tell, the job ends in `submit_unknown`, never sent again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from safelight.errors import (
    DeadlinePassed,
    SubmitUnknown,
    UpstreamError,
    UpstreamRefused,
    UpstreamUnavailable,
)
from safelight.generation.protocol import (
    Charge,
    Charged,
    Order,
    Ownership,
    RemoteGenerator,
    UpstreamState,
)

from .context import Workshop
from .models import Attempt, Video

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 15.0
_POLL_S = 2.0


class Stopping(Exception):
    """The process is asked to stop; the step is taken up again at the next start."""


def place(workshop: Workshop, video: Video, generator: RemoteGenerator, order: Order) -> Attempt:
    """An attempt the upstream has taken: the one that is under way, or a new one."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if last is not None and last.ended_at is None:
        if last.upstream_id is not None:
            return last
        found = _settle(workshop, video, generator, last)
        if found is not None:
            return found
    return _submit(workshop, video, generator, order)


def begin(workshop: Workshop, video: Video) -> Attempt:
    """A fresh attempt on our own hardware; one that a crash interrupted is noted as lost."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if last is not None and last.ended_at is None:
        _end(workshop, video, last, "lost", Charge(charged=Charged.NO, source="own hardware"))
    attempt = workshop.store.intend(video.tenant, video, ownership=Ownership.OWN)
    workshop.boundary("intended")
    return attempt


def _settle(
    workshop: Workshop, video: Video, generator: RemoteGenerator, doubtful: Attempt
) -> Attempt | None:
    """The attempt with its id where the upstream knows it; None where it may be sent (again)."""
    try:
        upstream_id = generator.find(doubtful.key)
    except SubmitUnknown:
        if generator.ownership is Ownership.OWN:
            _end(workshop, video, doubtful, "lost")
            return None
        raise
    if upstream_id is None:
        _end(workshop, video, doubtful, "not_taken", Charge(charged=Charged.NO, source="upstream"))
        return None
    return workshop.store.submitted(video.tenant, video.id, doubtful, upstream_id)


def _submit(workshop: Workshop, video: Video, generator: RemoteGenerator, order: Order) -> Attempt:
    wait = _FIRST_WAIT_S
    while True:
        attempt = workshop.store.intend(video.tenant, video, ownership=generator.ownership)
        workshop.boundary("intended")
        try:
            upstream_id = generator.submit(replace(order, key=attempt.key))
        except UpstreamUnavailable as error:
            _end(workshop, video, attempt, "not_taken", Charge(charged=Charged.NO, source="not taken"))
            pause(workshop, video, error.retry_after_s or wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
            continue
        except SubmitUnknown:
            found = _settle(workshop, video, generator, attempt)
            if found is not None:
                return found
            continue
        workshop.boundary("submitted")
        return workshop.store.submitted(video.tenant, video.id, attempt, upstream_id)


def _end(
    workshop: Workshop, video: Video, attempt: Attempt, outcome: str, charge: Charge | None = None
) -> None:
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.ended(tx, video.id, attempt, outcome, charge=charge)


def pause(workshop: Workshop, video: Video, seconds: float) -> None:
    """Wait, unless the deadline passes or the process stops meanwhile."""
    left = video_deadline(workshop, video) - time.time()
    if left <= 0:
        raise DeadlinePassed(f"The video was not finished within {workshop.terms.deadline_s:.0f} s.")
    if workshop.stopping.wait(max(0.01, min(seconds, left))):
        raise Stopping


def video_deadline(workshop: Workshop, video: Video) -> float:
    """Unix seconds after which an unfinished video fails with `timeout`."""
    return video.deadline_at or video.created_at + workshop.terms.deadline_s


def watch(workshop: Workshop, video: Video, generator: RemoteGenerator, attempt: Attempt) -> Charge:
    """Ask until the order is done; what it cost. Raises `Charging` where it failed or was refused."""
    upstream_id = attempt.upstream_id or ""
    report = workshop.progress(video.tenant, video.id, 5, 60)
    charge = Charge(charged=Charged.UNKNOWN)
    while True:
        try:
            progress = generator.progress(upstream_id)
        except UpstreamUnavailable as error:
            pause(workshop, video, error.retry_after_s or _POLL_S)
            continue
        charge = progress.charge or charge
        if progress.refusal is not None:
            raise Charging(
                UpstreamRefused(progress.refusal.message, refusal=progress.refusal),
                progress.charge or Charge(charged=progress.refusal.charged, source="documented"),
            )
        if progress.state is UpstreamState.FAILED:
            raise Charging(
                UpstreamError(f"The generator failed: {progress.problem or 'no reason given'}."), charge
            )
        if progress.state is UpstreamState.DONE:
            return charge
        report(progress.percent or 0)
        pause(workshop, video, progress.poll_after_s or _POLL_S)


class Charging(Exception):
    """An upstream's error together with what the attempt cost all the same."""

    def __init__(self, error: UpstreamError, charge: Charge) -> None:
        super().__init__(str(error))
        self.error = error
        self.charge = charge


def fetch(
    workshop: Workshop, video: Video, generator: RemoteGenerator, attempt: Attempt, charge: Charge, into: Path
) -> None:
    """Download the result of a finished order to `into`."""
    wait = _FIRST_WAIT_S
    while True:
        try:
            generator.fetch(attempt.upstream_id or "", into, max_bytes=workshop.terms.max_download_bytes)
        except UpstreamUnavailable as error:
            pause(workshop, video, error.retry_after_s or wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
        except UpstreamError as error:
            raise Charging(error, charge) from error
        else:
            workshop.boundary("fetched")
            return


def forget(generator: RemoteGenerator, upstream_id: str) -> str:
    """Remove the upstream's copy once ours is safe; `deleted` or `kept`."""
    try:
        return "deleted" if generator.delete(upstream_id) else "kept"
    except UpstreamError:
        return "kept"
