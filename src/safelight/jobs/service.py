"""Videos as the fronts see them: ordered, looked up, listed, read, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from safelight.errors import Conflict, NotFound, RequestBlocked, Withdrawn
from safelight.ids import is_id, new_id
from safelight.moderation.admission import AdmissionLimits
from safelight.moderation.request import CreateRequest
from safelight.net.fetch import Fetcher
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.check_limits import CheckLimiter
from safelight.trust.evasion.service import EvasionTracker

from . import mappers
from .characters import Characters
from .context import PipelineContext
from .idempotency import ClaimExpired, CompletedKey, IdempotencyKeys, fingerprint
from .lineage import Lineage
from .models import Character, Content, Page, SubmissionResult, Video, VideoRecord
from .quota import QuotaStatus
from .references import References
from .states import TERMINAL, VideoState
from .submission import SubmissionService

_VARIANTS = {"video": "sealed", "thumbnail": "thumbnail", "spritesheet": "spritesheet"}
_LONGEST_PAGE = 100
#: Between two looks at a video: this part of its age, within these bounds.
_OF_AGE, _SOONEST_S, _LATEST_S = 1 / 30, 1.0, 10.0


@dataclass(frozen=True, kw_only=True)
class VideoService:
    """The job service. Every method is synchronous and raises only `SafelightError`s."""

    workshop: PipelineContext
    fetcher: Fetcher
    limits: AdmissionLimits
    default_generator: str
    #: Threads for references that are looked at while the client waits.
    threads: Executor
    hand_over: Callable[[str, str, int], None]
    #: Blocked creates are counted; who has spent theirs is refused before anything is looked at.
    probes: CheckLimiter
    rewordings: EvasionTracker
    describe_coverage: Callable[[], dict[str, Any]]
    describe_readiness: Callable[[], dict[str, Any]]

    @cached_property
    def references(self) -> References:
        return References(workshop=self.workshop, fetcher=self.fetcher, threads=self.threads)

    @cached_property
    def characters(self) -> Characters:
        return Characters(references=self.references)

    @cached_property
    def lineage(self) -> Lineage:
        return Lineage(workshop=self.workshop)

    @cached_property
    def keys(self) -> IdempotencyKeys:
        return IdempotencyKeys(database=self.workshop.database)

    @cached_property
    def intake(self) -> SubmissionService:
        return SubmissionService(
            workshop=self.workshop,
            references=self.references,
            characters=self.characters,
            lineage=self.lineage,
            keys=self.keys,
            probes=self.probes,
            rewordings=self.rewordings,
            limits=self.limits,
            default_generator=self.default_generator,
            hand_over=self.hand_over,
        )

    def create(self, principal: Principal, request: CreateRequest) -> Video:
        """Screen a request and, where it is allowed, put it on its way.

        Raises `Blocked` before anything was spent; the record of it can be read under the id in its details.
        """
        ordered = self.submit(principal, request)
        if ordered.refusal is not None:
            raise ordered.refusal
        return ordered.video

    def submit(self, principal: Principal, request: CreateRequest) -> SubmissionResult:
        """As `create`, with a refusal as a value, and the word whether an idempotency key gave the answer."""
        principal.require(KeyScope.VIDEOS_WRITE)
        video_id = new_id("video")
        if request.idempotency_key is None:
            return self.intake.submit(principal, video_id, request, None)
        said = fingerprint(request)
        claim = self.keys.claim(principal.tenant, request.idempotency_key, said, video_id)
        if isinstance(claim, CompletedKey):
            return self._again(principal, claim)
        try:
            return self.intake.submit(principal, video_id, request, claim)
        except ClaimExpired:
            found = self.keys.claim(principal.tenant, claim.key, said, new_id("video"))
            if isinstance(found, CompletedKey):
                return self._again(principal, found)
            self.keys.release(found)
            raise Conflict("Another request with this Idempotency-Key came between.") from None
        finally:
            # Nothing is released once the video is on the record.
            self.keys.release(claim)

    def create_character(
        self, principal: Principal, *, name: str, clip: Path, end_user: str | None
    ) -> Character:
        return self.characters.create(principal, name=name, clip=clip, end_user=end_user)

    def character(self, principal: Principal, character_id: str) -> Character:
        return self.characters.get(principal, character_id)

    def allowance(self, principal: Principal) -> QuotaStatus:
        """What this key may still order today."""
        with self.workshop.database.read_transaction(tenant=principal.tenant) as tx:
            return self.workshop.quota.allowance(tx, principal.id, now=tx.now())

    def get(self, principal: Principal, video_id: str) -> Video:
        principal.require(KeyScope.VIDEOS_READ)
        video = self._one(principal, video_id)
        if video.deleted and video.state is not VideoState.WITHDRAWN:
            raise _no_video(video_id)
        return video

    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page:
        principal.require(KeyScope.VIDEOS_READ)
        if after is not None and not is_id(after, "video"):
            raise _no_video(after)
        return self.workshop.store.page(
            principal.tenant,
            after=after,
            limit=max(1, min(limit, _LONGEST_PAGE)),
            newest_first=order != "asc",
        )

    def delete(self, principal: Principal, video_id: str) -> None:
        """Remove a finished video and its files; the record of what was decided stays."""
        principal.require(KeyScope.VIDEOS_WRITE)
        video = self.get(principal, video_id)
        if video.state not in TERMINAL:
            raise Conflict(
                f"{video_id} is still {video.state.value}; only a finished video can be deleted.",
                param="video_id",
            )
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            if not video.vaulted:
                self.workshop.store.drop_files(tx, video.id)
            self.workshop.store.update(tx, video, deleted_at=time.time())
            tx.append_audit("video.deleted", subject=video.id, actor=principal.id, content={})

    def content(self, principal: Principal, video_id: str, variant: str) -> Content:
        """The released file or a picture made from it. Nothing else is ever read here."""
        principal.require(KeyScope.VIDEOS_READ)
        video = self.get(principal, video_id)
        if video.state is VideoState.WITHDRAWN:
            raise Withdrawn(f"{video_id} was withdrawn.", param="video_id")
        if video.state is not VideoState.DELIVERED:
            raise NotFound(f"{video_id} has no content: it is {video.state.value}.", param="video_id")
        kind = _VARIANTS.get(variant)
        files = self.workshop.store.files(principal.tenant, video_id, kind=kind) if kind else []
        if kind == "sealed":
            files = [row for row in files if row.sha256 == video.sealed_sha256]
        if not files:
            raise NotFound(f"{video_id} has no {variant[:40]!r}.", param="variant")
        file = files[-1]

        def chunks(start: int, end: int) -> Iterator[bytes]:
            return self.workshop.blobs.stream(principal.tenant, file.sha256, start, end)

        return Content(sha256=file.sha256, media_type=file.media_type, size=file.bytes, chunks=chunks)

    def record(self, principal: Principal, video_id: str) -> VideoRecord:
        """Everything on the record about a video, a refused one too. A vaulted one shows only its state."""
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        return self.context.videos.record(
            principal.tenant, video_id, show_vaulted=principal.has_scope(KeyScope.VAULT)
        )

    def coverage(self) -> dict[str, Any]:
        return self.describe_coverage()

    def readiness(self) -> dict[str, Any]:
        return self.describe_readiness()

    def poll_after_ms(self, video: Video) -> int:
        """How long a client should wait before it asks again: what takes long is asked after seldom."""
        if video.state is VideoState.HELD:
            return 60_000
        age = time.time() - video.created_at
        return round(1000 * min(max(age * _OF_AGE, _SOONEST_S), _LATEST_S))

    def _one(self, principal: Principal, video_id: str) -> Video:
        if not is_id(video_id, "video"):
            raise _no_video(video_id)
        return self.workshop.store.get(principal.tenant, video_id)

    def _again(self, principal: Principal, made: CompletedKey) -> SubmissionResult:
        """What the key's first request came to: its video as it is now, or the same refusal."""
        row = self.workshop.store.row(principal.tenant, made.video_id)
        video = mappers.video(row)
        if video.deleted and video.state is not VideoState.WITHDRAWN:
            raise _no_video(video.id)
        refusal = None
        if video.state is VideoState.REJECTED and row.accepted_at is None:
            refusal = RequestBlocked(
                video.error_message or "",
                details={**(video.explanation or {}), "video_id": video.id},
                param=made.param,
            )
        return SubmissionResult(video=video, refusal=refusal, replayed=True)


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
