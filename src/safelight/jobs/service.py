"""Videos as the fronts see them: ordered, looked up, listed, read, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.errors import Blocked, Conflict, Gone, NotFound
from safelight.ids import is_id, new_id
from safelight.net.fetch import Fetcher
from safelight.policy.findings import Finding, Stage
from safelight.policy.verdicts import Action
from safelight.stages.admission import AdmissionLimits, admit
from safelight.stages.judging import Judged
from safelight.stages.reference import ReferenceFile, media_type
from safelight.stages.request import Admitted, CreateRequest
from safelight.store import tables
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal, Scope

from . import rows
from .machine import TERMINAL, State
from .models import Content, Page, Video, VideoRecord
from .workshop import Workshop

_VARIANTS = {"video": "sealed", "thumbnail": "thumbnail", "spritesheet": "spritesheet"}
_LONGEST_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Videos:
    """The job service. Every method is synchronous and raises only `SafelightError`s."""

    workshop: Workshop
    fetcher: Fetcher
    limits: AdmissionLimits
    default_generator: str
    #: Threads for references that are looked at while the client waits.
    threads: Executor
    hand_over: Callable[[str, str, int], None]
    describe_coverage: Callable[[], dict[str, Any]]
    describe_readiness: Callable[[], dict[str, Any]]

    def create(self, principal: Principal, request: CreateRequest) -> Video:
        """Screen a request and, where it is allowed, put it on its way.

        Raises `Blocked` before anything was spent; the record of it can be read under the id in its details.
        """
        principal.require(Scope.VIDEOS_WRITE)
        admitted = admit(
            request, self.workshop.generators, default=self.default_generator, limits=self.limits
        )
        video_id = new_id("video")
        words = self.workshop.stages.prompt.screen(
            admitted.texts, tenant=principal.tenant, negated=admitted.negated
        )
        if words.verdict.action is Action.BLOCK:
            raise self._refuse(principal, video_id, admitted, (words,), ())
        with self.workshop.bench(video_id) as bench:
            references = self._references(admitted, bench)
            pictures = self._look(references, principal.tenant, words.findings)
            judged = (words, *((pictures,) if pictures else ()))
            if pictures and pictures.verdict.action is Action.BLOCK:
                raise self._refuse(principal, video_id, admitted, judged, references)
            pending = bool(references) and pictures is None
            self._accept(principal, video_id, admitted, judged, references, pending=pending)
        return self.get(principal, video_id)

    def get(self, principal: Principal, video_id: str) -> Video:
        principal.require(Scope.VIDEOS_READ)
        video = self._one(principal, video_id)
        if video.deleted and video.state is not State.WITHDRAWN:
            raise _no_video(video_id)
        return video

    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page:
        principal.require(Scope.VIDEOS_READ)
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
        principal.require(Scope.VIDEOS_WRITE)
        video = self.get(principal, video_id)
        if video.state not in TERMINAL:
            raise Conflict(
                f"{video_id} is still {video.state.value}; only a finished video can be deleted.",
                param="video_id",
            )
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            if not video.vaulted:
                self.workshop.store.drop_files(tx, video.id)
            self.workshop.store.change(tx, video, deleted_at=time.time())
            tx.log("video.deleted", subject=video.id, actor=principal.id, content={})

    def content(self, principal: Principal, video_id: str, variant: str) -> Content:
        """The released file or a picture made from it. Nothing else is ever read here."""
        principal.require(Scope.VIDEOS_READ)
        video = self.get(principal, video_id)
        if video.state is State.WITHDRAWN:
            raise Gone(f"{video_id} was withdrawn.", param="video_id")
        if video.state is not State.DELIVERED:
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
        principal.require(Scope.VIDEOS_READ)
        video = self._one(principal, video_id)
        store, tenant = self.workshop.store, principal.tenant
        seal = store.seal(video)
        hidden = video.vaulted and not principal.may(Scope.VAULT)
        return VideoRecord(
            video=video,
            judgements=() if hidden else store.judgements(tenant, video_id),
            attempts=store.attempts(tenant, video_id),
            seal=None
            if seal is None
            else {
                "sha256": seal.sha256,
                "source_sha256": seal.source_sha256,
                "created_at": seal.created_at,
                "manifest_bytes": len(seal.manifest),
                "facts": seal.facts,
            },
            log=tuple(
                {"seq": row.seq, "at": row.at, "event": row.event, "actor": row.actor, "hash": row.hash}
                for row in store.log_of(tenant, video_id)
            ),
        )

    def coverage(self) -> dict[str, Any]:
        return self.describe_coverage()

    def readiness(self) -> dict[str, Any]:
        return self.describe_readiness()

    def poll_after_ms(self, video: Video) -> int:
        """How long a client should wait before it asks again."""
        if video.state is State.HELD:
            return 60_000
        return 1_000 if time.time() - video.created_at < 60 else 3_000

    def _one(self, principal: Principal, video_id: str) -> Video:
        if not is_id(video_id, "video"):
            raise _no_video(video_id)
        return self.workshop.store.get(principal.tenant, video_id)

    def _references(self, admitted: Admitted, bench: Path) -> tuple[ReferenceFile, ...]:
        """Everything that came as a file or an address, on our disk; addresses are fetched once, by us."""
        files = [self._reference(upload.path, upload.field) for upload in admitted.uploads]
        for number, (field, url) in enumerate(admitted.urls.items()):
            into = bench / f"fetched-{number}"
            self.fetcher.fetch(url, into, max_bytes=self.workshop.terms.max_reference_bytes, param=field)
            files.append(self._reference(into, field))
        return tuple(files)

    def _reference(self, path: Path, field: str) -> ReferenceFile:
        return ReferenceFile(
            path=path, field=field, media_type=media_type(path, field), sha256=self.workshop.sha256(path)
        )

    def _look(
        self, references: tuple[ReferenceFile, ...], tenant: str, prior: tuple[Finding, ...]
    ) -> Judged | None:
        """The verdict on the references, or None where it takes longer than a client should wait."""
        stage = self.workshop.stages.reference
        if not references or any(not file.is_picture for file in references):
            return None
        looking: Future[Judged] = self.threads.submit(
            stage.judge_files, references, tenant=tenant, prior=prior
        )
        try:
            return looking.result(timeout=self.workshop.terms.reference_wait_s)
        except NotYet:
            # The files go with the request's bench; the job looks again at our own copies.
            looking.cancel()
            return None

    def _accept(
        self,
        principal: Principal,
        video_id: str,
        admitted: Admitted,
        judged: tuple[Judged, ...],
        references: tuple[ReferenceFile, ...],
        *,
        pending: bool,
    ) -> None:
        """In one transaction quota, row, verdicts, files and log; then the files' bytes, then the engine."""
        held = next((stage for stage in judged if stage.verdict.action is Action.HOLD), None)
        now = time.time()
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            self.workshop.quota.reserve(tx, principal.id, admitted.seconds, now=now)
            self._insert(
                tx,
                principal,
                video_id,
                admitted,
                judged,
                state=State.HELD if held else State.WAITING,
                stage=(held.stage if held else Stage.REFERENCE).value,
                accepted_at=now,
                deadline_at=now + self.workshop.terms.deadline_s,
                review_due_at=now + self.workshop.terms.review_due_s if held else None,
                hold_stage=held.stage.value if held else None,
                verdict_action=held.verdict.action.value if held else None,
                quarantined=any(stage.verdict.quarantine for stage in judged),
                waived=any(stage.verdict.waivers for stage in judged),
                request=self._request(admitted, references, pending=pending),
                run=1,
            )
            self._note(tx, video_id, references, Retention.EVIDENCE)
        self._keep(principal, references, Retention.EVIDENCE)
        if held is None:
            self.hand_over(principal.tenant, video_id, 1)

    def _note(
        self, tx: Transaction, video_id: str, references: tuple[ReferenceFile, ...], retention: Retention
    ) -> None:
        for file in references:
            self.workshop.store.add_file(
                tx,
                video_id,
                kind="reference",
                sha256=file.sha256,
                size=file.path.stat().st_size,
                media_type=file.media_type,
                retention=retention,
            )

    def _keep(
        self, principal: Principal, references: tuple[ReferenceFile, ...], retention: Retention
    ) -> None:
        for file in references:
            self.workshop.blobs.put_file(
                file.path, tenant=principal.tenant, kind="reference", retention=retention
            )

    def _refuse(
        self,
        principal: Principal,
        video_id: str,
        admitted: Admitted,
        judged: tuple[Judged, ...],
        references: tuple[ReferenceFile, ...],
    ) -> Blocked:
        """Put a refusal on the record, with what it rests on, and make the answer for the client."""
        deciding = judged[-1]
        retention = Retention.VAULT if deciding.verdict.vault else Retention.EVIDENCE
        sentence, details = self.workshop.explain(deciding.verdict, None, video_id)
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            self._insert(
                tx,
                principal,
                video_id,
                admitted,
                judged,
                state=State.REFUSED,
                stage=deciding.stage.value,
                ended_at=time.time(),
                error_code="sentinel_block",
                error_message=sentence,
                explanation=rows.to_json(details),
                verdict_action=deciding.verdict.action.value,
                vaulted=deciding.verdict.vault,
                quarantined=deciding.verdict.quarantine,
                request=self._request(admitted, references, pending=False),
            )
            self._note(tx, video_id, references, retention)
        self._keep(principal, references, retention)
        field = next(
            (
                part.field
                for finding in deciding.verdict.findings
                for part in finding.evidence
                if hasattr(part, "field") and part.field
            ),
            None,
        )
        return Blocked(
            sentence,
            details={**details, "video_id": video_id},
            param=None if deciding.verdict.vault else field,
        )

    def _insert(
        self,
        tx: Transaction,
        principal: Principal,
        video_id: str,
        admitted: Admitted,
        judged: tuple[Judged, ...],
        *,
        state: State,
        request: bytes,
        **columns: Any,
    ) -> None:
        now = time.time()
        tx.insert(
            tables.videos,
            id=video_id,
            state=state.value,
            created_at=now,
            updated_at=now,
            principal_id=principal.id,
            end_user=admitted.end_user,
            model=admitted.model,
            generator=admitted.generator,
            prompt=admitted.prompt,
            seconds=admitted.seconds,
            width=admitted.width,
            height=admitted.height,
            request=request,
            request_sha256=judged[0].verdict.subject_sha256,
            metadata=rows.to_json(admitted.metadata),
            **columns,
        )
        tx.log(
            "video.received",
            subject=video_id,
            actor=principal.id,
            content={"request": rows.from_json(request), "end_user": admitted.end_user},
        )
        for stage in judged:
            self.workshop.store.record(tx, video_id, stage)
        tx.log(f"video.{state.value}", subject=video_id, actor="policy", content={})
        tx.publish(f"video.{state.value}", subject=video_id, body={"id": video_id, "at": now})

    def _request(self, admitted: Admitted, references: tuple[ReferenceFile, ...], *, pending: bool) -> bytes:
        return rows.to_json(
            {
                "texts": admitted.texts,
                "negated": sorted(admitted.negated),
                "extra": admitted.extra,
                "references": [
                    {"field": file.field, "sha256": file.sha256, "media_type": file.media_type}
                    for file in references
                ],
                "pending": pending,
            }
        )


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
