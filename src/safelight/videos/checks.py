"""Checks: screen a request without generating a video and without storing the request.

A check gives no strike. Only an audit entry with caller and result is stored, and a sketch of a blocked
prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.accounts import KeyScope, Principal
from safelight.accounts.gates import Gates
from safelight.accounts.policies import PolicyLoader
from safelight.accounts.terms import read_audience, read_requester
from safelight.core.ids import new_id
from safelight.core.net.fetch import Fetcher
from safelight.detectors.text.sketch import Embedder
from safelight.policy.findings import Stage, Taxonomy
from safelight.policy.intended_use import IntendedUse, VideoRequester
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult, Price, summarize_check
from safelight.providers.advice.drivers import PROMPT
from safelight.providers.advice.model_rewriting import ModelRewriting
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.rewriter import Rewriter, RewriterOptions
from safelight.providers.advice.risk_model import RiskEstimate
from safelight.providers.protocol import Generator
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.paraphrases import EvasionMatch
from safelight.screening.prompt import PromptStage
from safelight.screening.reference import ReferenceInput
from safelight.screening.timed_reference import TimedReferenceStage
from safelight.store.database import Database
from safelight.videos.requests.admission import AdmissionLimits, admit
from safelight.videos.requests.request import AdmittedRequest, CreateRequest
from safelight.videos.requests.template_demand import find_missing_template

from .evasion import BlockedPrompt, EvasionTracker


@dataclass(frozen=True, kw_only=True)
class CheckService:
    """Screens a request in the same way as a submission, and then stops."""

    prompt_stage: PromptStage
    timed_references: TimedReferenceStage
    policies: PolicyLoader
    generators: Mapping[str, Generator]
    default_generator: str
    limits: AdmissionLimits
    fetcher: Fetcher
    database: Database
    taxonomy: Taxonomy
    scratch: Path
    #: Counts the check against the check limits. Raises `CheckLimitExceeded`.
    spend: Callable[[Principal, str | None], None]
    evasion_tracker: EvasionTracker
    #: The risk of a tenant's prompt at a provider or model, by own outcomes. None if too few are known.
    estimate_risk: Callable[..., RiskEstimate | None] = lambda *_, **__: None
    #: The same for several prompts.
    estimate_risks: Callable[..., Sequence[float] | None] = lambda *_, **__: None
    #: The language model that the operator configured; None if there is none.
    rewriter: Rewriter | None = None
    #: Compares the meaning of its rewrites; None without a model for that.
    embedder: Embedder | None = None
    max_reference_bytes: int = 64 << 20
    gates: Gates | None = None

    def check(
        self,
        principal: Principal,
        request: CreateRequest,
        *,
        options: AdviceOptions | None = None,
        estimates_risk: bool = True,
    ) -> tuple[CheckResult, AdmittedRequest, Price]:
        """Screen a request and return the verdict with advice, and the price. Counts as one check.

        The texts of `options` are screened too. `estimates_risk`: whether the caller uses the estimate of the
        risk, which can take seconds. With `options.rewriter`, a call of the language model counts as a second
        check. Raises the errors of `admit`, and `CheckLimitExceeded`, `InvalidMedia` and `RefusedAddress`.
        """
        principal.require(KeyScope.CHECKS)
        options = options or AdviceOptions()
        admitted = admit(request, self.generators, default=self.default_generator, limits=self.limits)
        has_template = find_missing_template(request, admitted) is None
        admitted = replace(
            admitted,
            texts={**admitted.texts, **options.texts},
            negated=admitted.negated | (options.negated & options.texts.keys()),
        )
        asked = self._asked(options.provider, request, admitted)
        options = replace(
            options,
            provider=asked,
            estimate=partial(self._estimate_risk, principal, asked, admitted)
            if asked and estimates_risk
            else None,
            estimate_others=partial(self._estimate_risks, principal, asked, admitted),
        )
        found = self._screen(principal, admitted, options, use=request.use, has_template=has_template)
        offer = self.generators[admitted.generator].info()
        return found, admitted, Price.of(offer, admitted.seconds)

    def check_content(
        self, principal: Principal, prompt: str, urls: Mapping[str, str], *, end_user: str | None
    ) -> CheckResult:
        """Screen a prompt and pictures of a request to another gateway, without advice. Counts as one check.

        `urls`: the address of each picture, by field. Raises `CheckLimitExceeded`, `InvalidMedia` and
        `RefusedAddress`.
        """
        principal.require(KeyScope.CHECKS)
        content = AdmittedRequest(
            generator="",
            model="",
            prompt=prompt,
            seconds=0,
            width=0,
            height=0,
            extra={},
            texts={PROMPT: prompt},
            negated=frozenset(),
            uploads=(),
            urls=urls,
            end_user=end_user,
            metadata={},
        )
        return self._screen(
            principal, content, AdviceOptions(suggests=False), use=IntendedUse(), has_template=False
        )

    def _screen(
        self,
        principal: Principal,
        admitted: AdmittedRequest,
        options: AdviceOptions,
        *,
        use: IntendedUse,
        has_template: bool,
    ) -> CheckResult:
        """Count, screen and record a check. `has_template`: whether an approved template made the prompt."""
        self.spend(principal, admitted.end_user)
        match, had_block = self._compare(principal, admitted)
        with self.database.read_transaction(principal.tenant) as tx:
            policy = self.policies.load_within(tx, principal.tenant)
            if self.gates is not None:
                policy = replace(policy, test_card=self.gates.takes_test_card(tx, principal))
            audience = read_audience(tx, principal.id, admitted.end_user)
            requester = read_requester(tx, principal.id, admitted.end_user, use)
        prompt = self.prompt_stage.screen(
            admitted.texts, policy, negated=admitted.negated, scrutiny=match, audience=audience
        )
        results: tuple[StageResult, ...] = (prompt,)
        left: Mapping[str, float | None] = {}
        if (admitted.uploads or admitted.urls) and prompt.verdict.action is not Action.BLOCK:
            results, left = self._with_references(principal, admitted, prompt, policy, requester)
        options = replace(options, negated=admitted.negated, had_block=had_block)
        found = summarize_check(
            results,
            self.taxonomy,
            texts=admitted.texts,
            options=options,
            references=len(admitted.uploads) + len(admitted.urls),
            not_checked=left,
        )
        if policy.policy.demands_template and not has_template:
            found = replace(found, template_required=True)
        subject = self._record(principal, admitted, found, match)
        if options.rewriter:
            screen = partial(
                self.prompt_stage.screen, policy=policy, negated=admitted.negated, audience=audience
            )
            rewriting = self._rewriting(principal, admitted, options, screen, subject=subject)
            found = rewriting.extend(found, admitted.texts[PROMPT])
        return found

    def _rewriting(
        self,
        principal: Principal,
        admitted: AdmittedRequest,
        options: AdviceOptions,
        screen: Callable[..., StageResult],
        *,
        subject: str,
    ) -> ModelRewriting:
        """What the rewrites of the language model need. `subject`: that of the check in the audit log."""

        def check(prompt: str) -> CheckResult:
            texts = {**admitted.texts, PROMPT: prompt}
            match, had_block = self._compare(principal, replace(admitted, texts=texts))
            changed = replace(options, estimate=None, suggests=False, had_block=had_block)
            stage = screen(texts, scrutiny=match)
            return summarize_check((stage,), self.taxonomy, texts=texts, options=changed)

        def before_call(endpoint: RewriterOptions) -> None:
            self.spend(principal, admitted.end_user)
            content = {"host": endpoint.host, "model": endpoint.model, "end_user": admitted.end_user}
            with self.database.transaction(tenant=principal.tenant) as tx:
                tx.append_audit(
                    "check.sent_to_rewriter", subject=subject, actor=principal.id, content=content
                )

        return ModelRewriting(
            rewriter=self.rewriter,
            check=check,
            estimate=options.estimate_others,
            embedder=self.embedder,
            blocked_at=options.blocked_at,
            before_call=before_call,
        )

    def _compare(self, principal: Principal, admitted: AdmittedRequest) -> tuple[EvasionMatch, bool]:
        """The blocked lineage that the request paraphrases, and whether the last hour had a block."""
        tracker = self.evasion_tracker
        with self.database.read_transaction(principal.tenant) as tx:
            blocks = tracker.recent_blocks(tx, principal, admitted.end_user)
            had_block = tracker.had_block(tx, principal, admitted.end_user)
        return tracker.match(blocks, admitted.texts, negated=admitted.negated), had_block

    def _asked(self, provider: str, request: CreateRequest, admitted: AdmittedRequest) -> str:
        """The provider or model that the advice is about; for an alias, its model."""
        if not provider:
            # The default model is not a choice of the caller.
            return admitted.model if request.model else ""
        aliases = [generator.info().aliases for generator in self.generators.values()]
        return next((names[provider] for names in aliases if provider in names), provider)

    def _estimate_risk(
        self, principal: Principal, asked: str, admitted: AdmittedRequest
    ) -> RiskEstimate | None:
        prompt, size = admitted.texts.get("prompt", ""), (admitted.width, admitted.height)
        return self.estimate_risk(principal.tenant, asked, prompt, seconds=admitted.seconds, size=size)

    def _estimate_risks(
        self, principal: Principal, asked: str, admitted: AdmittedRequest, prompts: Sequence[str]
    ) -> Sequence[float] | None:
        size = (admitted.width, admitted.height)
        return self.estimate_risks(principal.tenant, asked, prompts, seconds=admitted.seconds, size=size)

    def _with_references(
        self,
        principal: Principal,
        admitted: AdmittedRequest,
        prompt: StageResult,
        policy: TenantPolicy,
        requester: VideoRequester,
    ) -> tuple[tuple[StageResult, ...], Mapping[str, float | None]]:
        """The results, and the fields of the references that were not screened in time, with the estimated
        seconds of the scan of a clip.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="check-") as folder:
            files = [ReferenceInput.of(upload.path, upload.field) for upload in admitted.uploads]
            for number, (field, url) in enumerate(admitted.urls.items()):
                path = Path(folder) / f"{number}"
                self.fetcher.fetch(url, path, max_bytes=self.max_reference_bytes, param=field)
                files.append(ReferenceInput.of(path, field))
            context = ScreeningContext(
                policy=policy,
                texts=admitted.texts,
                prior=prompt.findings,
                audience=prompt.verdict.audience,
                requester=requester,
            )
            found, left = self.timed_references.screen_files(files, context, caller=principal.id)
            return (prompt, *found), {file.field: seconds for file, seconds in left.items()}

    def _record(
        self, principal: Principal, admitted: AdmittedRequest, found: CheckResult, match: EvasionMatch
    ) -> str:
        """Record the check. Returns its subject in the audit log."""
        verdict, subject = found.deciding.verdict, new_id("verdict")
        with self.database.transaction(tenant=principal.tenant) as tx:
            tx.append_audit(
                "check.made",
                subject=subject,
                actor=principal.id,
                content={
                    "action": found.verdict,
                    "stage": verdict.stage.value,
                    "rule": verdict.rule,
                    "subject_sha256": verdict.subject_sha256,
                    "policy_sha256": verdict.policy_sha256,
                    "end_user": admitted.end_user,
                },
            )
            if verdict.action is Action.BLOCK:
                blocked = BlockedPrompt(
                    principal=principal,
                    end_user=admitted.end_user,
                    texts=admitted.texts,
                    negated=admitted.negated,
                    findings=verdict.findings,
                    match=match,
                    inherited=verdict.stage is Stage.PROMPT,
                    request_id=subject,
                )
                self.evasion_tracker.record_block(tx, blocked)
        return subject
