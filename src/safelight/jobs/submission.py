"""Accepts or rejects a generation request: finds its sources, validates it, screens it and enqueues it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from safelight import canonical_json
from safelight.detectors.text.chinese import locale_of
from safelight.errors import RequestBlocked
from safelight.moderation.admission import AdmissionLimits, admit
from safelight.moderation.evaluation import ScreeningContext, StageResult
from safelight.moderation.evasion_thresholds import NO_MATCH, EvasionMatch
from safelight.moderation.field_problems import FieldProblems
from safelight.moderation.reference import ReferenceInput
from safelight.moderation.request import AdmittedRequest, CreateRequest, RetryTerms, TemplateUse
from safelight.moderation.template_demand import find_missing_template
from safelight.moderation.tenant_policy import TenantPolicy
from safelight.policy.explanations import help_lines
from safelight.policy.findings import Stage
from safelight.policy.intended_use import VideoRequester
from safelight.policy.verdicts import Action, Verdict
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.store.retention import Retention
from safelight.trust.accounts import Principal
from safelight.trust.accounts.terms import read_audience, read_requester
from safelight.trust.check_limits import CheckLimiter
from safelight.trust.evasion import BlockedPrompt, EvasionTracker
from safelight.trust.ledger import Work
from safelight.trust.library import record_use as record_library_use
from safelight.trust.templates.store import record_use as record_template_use

from . import mappers, outcomes
from .accounting import AcceptedWork
from .characters import Characters
from .context import PipelineContext
from .idempotency import IdempotencyKeys, KeyClaim
from .lineage import Lineage, LineageTrace
from .models import SubmissionResult, Video, VideoState
from .offences import strike_for_block
from .references import References
from .repository import next_created_at
from .requester import store_use
from .retries import VARIATION_FIELD, store_terms
from .source_consents import with_consents
from .stage_records import record_stage
from .summary import summary
from .video_statements import state_block


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A request that is being submitted: caller, content, sources and idempotency key."""

    principal: Principal
    video_id: str
    admitted: AdmittedRequest
    requester: VideoRequester
    lineage: LineageTrace
    claim: KeyClaim | None
    scrutiny: EvasionMatch = NO_MATCH
    references: tuple[ReferenceInput, ...] = ()
    retry: RetryTerms | None = None
    template: TemplateUse | None = None

    @property
    def is_prompt_alone(self) -> bool:
        """Whether the video comes from the prompt alone: no source, no references, no characters."""
        admitted = self.admitted
        return not (admitted.origin or admitted.uploads or admitted.urls or self.lineage.parents)


@dataclass(frozen=True, kw_only=True)
class SubmissionService:
    context: PipelineContext
    references: References
    characters: Characters
    lineage: Lineage
    keys: IdempotencyKeys
    check_limiter: CheckLimiter
    evasion_tracker: EvasionTracker
    limits: AdmissionLimits
    default_generator: str
    enqueue: Callable[[str, str, int], None]

    def submit(
        self, principal: Principal, video_id: str, request: CreateRequest, claim: KeyClaim | None
    ) -> SubmissionResult:
        """Screen a request. Enqueue it, or record its rejection.

        `claim` is the claim of its idempotency key. Raises `ClaimExpired` if another request took over the
        key.
        """
        with self.context.tracer.submission(video_id):
            return self._submit(principal, video_id, request, claim)

    def _submit(
        self, principal: Principal, video_id: str, request: CreateRequest, claim: KeyClaim | None
    ) -> SubmissionResult:
        problems, lineage = FieldProblems(request.problems), LineageTrace()
        with problems.collected():
            request, lineage = self.lineage.trace(principal.tenant, request)
        admitted = admit(
            replace(request, problems=problems),
            self.context.generators,
            default=self.default_generator,
            limits=self.limits,
            origin=lineage.origin,
        )
        if request.retry and request.retry.variation:
            admitted = replace(admitted, texts={**admitted.texts, VARIATION_FIELD: request.retry.variation})
        self.context.refusals.require(admitted.generator)
        self.context.sealer.signing_key()
        if request.characters:
            ready = self.characters.ready(principal, request.characters)
            lineage = self.lineage.with_characters(lineage, ready, principal.tenant)
        with self.context.database.read_transaction(principal.tenant) as tx:
            self.context.standings.require_good(tx, admitted.end_user)
            audience = read_audience(tx, principal.id, admitted.end_user)
            self.check_limiter.require_within(tx, principal, admitted.end_user)
            recent_blocks = self.evasion_tracker.recent_blocks(tx, principal, admitted.end_user)
            policy = self.context.policies.load_within(tx, principal.tenant)
            requester = read_requester(tx, principal.id, admitted.end_user, request.use)
            compares_faces = self.context.stages.reference.compares_faces
            lineage = with_consents(tx, lineage, requester, compares_faces=compares_faces)
        if policy.policy.demands_template and (refused := find_missing_template(request, admitted)):
            raise refused
        scrutiny = self.evasion_tracker.match(recent_blocks, admitted.texts, negated=admitted.negated)
        prompt = self.context.stages.prompt.screen(
            admitted.texts,
            policy,
            negated=admitted.negated,
            prior=lineage.prior,
            scrutiny=scrutiny,
            audience=audience,
        )
        self.context.fault_hook("screened")
        submission = Submission(
            principal=principal,
            video_id=video_id,
            admitted=admitted,
            requester=requester,
            lineage=lineage,
            claim=claim,
            scrutiny=scrutiny,
            retry=request.retry,
            template=request.template,
        )
        if prompt.verdict.action is Action.BLOCK:
            return self._reject(submission, (prompt,))
        with self.context.work_dir(video_id) as work_dir:
            submission = replace(submission, references=self.references.fetch_all(admitted, work_dir))
            reference = self.references.screen(
                submission.references, _context_of_references(submission, policy, prompt)
            )
            if reference and reference.verdict.action is Action.BLOCK:
                return self._reject(submission, (prompt, reference))
            return SubmissionResult(video=self._accept(submission, prompt))

    def _accept(self, submission: Submission, prompt: StageResult) -> Video:
        """Commit all rows of the video in one transaction, then store its files and enqueue it."""
        is_held = prompt.verdict.action is Action.HOLD
        principal, video_id = submission.principal, submission.video_id
        with self.context.database.transaction(tenant=principal.tenant) as tx:
            now = tx.now()
            self.context.accounting.accept(tx, _work(submission))
            self._complete_key(tx, submission)
            video = self._insert(
                tx,
                submission,
                (prompt,),
                state=VideoState.HELD if is_held else VideoState.QUEUED,
                stage=(prompt.stage if is_held else Stage.REFERENCE).value,
                accepted_at=now,
                deadline_at=now + self.context.limits.deadline_s,
                review_due_at=now + self.context.limits.review_due_s if is_held else None,
                hold_stage=prompt.stage.value if is_held else None,
                verdict_action=prompt.verdict.action.value if is_held else None,
                explanation=self._explanation(submission, prompt),
                waived=bool(prompt.verdict.waivers),
                # Their origin is searched in the queue, which takes too long for a waiting client.
                request=_request(submission, pending=bool(submission.references)),
                enqueue_count=1,
            )
            if is_held:
                outcomes.open_hold_case(tx, video_id, prompt, due_at=now + self.context.limits.review_due_s)
            if submission.scrutiny:
                self.check_limiter.record_block(tx, principal, submission.admitted.end_user)
            self.lineage.record(tx, video_id, submission.lineage)
            self.references.record_files(tx, video_id, submission.references, Retention.EVIDENCE)
        self.references.store_files(principal.tenant, submission.references, Retention.EVIDENCE)
        if not is_held:
            self.enqueue(principal.tenant, video_id, 1)
        return video

    def _explanation(self, submission: Submission, prompt: StageResult) -> bytes | None:
        """The explanation of a hold, and help lines, because a prompt can show distress without a block."""
        details: dict[str, Any] = {}
        if prompt.verdict.action is Action.HOLD:
            details = outcomes.explain_hold(self.context, prompt.verdict, None, submission.video_id)
        if prompt.verdict.support:
            details["support"] = _help(submission.admitted.prompt)
        return canonical_json.encode(details) if details else None

    def _reject(self, submission: Submission, results: tuple[StageResult, ...]) -> SubmissionResult:
        """Record a rejected request with its findings, and build the error for the client."""
        deciding = results[-1]
        verdict = deciding.verdict
        retention = Retention.VAULT if verdict.vault else Retention.EVIDENCE
        principal, video_id = submission.principal, submission.video_id
        # Without all references stored, an appeal could not reinstate this request.
        complete = len(submission.references) == len(submission.admitted.uploads) + len(
            submission.admitted.urls
        )
        appeal = complete and outcomes.is_appealable(verdict)
        sentence, details = self.context.explain(verdict, None, video_id, appeal=appeal)
        if "support" in details:
            details["support"] = _help(submission.admitted.prompt)
        param = None if verdict.vault else _field_of(verdict)
        with self.context.database.transaction(tenant=principal.tenant) as tx:
            self._complete_key(tx, submission, param=param)
            video = self._insert(
                tx,
                submission,
                results,
                state=VideoState.REJECTED,
                stage=deciding.stage.value,
                ended_at=tx.now(),
                error_code="sentinel_block",
                error_message=sentence,
                explanation=canonical_json.encode(details),
                verdict_action=verdict.action.value,
                vaulted=verdict.vault,
                request=_request(submission, pending=False),
            )
            state_block(self.context, tx, video, verdict, appeal=appeal)
            strike_for_block(self.context, tx, video, verdict, is_paraphrase=bool(submission.scrutiny))
            self.references.record_files(tx, video_id, submission.references, retention)
            self.check_limiter.record_block(tx, principal, submission.admitted.end_user)
            if deciding.stage is Stage.PROMPT:
                blocked = BlockedPrompt(
                    principal=principal,
                    end_user=submission.admitted.end_user,
                    texts=submission.admitted.texts,
                    negated=submission.admitted.negated,
                    findings=verdict.findings,
                    match=submission.scrutiny,
                    request_id=video_id,
                    video_id=video_id,
                )
                self.evasion_tracker.record_block(tx, blocked)
        self.references.store_files(principal.tenant, submission.references, retention)
        refusal = RequestBlocked(sentence, details={**details, "video_id": video_id}, param=param)
        return SubmissionResult(video=video, refusal=refusal)

    def _complete_key(self, tx: Transaction, submission: Submission, *, param: str | None = None) -> None:
        """Complete the claim of the idempotency key with this video. Raises `ClaimExpired`."""
        if submission.claim is not None:
            self.keys.complete(tx, submission.claim, param=param)

    def _insert(
        self,
        tx: Transaction,
        submission: Submission,
        results: tuple[StageResult, ...],
        *,
        state: VideoState,
        request: bytes,
        **columns: Any,
    ) -> Video:
        now = tx.now()
        admitted, video_id = submission.admitted, submission.video_id
        tx.insert(
            tables.videos,
            id=video_id,
            state=state.value,
            created_at=next_created_at(tx),
            updated_at=now,
            principal_id=submission.principal.id,
            end_user=admitted.end_user,
            model=admitted.model,
            generator=admitted.generator,
            prompt=admitted.prompt,
            seconds=admitted.seconds,
            width=admitted.width,
            height=admitted.height,
            request=request,
            request_sha256=results[0].verdict.subject_sha256,
            metadata=canonical_json.encode(admitted.metadata),
            remixed_from=submission.lineage.source,
            outcome_summary=None if state is VideoState.QUEUED else _summary(results),
            **columns,
        )
        if submission.template is not None:
            record_template_use(tx, video_id, submission.template)
        if submission.is_prompt_alone:
            record_library_use(tx, video_id, admitted.prompt)
        tx.append_audit(
            "video.received",
            subject=video_id,
            actor=submission.principal.id,
            content={"request": mappers.from_json(request), "end_user": admitted.end_user},
        )
        for stage in results:
            record_stage(tx, video_id, stage)
        tx.append_audit(f"video.{state.value}", subject=video_id, actor="policy", content={})
        tx.publish(f"video.{state.value}", subject=video_id, body={"id": video_id, "at": now})
        row = tx.one(tables.videos, tables.videos.c.id == video_id)
        assert row is not None
        return mappers.video(row)


def _context_of_references(
    submission: Submission, policy: TenantPolicy, prompt: StageResult
) -> ScreeningContext:
    return ScreeningContext(
        policy=policy,
        texts=submission.admitted.texts,
        prior=prompt.findings,
        audience=prompt.verdict.audience,
        requester=submission.requester,
    )


def _work(submission: Submission) -> AcceptedWork:
    admitted = submission.admitted
    work = Work(video_id=submission.video_id, account=submission.principal.id, end_user=admitted.end_user)
    return AcceptedWork(work=work, model=admitted.model, seconds=admitted.seconds)


def _summary(results: tuple[StageResult, ...]) -> bytes:
    """The coverage so far, without a charge, because no generator was called."""
    return canonical_json.encode(summary((cell for stage in results for cell in stage.coverage), ()))


def _help(prompt: str) -> list[dict[str, str | None]]:
    """Help lines in the language of the prompt."""
    return [line.as_wire() for line in help_lines(locale_of(prompt))]


def _request(submission: Submission, *, pending: bool) -> bytes:
    """The accepted request as canonical JSON, for the video row."""
    admitted, lineage = submission.admitted, submission.lineage
    return canonical_json.encode(
        {
            "texts": admitted.texts,
            "negated": sorted(admitted.negated),
            "extra": admitted.extra,
            "references": [
                {"field": file.field, "sha256": file.sha256, "media_type": file.media_type}
                for file in submission.references
            ]
            + [
                {"field": file.field, "sha256": file.sha256, "media_type": file.media_type, "of": file.of}
                for file in lineage.borrowed
            ],
            "pending": pending,
            "origin": asdict(lineage.origin) if lineage.origin else None,
            **store_use(submission.requester.use),
            **store_terms(submission.retry),
            **({"template": asdict(submission.template)} if submission.template else {}),
        }
    )


def _field_of(verdict: Verdict) -> str | None:
    """The request field that the first finding with evidence names.

    A prompt of an earlier video counts as `prompt`.
    """
    for finding in verdict.findings:
        for part in finding.evidence:
            name = getattr(part, "field", "")
            if name:
                return "prompt" if name == "composed" or name.startswith("ancestor:") else str(name)
    return None
