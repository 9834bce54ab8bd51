"""An order taken in: traced, admitted, screened, and put on its way, or its refusal on the record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from safelight import canonical_json
from safelight.detectors.text.chinese import locale_of
from safelight.errors import RequestBlocked
from safelight.moderation.admission import AdmissionLimits, admit
from safelight.moderation.evaluation import StageResult
from safelight.moderation.reference import ReferenceInput
from safelight.moderation.request import AdmittedRequest, CreateRequest
from safelight.policy.explanations import help_lines
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store import tables
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal
from safelight.trust.check_limits import CheckLimiter
from safelight.trust.evasion.models import NO_MATCH, EvasionMatch
from safelight.trust.evasion.service import BlockedPrompt, EvasionTracker

from . import mappers, outcomes
from .characters import Characters
from .context import PipelineContext
from .idempotency import IdempotencyKeys, KeyClaim
from .lineage import Lineage, LineageTrace
from .models import SubmissionResult
from .references import References
from .states import VideoState
from .summary import summary


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One order in hand: who asks, for what, from what, and under which idempotency key."""

    principal: Principal
    video_id: str
    admitted: AdmittedRequest
    descent: LineageTrace
    claim: KeyClaim | None
    scrutiny: EvasionMatch = NO_MATCH
    references: tuple[ReferenceInput, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SubmissionService:
    workshop: PipelineContext
    references: References
    characters: Characters
    lineage: Lineage
    keys: IdempotencyKeys
    probes: CheckLimiter
    rewordings: EvasionTracker
    limits: AdmissionLimits
    default_generator: str
    hand_over: Callable[[str, str, int], None]

    def submit(
        self, principal: Principal, video_id: str, request: CreateRequest, claim: KeyClaim | None
    ) -> SubmissionResult:
        """Screen a request, and put it on its way or its refusal on the record.

        `claim` is of its idempotency key; raises `ClaimLost` where another request took that over.
        """
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
        scrutiny = self.rewordings.scrutiny(
            principal, admitted.end_user, admitted.texts, negated=admitted.negated
        )
        words = self.workshop.stages.prompt.screen(
            admitted.texts,
            tenant=principal.tenant,
            negated=admitted.negated,
            prior=descent.prior,
            scrutiny=scrutiny,
        )
        taking = Submission(
            principal=principal,
            video_id=video_id,
            admitted=admitted,
            descent=descent,
            claim=claim,
            scrutiny=scrutiny,
        )
        if words.verdict.action is Action.BLOCK:
            return self._refuse(taking, (words,))
        with self.workshop.work_dir(video_id) as bench:
            taking = replace(taking, references=self.references.fetch_all(admitted, bench))
            pictures = self.references.screen(
                taking.references, principal.tenant, words.findings, admitted.texts
            )
            judged = (words, *((pictures,) if pictures else ()))
            if pictures and pictures.verdict.action is Action.BLOCK:
                return self._refuse(taking, judged)
            self._accept(taking, judged, pending=bool(taking.references) and pictures is None)
        return SubmissionResult(video=self.workshop.store.get(principal.tenant, video_id))

    def _accept(self, taking: Submission, judged: tuple[StageResult, ...], *, pending: bool) -> None:
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
                state=VideoState.HELD if held else VideoState.QUEUED,
                stage=(held.stage if held else Stage.REFERENCE).value,
                accepted_at=now,
                deadline_at=now + self.workshop.terms.deadline_s,
                review_due_at=now + self.workshop.terms.review_due_s if held else None,
                hold_stage=held.stage.value if held else None,
                verdict_action=held.verdict.action.value if held else None,
                quarantined=any(stage.verdict.quarantine for stage in judged),
                explanation=self._kind_word(taking, judged),
                waived=any(stage.verdict.waivers for stage in judged),
                request=_request(taking, pending=pending),
                enqueue_count=1,
            )
            if held is not None:
                outcomes.open_hold_case(
                    tx,
                    video_id,
                    held,
                    due_at=now + self.workshop.terms.review_due_s,
                    quarantined=any(stage.verdict.quarantine for stage in judged),
                )
            if submission.scrutiny:
                self.check_limiter.record_block(tx, principal, submission.admitted.end_user)
            self.lineage.record(tx, video_id, submission.lineage)
            self.references.record_files(tx, video_id, submission.references, Retention.EVIDENCE)
        self.references.store_files(principal.tenant, submission.references, Retention.EVIDENCE)
        if held is None:
            self.hand_over(principal.tenant, video_id, 1)

    def _kind_word(self, taking: Submission, judged: tuple[StageResult, ...]) -> bytes | None:
        """Help lines for what is let through, too: who is in distress need not be blocked to be told."""
        kind = next((stage.verdict for stage in judged if stage.verdict.support), None)
        if kind is None or kind.vault:
            return None
        return canonical_json.encode({"support": _help(taking.admitted.prompt)})

    def _refuse(self, taking: Submission, judged: tuple[StageResult, ...]) -> SubmissionResult:
        """Put a refusal on the record, with what it rests on, and make the answer for the client."""
        deciding = judged[-1]
        verdict = deciding.verdict
        retention = Retention.VAULT if verdict.vault else Retention.EVIDENCE
        principal, video_id = taking.principal, taking.video_id
        # References that were not fetched are gone: such an order can only be sent again.
        whole = len(taking.references) == len(taking.admitted.uploads) + len(taking.admitted.urls)
        sentence, details = self.workshop.explain(
            verdict, None, video_id, appeal=whole and outcomes.is_appealable(verdict)
        )
        if "support" in details:
            details["support"] = _help(taking.admitted.prompt)
        param = None if verdict.vault else _field_of(verdict)
        with self.workshop.database.transaction(tenant=principal.tenant) as tx:
            self._insert(
                tx,
                taking,
                judged,
                param=param,
                state=VideoState.REJECTED,
                stage=deciding.stage.value,
                ended_at=time.time(),
                error_code="sentinel_block",
                error_message=sentence,
                explanation=canonical_json.encode(details),
                verdict_action=verdict.action.value,
                vaulted=verdict.vault,
                quarantined=verdict.quarantine,
                request=_request(taking, pending=False),
            )
            self.references.record_files(tx, video_id, submission.references, retention)
            self.check_limiter.record_block(tx, principal, submission.admitted.end_user)
            if deciding.stage is Stage.PROMPT:
                blocked = BlockedPrompt(
                    principal=principal,
                    end_user=submission.admitted.end_user,
                    texts=submission.admitted.texts,
                    negated=submission.admitted.negated,
                    findings=verdict.findings,
                    subject=video_id,
                )
                self.evasion_tracker.record_block(tx, blocked)
        self.references.store_files(principal.tenant, submission.references, retention)
        refusal = RequestBlocked(sentence, details={**details, "video_id": video_id}, param=param)
        return SubmissionResult(video=self.workshop.store.get(principal.tenant, video_id), refusal=refusal)

    def _insert(
        self,
        tx: Transaction,
        taking: Submission,
        judged: tuple[StageResult, ...],
        *,
        state: VideoState,
        request: bytes,
        param: str | None = None,
        **columns: Any,
    ) -> None:
        now = time.time()
        admitted, video_id = taking.admitted, taking.video_id
        if taking.claim is not None:
            self.keys.complete(tx, taking.claim, param=param)
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
            metadata=canonical_json.encode(admitted.metadata),
            remixed_from=taking.descent.source,
            outcome_summary=None if state is VideoState.QUEUED else _summary(judged),
            **columns,
        )
        tx.append_audit(
            "video.received",
            subject=video_id,
            actor=taking.principal.id,
            content={"request": mappers.from_json(request), "end_user": admitted.end_user},
        )
        for stage in judged:
            self.workshop.store.record_stage(tx, video_id, stage)
        tx.append_audit(f"video.{state.value}", subject=video_id, actor="policy", content={})
        tx.publish(f"video.{state.value}", subject=video_id, body={"id": video_id, "at": now})


def _summary(judged: tuple[StageResult, ...]) -> bytes:
    """Coverage so far; nothing was sent to a generator."""
    return canonical_json.encode(summary((cell for stage in judged for cell in stage.coverage), ()))


def _help(prompt: str) -> list[dict[str, str | None]]:
    """Help lines in the language of whoever wrote the prompt."""
    return [line.as_wire() for line in help_lines(locale_of(prompt))]


def _request(taking: Submission, *, pending: bool) -> bytes:
    """The request as accepted, canonical JSON."""
    admitted, descent = taking.admitted, taking.descent
    return canonical_json.encode(
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
