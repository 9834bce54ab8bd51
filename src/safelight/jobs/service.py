"""Videos as the fronts see them: ordered, looked up, listed, read, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from safelight.errors import Blocked, Conflict, Gone, NotFound
from safelight.ids import is_id, new_id
from safelight.net.fetch import Fetcher
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.stages.admission import AdmissionLimits, admit
from safelight.stages.judging import Judged
from safelight.stages.reference import ReferenceFile
from safelight.stages.request import Admitted, CreateRequest
from safelight.store import tables
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal, Scope
from safelight.trust.probes import Probes

from . import outcomes, rows
from .characters import Characters
from .idempotency import Claim, ClaimLost, IdempotencyKeys, Made, fingerprint
from .lineage import Descent, Lineage
from .machine import TERMINAL, State
from .models import Character, Content, Ordered, Page, Video, VideoRecord
from .quota import Allowance
from .references import References
from .workshop import Workshop

_VARIANTS = {"video": "sealed", "thumbnail": "thumbnail", "spritesheet": "spritesheet"}
_LONGEST_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class _Taking:
    """One order in hand: who asks, for what, from what, and under which idempotency key."""

    principal: Principal
    video_id: str
    admitted: Admitted
    descent: Descent
    claim: Claim | None
    references: tuple[ReferenceFile, ...] = ()


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
    #: Blocked creates are counted; who has spent theirs is refused before anything is looked at.
    probes: Probes
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

    def create(self, principal: Principal, request: CreateRequest) -> Video:
        """Screen a request and, where it is allowed, put it on its way.

        Raises `Blocked` before anything was spent; the record of it can be read under the id in its details.
        """
        ordered = self.order(principal, request)
        if ordered.refusal is not None:
            raise ordered.refusal
        return ordered.video

    def order(self, principal: Principal, request: CreateRequest) -> Ordered:
        """As `create`, with a refusal as a value, and the word whether an idempotency key gave the answer."""
        principal.require(Scope.VIDEOS_WRITE)
        video_id = new_id("video")
        if request.idempotency_key is None:
            return self._take(principal, video_id, request, None)
        said = fingerprint(request)
        claim = self.keys.claim(principal.tenant, request.idempotency_key, said, video_id)
        if isinstance(claim, Made):
            return self._again(principal, claim)
        try:
            return self._take(principal, video_id, request, claim)
        except ClaimLost:
            found = self.keys.claim(principal.tenant, claim.key, said, new_id("video"))
            if isinstance(found, Made):
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

    def allowance(self, principal: Principal) -> Allowance:
        """What this key may still order today."""
        with self.workshop.database.reading(tenant=principal.tenant) as tx:
            return self.workshop.quota.allowance(tx, principal.id, now=tx.now())

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
            parents=tuple({"id": row.parent_id, "step": row.step} for row in store.parents(tenant, video_id)),
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

    def _take(
        self, principal: Principal, video_id: str, request: CreateRequest, claim: Claim | None
    ) -> Ordered:
        request, descent = self.lineage.trace(principal.tenant, request)
        admitted = admit(
            request,
            self.workshop.generators,
            default=self.default_generator,
            limits=self.limits,
            origin=descent.origin,
        )
        if request.characters:
            ready = self.characters.ready(principal, request.characters)
            descent = self.lineage.with_characters(descent, ready, principal.tenant)
        self.probes.require(principal, admitted.end_user)
        words = self.workshop.stages.prompt.screen(
            admitted.texts, tenant=principal.tenant, negated=admitted.negated, prior=descent.prior
        )
        taking = _Taking(
            principal=principal, video_id=video_id, admitted=admitted, descent=descent, claim=claim
        )
        if words.verdict.action is Action.BLOCK:
            return self._refuse(taking, (words,))
        with self.workshop.bench(video_id) as bench:
            taking = replace(taking, references=self.references.gather(admitted, bench))
            pictures = self.references.look(taking.references, principal.tenant, words.findings)
            judged = (words, *((pictures,) if pictures else ()))
            if pictures and pictures.verdict.action is Action.BLOCK:
                return self._refuse(taking, judged)
            self._accept(taking, judged, pending=bool(taking.references) and pictures is None)
        return Ordered(video=self.workshop.store.get(principal.tenant, video_id))

    def _again(self, principal: Principal, made: Made) -> Ordered:
        """What the key's first request came to: its video as it is now, or the same refusal."""
        row = self.workshop.store.row(principal.tenant, made.video_id)
        video = rows.video(row)
        if video.deleted and video.state is not State.WITHDRAWN:
            raise _no_video(video.id)
        refusal = None
        if video.state is State.REFUSED and row.accepted_at is None:
            refusal = Blocked(
                video.error_message or "",
                details={**(video.explanation or {}), "video_id": video.id},
                param=made.param,
            )
        return Ordered(video=video, refusal=refusal, replayed=True)

    def _accept(self, taking: _Taking, judged: tuple[Judged, ...], *, pending: bool) -> None:
        """In one transaction quota, row, verdicts, files and log; then the files' bytes, then the engine."""
        held = next((stage for stage in judged if stage.verdict.action is Action.HOLD), None)
        now = time.time()
        principal, video_id = taking.principal, taking.video_id
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            self.workshop.quota.reserve(tx, principal.id, taking.admitted.seconds, now=now)
            self._insert(
                tx,
                taking,
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
                request=_request(taking, pending=pending),
                run=1,
            )
            if held is not None:
                outcomes.open_hold(
                    tx,
                    video_id,
                    held,
                    due_at=now + self.workshop.terms.review_due_s,
                    quarantined=any(stage.verdict.quarantine for stage in judged),
                )
            self.lineage.note(tx, video_id, taking.descent)
            self.references.note(tx, video_id, taking.references, Retention.EVIDENCE)
        self.references.keep(principal.tenant, taking.references, Retention.EVIDENCE)
        if held is None:
            self.hand_over(principal.tenant, video_id, 1)

    def _refuse(self, taking: _Taking, judged: tuple[Judged, ...]) -> Ordered:
        """Put a refusal on the record, with what it rests on, and make the answer for the client."""
        deciding = judged[-1]
        verdict = deciding.verdict
        retention = Retention.VAULT if verdict.vault else Retention.EVIDENCE
        principal, video_id = taking.principal, taking.video_id
        sentence, details = self.workshop.explain(verdict, None, video_id)
        param = None if verdict.vault else _field_of(verdict)
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            self._insert(
                tx,
                taking,
                judged,
                param=param,
                state=State.REFUSED,
                stage=deciding.stage.value,
                ended_at=time.time(),
                error_code="sentinel_block",
                error_message=sentence,
                explanation=rows.to_json(details),
                verdict_action=verdict.action.value,
                vaulted=verdict.vault,
                quarantined=verdict.quarantine,
                request=_request(taking, pending=False),
            )
            self.references.note(tx, video_id, taking.references, retention)
            self.probes.note(tx, principal, taking.admitted.end_user)
        self.references.keep(principal.tenant, taking.references, retention)
        refusal = Blocked(sentence, details={**details, "video_id": video_id}, param=param)
        return Ordered(video=self.workshop.store.get(principal.tenant, video_id), refusal=refusal)

    def _insert(
        self,
        tx: Transaction,
        taking: _Taking,
        judged: tuple[Judged, ...],
        *,
        state: State,
        request: bytes,
        param: str | None = None,
        **columns: Any,
    ) -> None:
        now = time.time()
        admitted, video_id = taking.admitted, taking.video_id
        if taking.claim is not None:
            self.keys.settle(tx, taking.claim, param=param)
        tx.insert(
            tables.videos,
            id=video_id,
            state=state.value,
            created_at=now,
            updated_at=now,
            principal_id=taking.principal.id,
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
            remixed_from=taking.descent.source,
            **columns,
        )
        tx.log(
            "video.received",
            subject=video_id,
            actor=taking.principal.id,
            content={"request": rows.from_json(request), "end_user": admitted.end_user},
        )
        for stage in judged:
            self.workshop.store.record(tx, video_id, stage)
        tx.log(f"video.{state.value}", subject=video_id, actor="policy", content={})
        tx.publish(f"video.{state.value}", subject=video_id, body={"id": video_id, "at": now})


def _request(taking: _Taking, *, pending: bool) -> bytes:
    """The request as accepted, canonical JSON."""
    admitted, descent = taking.admitted, taking.descent
    return rows.to_json(
        {
            "texts": admitted.texts,
            "negated": sorted(admitted.negated),
            "extra": admitted.extra,
            "references": [
                {"field": file.field, "sha256": file.sha256, "media_type": file.media_type}
                for file in taking.references
            ]
            + [
                {"field": file.field, "sha256": file.sha256, "media_type": file.media_type, "of": file.of}
                for file in descent.borrowed
            ],
            "pending": pending,
            "origin": asdict(descent.origin) if descent.origin else None,
        }
    )


def _field_of(verdict: Verdict) -> str | None:
    """The field of this request that a verdict rests on; words of earlier videos came in by its prompt."""
    for finding in verdict.findings:
        for part in finding.evidence:
            name = getattr(part, "field", "")
            if name:
                return "prompt" if name == "composed" or name.startswith("ancestor:") else str(name)
    return None


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
