"""The video service behind the API and the console: submit, get, list, read content and delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from safelight.accounts import KeyScope, Principal
from safelight.accounts.check_limits import CheckLimiter
from safelight.accounts.statements import erase_reasons
from safelight.accounts.withheld_videos import find_withheld
from safelight.core.errors import Conflict, Forbidden, NotFound, RequestBlocked, SafelightError, Withdrawn
from safelight.core.ids import is_id, new_id
from safelight.core.net.fetch import Fetcher
from safelight.core.tracing import work
from safelight.screening.timed_reference import TimedReferenceStage
from safelight.store import tables
from safelight.store.pages import Page
from safelight.videos.requests.admission import AdmissionLimits
from safelight.videos.requests.request import CreateRequest

from . import mappers
from .attempts import video_deadline
from .case_rows import close_cases
from .characters import Characters
from .context import PipelineContext
from .evasion import EvasionTracker
from .files import awaits_follow_up, drop_files
from .idempotency import ClaimExpired, CompletedKey, IdempotencyKeys, fingerprint
from .lineage import Lineage
from .models import (
    AWAITING_REVIEW,
    TERMINAL,
    Character,
    Content,
    Video,
    VideoFilter,
    VideoRecord,
    VideoState,
)
from .queue_places import QueuePlaces
from .quota import QuotaStatus
from .recovery_data import erase_recovery_data
from .references import References
from .reinstatement import scan_kept_clip
from .staff_reads import StaffRead, StaffReads, record_prompt_reads
from .submission import SubmissionService
from .transitions import update
from .withheld_video import withhold, withhold_record

_VARIANTS = {"video": "sealed", "thumbnail": "thumbnail", "spritesheet": "spritesheet"}
_MAX_PAGE_SIZE = 100
#: A client should poll after this fraction of the video's age, within these bounds.
_POLL_AGE_FRACTION, _MIN_POLL_S, _MAX_POLL_S = 1 / 30, 1.0, 10.0


@dataclass(frozen=True, kw_only=True)
class VideoService:
    """Submits, reads and deletes videos. Every method is synchronous and raises only `SafelightError`."""

    context: PipelineContext
    fetcher: Fetcher
    limits: AdmissionLimits
    default_generator: str
    timed_references: TimedReferenceStage
    enqueue: Callable[[str, str, int], None]
    #: Counts blocked requests. A caller that has reached the limit is rejected before any screening.
    check_limiter: CheckLimiter
    evasion_tracker: EvasionTracker
    queue_places: QueuePlaces
    staff_reads: StaffReads
    #: The coverage table before any check has run.
    coverage: Callable[[], dict[str, Any]]

    @cached_property
    def references(self) -> References:
        return References(context=self.context, fetcher=self.fetcher, timed_stage=self.timed_references)

    @cached_property
    def characters(self) -> Characters:
        return Characters(references=self.references)

    @cached_property
    def lineage(self) -> Lineage:
        return Lineage(context=self.context)

    @cached_property
    def keys(self) -> IdempotencyKeys:
        database = self.context.database
        alone_since = database.clock() if database.is_sqlite else 0.0
        return IdempotencyKeys(database=database, alone_since=alone_since)

    @cached_property
    def submissions(self) -> SubmissionService:
        return SubmissionService(
            context=self.context,
            references=self.references,
            characters=self.characters,
            lineage=self.lineage,
            keys=self.keys,
            check_limiter=self.check_limiter,
            evasion_tracker=self.evasion_tracker,
            limits=self.limits,
            default_generator=self.default_generator,
            enqueue=self.enqueue,
        )

    def create(self, principal: Principal, request: CreateRequest) -> Video:
        """Screen a request, and enqueue it if the policy allows it.

        A second request with the same idempotency key gets the answer to the first one. Raises
        `RequestBlocked` if the policy rejects the request. The error details contain the id of the record.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        video_id = new_id("video")
        with work("submit", video_id):
            if request.idempotency_key is None or request.problems:
                # Admission rejects wrong fields; without them the fingerprint would be of another request.
                return self.submissions.submit(principal, video_id, request, None)
            request_hash = fingerprint(request)
            claim = self.keys.claim(principal.tenant, request.idempotency_key, request_hash, video_id)
            if isinstance(claim, CompletedKey):
                return self._replay(principal, claim)
            try:
                return self.submissions.submit(principal, video_id, request, claim)
            except ClaimExpired:
                found = self.keys.claim(principal.tenant, claim.key, request_hash, new_id("video"))
                if isinstance(found, CompletedKey):
                    return self._replay(principal, found)
                self.keys.release(found)
                raise Conflict(
                    "Another request took over this Idempotency-Key. Send the request again."
                ) from None
            finally:
                # After the video was recorded, this has no effect.
                self.keys.release(claim)

    def create_character(
        self, principal: Principal, *, name: str, clip: Path, end_user: str | None
    ) -> Character:
        return self.characters.create(principal, name=name, clip=clip, end_user=end_user)

    def character(self, principal: Principal, character_id: str) -> Character:
        return self.characters.get(principal, character_id)

    def allowance(self, principal: Principal) -> QuotaStatus:
        """The quota of this API key for today."""
        with self.context.database.read_transaction(tenant=principal.tenant) as tx:
            return self.context.quota.allowance(tx, principal.id, now=tx.now())

    def get(self, principal: Principal, video_id: str) -> Video:
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        video = self.context.videos.get(principal.tenant, video_id)
        _require_kept(video)
        (shown,) = self._shown_to(principal, video)
        return self._with_place(shown)

    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page[Video]:
        """A page of the accepted videos, as OpenAI's list."""
        limit = self._check_page(principal, after, limit)
        page = self.context.videos.page(
            principal.tenant, after=after, limit=limit, newest_first=order != "asc"
        )
        return self._with_places(principal, page)

    def find(
        self, principal: Principal, wanted: VideoFilter, *, after: str | None, limit: int
    ) -> Page[Video]:
        """A page of the videos of this filter, newest first, also those blocked before generation."""
        limit = self._check_page(principal, after, limit)
        page = self.context.videos.find(principal, wanted, after=after, limit=limit)
        return self._with_places(principal, page)

    def batches(self, principal: Principal) -> tuple[str, ...]:
        """The names of the latest batches, as `batch` in the metadata of their videos states them."""
        principal.require(KeyScope.VIDEOS_READ)
        return self.context.videos.batches(principal.tenant)

    def delete(self, principal: Principal, video_id: str) -> None:
        """Delete a finished video, its files, fingerprint and stored manifest, also after its expiry.
        The record of its verdicts and decisions stays, and the delivered file of a reported video until its
        copies were looked for.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        before = self.context.videos.get(principal.tenant, video_id)
        with self.context.database.transaction(tenant=principal.tenant) as tx:
            row = tx.one(tables.videos, video_id, lock=True)
            assert row is not None
            video = mappers.video(row)
            close_cases(tx, video.id, actor=principal.id)
            if row.deleted_at is not None:
                # Its expiry keeps the fingerprint and the manifest. If another request was faster, nothing is
                # left to delete.
                erase_reasons(tx, video.id)
                if erase_recovery_data(tx, video):
                    tx.append_audit("video.deleted", subject=video.id, actor=principal.id, content={})
                else:
                    _require_kept(before)
                return
            if video.state not in TERMINAL:
                raise Conflict(
                    f"{video_id} is still {video.state.value}. Only a finished video can be deleted.",
                    param="video_id",
                )
            if not video.vaulted:
                drop_files(tx, video.id, without="sealed" if awaits_follow_up(tx, video.id) else "")
            erase_recovery_data(tx, video)
            erase_reasons(tx, video.id)
            update(tx, video, deleted_at=tx.now(), clip_kept_until=None)
            tx.append_audit("video.deleted", subject=video.id, actor=principal.id, content={})

    def scan_again(self, principal: Principal, video_id: str) -> Video:
        """Scan the kept clip of a failed video again, as a new video that names it. Nothing is sent to a
        generator, and nothing is charged.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        with self.context.database.transaction(tenant=principal.tenant) as tx:
            new_id = scan_kept_clip(self.context, tx, video_id, actor=principal.id)
        self.enqueue(principal.tenant, new_id, 1)
        return self.get(principal, new_id)

    def content(self, principal: Principal, video_id: str, variant: str) -> Content:
        """The delivered file of a video, or a preview of it. Other files cannot be read with this method."""
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        kind = _VARIANTS.get(variant)
        video, files = self.context.videos.with_files(principal.tenant, video_id, kind=kind or "")
        _require_kept(video)
        if video.state is VideoState.WITHDRAWN:
            remedy = f"GET /v1/safelight/statements?video_id={video_id} says why. Do not use copies of it."
            if video.reinstated_as is not None:
                remedy = f"It was released again after an appeal: use {video.reinstated_as}."
            raise Withdrawn(f"{video_id} was withdrawn.", param="video_id", remedy=remedy)
        if video.state is not VideoState.DELIVERED:
            raise NotFound(
                f"{video_id} has no content, because its state is {video.state.value}.", param="video_id"
            )
        if self.context.videos.is_hidden(video.tenant, video.id):
            raise Forbidden(
                f"{video.id} is hidden until a report about it is decided.",
                remedy="Wait for the decision. Its statement explains it.",
            )
        if kind == "sealed":
            files = [row for row in files if row.sha256 == video.sealed_sha256]
        self._require_intact_seal(video)
        if not files:
            raise NotFound(f"{video_id} has no variant {variant[:40]!r}.", param="variant")
        file = files[-1]
        is_video = kind == "sealed"
        self.staff_reads.record_media(
            principal,
            video.id,
            video.principal_id,
            StaffRead.MEDIA if is_video else StaffRead.PREVIEWS,
            sha256=file.sha256,
            seconds=video.seconds if is_video else 0.0,
        )

        def chunks(start: int, end: int) -> Iterator[bytes]:
            return self.context.blobs.stream(principal.tenant, file.sha256, start, end)

        return Content(sha256=file.sha256, media_type=file.media_type, size=file.bytes, chunks=chunks)

    def _require_intact_seal(self, video: Video) -> None:
        if not self.context.videos.has_intact_seal(video.tenant, video.id):
            raise SafelightError(
                f"{video.id} is not delivered: the seal of its file was changed after sealing.",
                remedy="The operator can compare the record with the audit log: safelight audit verify",
            )

    def record(self, principal: Principal, video_id: str, *, in_case: bool = False) -> VideoRecord:
        """The whole record of any video, even a rejected one. That of a vaulted video has no stages.

        `in_case`: on the page of a case that no other reviewer has, where the reader reads the prompt as part
        of the work: no entry in the audit log.
        """
        principal.require(KeyScope.VIDEOS_READ)
        _check_id(video_id)
        show_vaulted = principal.has_scope(KeyScope.VAULT)
        found = self.context.videos.record(principal.tenant, video_id, show_vaulted=show_vaulted)
        found = replace(found, video=replace(found.video, late_since=self._late_since(found.video)))
        if self._find_withheld(principal, found.video):
            return withhold_record(found)
        if not in_case:
            self._record_reads(principal, found.video)
        return found

    def poll_after_ms(self, video: Video) -> int:
        """Milliseconds that a client should wait before the next poll. They grow with the video's age."""
        if video.state is VideoState.HELD:
            return 60_000
        age = self.context.database.clock() - video.created_at
        return round(1000 * min(max(age * _POLL_AGE_FRACTION, _MIN_POLL_S), _MAX_POLL_S))

    def _shown_to(self, principal: Principal, *videos: Video) -> tuple[Video, ...]:
        """The videos with what this principal may read of them. Prompts that staff read are recorded."""
        withheld = self._find_withheld(principal, *videos)
        self._record_reads(principal, *(video for video in videos if video.id not in withheld))
        return tuple(withhold(video) if video.id in withheld else video for video in videos)

    def _find_withheld(self, principal: Principal, *videos: Video) -> frozenset[str]:
        if not any(video.vaulted or video.quarantined for video in videos):
            return frozenset()
        with self.context.database.read_transaction(tenant=principal.tenant) as tx:
            return find_withheld(tx, principal, videos)

    def _record_reads(self, principal: Principal, *videos: Video) -> None:
        owners = {video.id: video.principal_id for video in videos}
        record_prompt_reads(self.context.database, principal, owners)

    def _check_page(self, principal: Principal, after: str | None, limit: int) -> int:
        """The number of videos on a page. Raises if the caller may not read it, or for a wrong `after`."""
        principal.require(KeyScope.VIDEOS_READ)
        if after is not None:
            _check_id(after)
        return max(1, min(limit, _MAX_PAGE_SIZE))

    def _with_places(self, principal: Principal, page: Page[Video]) -> Page[Video]:
        return Page(self._shown_to(principal, *page.items), page.has_more).map(self._with_place)

    def _with_place(self, video: Video) -> Video:
        status = self.queue_places.status(video)
        return replace(video, queue=status, late_since=self._late_since(video))

    def _late_since(self, video: Video) -> float | None:
        """When the deadline of an unfinished video passed that a generator has, or only our own work."""
        if video.state in TERMINAL | AWAITING_REVIEW | {VideoState.QUEUED}:
            return None
        deadline = video_deadline(self.context, video)
        return deadline if self.context.database.clock() > deadline else None

    def _replay(self, principal: Principal, made: CompletedKey) -> Video:
        """The video of the first request with this key as it is now. Raises its `RequestBlocked` again."""
        row = self.context.videos.row(principal.tenant, made.video_id)
        video = mappers.video(row)
        _require_kept(video)
        if video.state is VideoState.REJECTED and row.accepted_at is None:
            raise RequestBlocked(
                video.error_message or "",
                details={**(video.explanation or {}), "video_id": video.id},
                param=made.rejected_field,
                generator=video.generator,
                replayed=True,
            )
        return replace(video, replayed=True)


def _check_id(video_id: str) -> None:
    if not is_id(video_id, "video"):
        raise _no_video(video_id)


def _require_kept(video: Video) -> None:
    """Raise `NotFound` if the video was deleted. A withdrawn video stays visible without its files."""
    if video.deleted and video.state is not VideoState.WITHDRAWN:
        raise _no_video(video.id)


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
