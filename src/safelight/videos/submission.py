"""Accepts or rejects a generation request: finds its sources, validates it, screens it and enqueues it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from typing import Any

from safelight.accounts import Principal
from safelight.accounts.check_limits import CheckLimiter
from safelight.accounts.halts import require_no_halt
from safelight.accounts.terms import read_audience, read_requester
from safelight.core import canonical_json
from safelight.core.errors import RequestBlocked
from safelight.detectors.text.chinese import locale_of
from safelight.policy.explanations import help_lines
from safelight.policy.findings import Stage
from safelight.policy.halts import flagged_categories
from safelight.policy.intended_use import VideoRequester
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.paraphrases import NO_MATCH, EvasionMatch
from safelight.screening.reference import ReferenceInput
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.store.retention import Retention
from safelight.store.rows import stored_columns
from safelight.videos.library import record_use as record_library_use
from safelight.videos.requests.admission import RETIRED_MODELS, AdmissionLimits, admit
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import AdmittedRequest, CreateRequest, RetryTerms, TemplateUse
from safelight.videos.requests.template_demand import find_missing_template
from safelight_client.money import micro

from . import mappers, outcomes
from .characters import Characters
from .context import PipelineContext
from .evasion import BlockedPrompt, EvasionTracker
from .failure_message import NOTHING_SENT
from .idempotency import IdempotencyKeys, KeyClaim
from .lineage import Lineage, LineageTrace
from .models import Video, VideoState
from .offences import strike_for_block
from .quota import Usage
from .references import References
from .repository import next_created_at
from .requester import store_use
from .retries import VARIATION_FIELD, store_terms
from .source_consents import with_consents
from .stage_records import record_stage
from .summary import summary
from .templates.store import record_use as record_template_use
from .video_statements import state_block

_log = logging.getLogger(__name__)


@cache
def _log_replacement(asked: str, model: str) -> None:
    """Log once in a process that a model of OpenAI's API, which ended, is replaced."""
    _log.warning("Requests for %s, which no longer exists, get %s. An alias chooses another.", asked, model)


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
    ) -> Video:
        """Screen a request, and enqueue it.

        `claim` is the claim of its idempotency key. Raises `RequestBlocked` after a rejection was recorded,
        and `ClaimExpired` if another request took over the key.
        """
        problems, lineage = FieldProblems(request.problems), LineageTrace()
        with problems.collected():
            request, lineage = self.lineage.trace(principal.tenant, request)
        admitted = admit(
            replace(request, problems=problems),
            self.context.generators,
            default=self.default_generator,
            limits=self.limits,
            origin=lineage.origin,
            # A retry follows a block, and must not reach another provider.
            is_paused=None if request.retry else self._is_paused,
        )
        if request.model in RETIRED_MODELS and admitted.model != request.model:
            _log_replacement(request.model, admitted.model)
        if request.retry and request.retry.variation:
            admitted = replace(admitted, texts={**admitted.texts, VARIATION_FIELD: request.retry.variation})
        self.context.refusals.require(admitted.generator, f" {NOTHING_SENT}")
        self.context.sealer.signing_key()
        if request.characters:
            ready = self.characters.ready(principal, request.characters)
            lineage = self.lineage.with_characters(lineage, ready, principal.tenant)
        with self.context.database.read_transaction(principal.tenant) as tx:
            require_no_halt(tx, admitted.model)
            self.context.standings.require_good(tx, principal.id, admitted.end_user)
            audience = read_audience(tx, principal.id, admitted.end_user)
            self.check_limiter.require_within(tx, principal, admitted.end_user)
            recent_blocks = self.evasion_tracker.recent_blocks(tx, principal, admitted.end_user)
            policy = self.context.policies.load_within(tx, principal.tenant)
            if self.context.gates is not None:
                self.context.gates.require_open(tx, principal)
                policy = replace(policy, test_card=self.context.gates.takes_test_card(tx, principal))
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
            raise self._reject(submission, (prompt,))
        with self.context.work_dir(video_id) as work_dir:
            submission = replace(submission, references=self.references.fetch_all(admitted, work_dir))
            reference = self.references.screen(
                submission.references, _context_of_references(submission, policy, prompt)
            )
            if reference and reference.verdict.action is Action.BLOCK:
                raise self._reject(submission, (prompt, reference))
            return self._accept(submission, prompt, policy)

    def _is_paused(self, generator: str) -> bool:
        """Whether calls to a remote generator fail, so that none is made for a time."""
        gate = self.context.upstreams.get(generator)
        return gate is not None and gate.failures_of_pause() > 0

    def _accept(self, submission: Submission, prompt: StageResult, policy: TenantPolicy) -> Video:
        """Commit all rows of the video in one transaction, then store its files and enqueue it.

        Raises `Halted`, also for a halt that was set during the checks, or of a category of the prompt.
        """
        is_held = prompt.verdict.action is Action.HOLD
        principal, video_id, admitted = submission.principal, submission.video_id, submission.admitted
        with self.context.database.transaction(tenant=principal.tenant) as tx:
            flagged = partial(flagged_categories, policy, prompt.verdict, prompt.findings)
            require_no_halt(tx, admitted.model, flagged)
            now = tx.now()
            price = self.context.generators[admitted.generator].info().usd_per_second or 0.0
            usage = Usage(
                account=principal.id,
                end_user=admitted.end_user,
                seconds=admitted.seconds,
                cost_micros=micro(price * admitted.seconds),
            )
            self.context.quota.reserve(tx, usage, now=now)
            video = self._insert(
                tx,
                submission,
                (prompt,),
                state=VideoState.HELD if is_held else VideoState.QUEUED,
                stage=(prompt.stage if is_held else Stage.REFERENCE).value,
                accepted_at=now,
                reserved_micros=usage.cost_micros,
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
                self.check_limiter.record_block(tx, principal, admitted.end_user)
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

    def _reject(self, submission: Submission, results: tuple[StageResult, ...]) -> RequestBlocked:
        """Record a rejected request with its findings. Returns the error for the client."""
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
            video = self._insert(
                tx,
                submission,
                results,
                state=VideoState.REJECTED,
                rejected_field=param,
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
            strike_for_block(self.context, tx, video, deciding, is_paraphrase=bool(submission.scrutiny))
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
        return RequestBlocked(
            sentence,
            details={**details, "video_id": video_id},
            param=param,
            generator=video.generator,
        )

    def _insert(
        self,
        tx: Transaction,
        submission: Submission,
        results: tuple[StageResult, ...],
        *,
        state: VideoState,
        request: bytes,
        rejected_field: str | None = None,
        **columns: Any,
    ) -> Video:
        """Insert the row of the video and what belongs to it. Raises `ClaimExpired`."""
        now = tx.now()
        admitted, video_id = submission.admitted, submission.video_id
        if submission.claim is not None:
            self.keys.complete(tx, submission.claim, param=rejected_field)
        tx.insert(
            tables.videos,
            **{
                **stored_columns(admitted, tables.videos),
                "id": video_id,
                "state": state.value,
                "created_at": next_created_at(tx),
                "updated_at": now,
                "principal_id": submission.principal.id,
                "request": request,
                "request_sha256": results[0].verdict.subject_sha256,
                "metadata": canonical_json.encode(admitted.metadata),
                "batch": admitted.metadata.get("batch") or None,
                "remixed_from": submission.lineage.source,
                "outcome_summary": None if state is VideoState.QUEUED else _summary(results),
                **columns,
            },
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
        row = tx.one(tables.videos, video_id)
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
