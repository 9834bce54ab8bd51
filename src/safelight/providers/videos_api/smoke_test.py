"""Smoke test of a new upstream: submits one small request, downloads the clip, and deletes the upstream's
copy.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from safelight.core.errors import DeadlineExceeded, SubmissionUnconfirmed, UpstreamError, UpstreamRejected
from safelight.core.net.redaction import redact
from safelight.providers.protocol import Billing, Charge, GenerationRequest, Progress, UpstreamState
from safelight.providers.upstream.client import video_path

from .discovery import requires_auth
from .generator import VideosApiGenerator
from .options import Options

PROMPT = "A paper boat on a quiet pond in the morning, slow pan"
KEY_METADATA = "safelight_key"
#: Width, height and seconds to try, in ascending order. Models need multiples of 16 or 32.
_RUNGS = ((512, 288, 1), (832, 480, 2), (1280, 720, 4))
_MAX_BYTES = 512 << 20


@dataclass(frozen=True, kw_only=True)
class SmokeTestSkipped:
    """A field or size that the server did not accept, and the server's message."""

    what: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The result of the smoke test. Times are in seconds."""

    width: int
    height: int
    seconds: int
    declined: tuple[SmokeTestSkipped, ...]
    #: Time from submission until the video was finished.
    made_s: float
    charge: Charge | None
    #: Whether the server's list returns the metadata of a request; None if the server has no list.
    echoes: bool | None
    #: Whether reading the request's record requires authentication; None if that cannot be determined.
    closed: bool | None
    #: `deleted`: the server confirmed the deletion of its copy; `gone`: the copy can no longer be found.
    deleted: bool
    gone: bool


def run(
    options: Options,
    into: Path,
    *,
    within_s: float = 1800.0,
    report: Callable[[int], None] = lambda _percent: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Trial:
    """Requests the smallest clip that the server accepts, writes it to `into`, and deletes the server's
    copy.

    Rejected fields are left out one by one. If no clip results, raises an `UpstreamError` or
    `DeadlineExceeded`; the list of rejected fields is then lost.
    """
    declined: list[SmokeTestSkipped] = []
    began = clock()
    generator, request, upstream_id = _submit_smallest(options, declined, sleep)
    try:
        echoes = _returns_metadata(generator, request, upstream_id)
        progress = _ended(generator, upstream_id, began + within_s, report, sleep, clock)
        made_s = clock() - began
        generator.fetch(upstream_id, into, max_bytes=_MAX_BYTES)
        closed = requires_auth(options.url, video_path(upstream_id))
        deleted = generator.delete(upstream_id)
        gone = deleted and _is_gone(generator, upstream_id)
    finally:
        generator.close()
    return Trial(
        width=request.width,
        height=request.height,
        seconds=request.seconds,
        declined=tuple(declined),
        made_s=made_s,
        charge=progress.charge,
        echoes=echoes,
        closed=closed,
        deleted=deleted,
        gone=gone,
    )


def _submit_smallest(
    options: Options, declined: list[SmokeTestSkipped], sleep: Callable[[float], None]
) -> tuple[VideosApiGenerator, GenerationRequest, str]:
    """Submits requests until the server accepts one: first with fewer fields, then with larger clips."""
    optional = [name for name in ("metadata", "seed") if name != "seed" or "seed" not in options.extra_fields]
    rungs = _rungs(options)
    width, height, seconds = next(rungs)
    while True:
        generator = VideosApiGenerator(_with(options, optional), sleep=sleep)
        request = GenerationRequest(
            key=f"doctor-{secrets.token_hex(8)}",
            model=options.models[0] if options.models else "",
            prompt=PROMPT,
            seconds=seconds,
            width=width,
            height=height,
            extra={"seed": 1} if "seed" in optional else {},
        )
        try:
            return generator, request, generator.submit(request)
        except UpstreamRejected as error:
            generator.close()
            said = redact(error.message, secrets=options.secrets, longest=200)
            field = next((name for name in optional if name in error.message), None)
            if field is not None:
                optional.remove(field)
                declined.append(SmokeTestSkipped(what=field, said=said))
                continue
            declined.append(SmokeTestSkipped(what=f"{width}x{height} for {seconds} s", said=said))
            following = next(rungs, None)
            if following is None and not optional:
                raise
            if following is None:
                # The error names no field, so the sizes are tried again with OpenAI's own fields only.
                optional, rungs = [], _rungs(options)
                following = next(rungs)
            width, height, seconds = following
        except UpstreamError:
            generator.close()
            raise


def _rungs(options: Options) -> Iterator[tuple[int, int, int]]:
    """Sizes and lengths to try: the smallest one in the settings, else the standard ones in ascending
    order.
    """
    sizes = sorted(options.info().sizes, key=lambda size: size[0] * size[1])
    if sizes:
        yield (*sizes[0], min(options.seconds))
        return
    yield from _RUNGS


def _with(options: Options, optional: list[str]) -> Options:
    # Billing is set to `paid`, so that the charge is read from the response and not assumed.
    return msgspec.structs.replace(
        options,
        billing=Billing.PAID,
        idempotency_metadata_key=KEY_METADATA if "metadata" in optional else "",
        extra_fields={**options.extra_fields, **({"seed": "int"} if "seed" in optional else {})},
        list_lag_s=2.0,
    )


def _returns_metadata(
    generator: VideosApiGenerator, request: GenerationRequest, upstream_id: str
) -> bool | None:
    try:
        return generator.find(request.key) == upstream_id
    except SubmissionUnconfirmed as unknown:
        return False if "does not return our idempotency key" in unknown.message else None
    except UpstreamError:
        return None


def _ended(
    generator: VideosApiGenerator,
    upstream_id: str,
    deadline: float,
    report: Callable[[int], None],
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Progress:
    while True:
        progress = generator.progress(upstream_id)
        report(progress.percent or 0)
        if progress.state is UpstreamState.DONE:
            return progress
        if progress.state is UpstreamState.FAILED:
            refusal = progress.refusal
            why = (
                f"its filter refused it ({refusal.code}): {refusal.message}" if refusal else progress.problem
            )
            raise UpstreamError(f"It accepted the request and made no video: {why}")
        if clock() > deadline:
            raise DeadlineExceeded("It accepted the request, but no video was ready in time.")
        sleep(min(progress.poll_after_s or 1.0, 10.0))


def _is_gone(generator: VideosApiGenerator, upstream_id: str) -> bool:
    """Whether the server no longer knows the request. `progress` reports such a request as failed."""
    try:
        return generator.progress(upstream_id).state is UpstreamState.FAILED
    except UpstreamError:
        return False
