"""A check: what would become of an order, before anything is spent. Nothing is generated, nothing brings a
strike, and nothing is kept but a line in the log that says who looked and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.fileio import sha256_file
from safelight.generation.protocol import Generator
from safelight.ids import new_id
from safelight.net.fetch import Fetcher
from safelight.policy.categories import Taxonomy
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.store.database import Database
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.evasion.models import EvasionMatch
from safelight.trust.evasion.service import BlockedPrompt, EvasionTracker

from .admission import AdmissionLimits, admit
from .check_result import CheckResult, Price, disclosable, summarize_check
from .evaluation import StageResult
from .pipeline import Stages
from .reference import ReferenceInput, media_type
from .request import AdmittedRequest, CreateRequest

__all__ = ["CheckResult", "CheckService", "Price", "disclosable", "reference", "summarize_check"]


@dataclass(frozen=True, kw_only=True)
class CheckService:
    """Judges a request as a create would, and stops there."""

    stages: Stages
    generators: Mapping[str, Generator]
    default_generator: str
    limits: AdmissionLimits
    fetcher: Fetcher
    database: Database
    taxonomy: Taxonomy
    scratch: Path
    #: Takes from the probe budget, or raises `ProbeBudgetSpent`.
    spend: Callable[[Principal, str | None, int], None]
    rewordings: EvasionTracker
    max_reference_bytes: int = 64 << 20

    def check(
        self, principal: Principal, request: CreateRequest, *, asked: str = ""
    ) -> tuple[CheckResult, AdmittedRequest, Price]:
        """The verdict on a request, help with it, and its price. One probe is spent.

        Raises what admission raises, `ProbeBudgetSpent`, `InvalidMedia` and `RefusedAddress`.
        """
        principal.require(KeyScope.CHECKS)
        admitted = admit(request, self.generators, default=self.default_generator, limits=self.limits)
        self.spend(principal, admitted.end_user, 1)
        scrutiny = self.evasion_tracker.find_match(
            principal, admitted.end_user, admitted.texts, negated=admitted.negated
        )
        words = self.stages.prompt.screen(
            admitted.texts, tenant=principal.tenant, negated=admitted.negated, scrutiny=scrutiny
        )
        judged: tuple[StageResult, ...] = (words,)
        left: tuple[str, ...] = ()
        if (admitted.uploads or admitted.urls) and words.verdict.action is not Action.BLOCK:
            judged, left = self._with_references(admitted, words, principal.tenant)
        found = summarize_check(
            judged,
            self.taxonomy,
            texts=admitted.texts,
            asked=asked or admitted.model,
            references=len(admitted.uploads) + len(admitted.urls),
            not_looked_at=left,
        )
        self._note(principal, admitted, found, scrutiny)
        offer = self.generators[admitted.generator].info()
        return found, admitted, Price.of(offer, admitted.seconds)

    def _with_references(
        self, admitted: AdmittedRequest, words: StageResult, tenant: str
    ) -> tuple[tuple[StageResult, ...], tuple[str, ...]]:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="check-") as folder:
            files = [reference(upload.path, upload.field) for upload in admitted.uploads]
            for number, (field, url) in enumerate(admitted.urls.items()):
                path = Path(folder) / f"{number}"
                self.fetcher.fetch(url, path, max_bytes=self.max_reference_bytes, param=field)
                files.append(reference(path, field))
            pictures = [file for file in files if file.is_picture]
            left = tuple(file.field for file in files if not file.is_picture)
            if not pictures:
                return (words,), left
            seen = self.stages.reference.judge_files(
                pictures, tenant=tenant, prior=words.findings, texts=admitted.texts
            )
            return (words, seen), left

    def _note(
        self, principal: Principal, admitted: AdmittedRequest, found: CheckResult, scrutiny: EvasionMatch
    ) -> None:
        verdict, subject = found.deciding.verdict, new_id("verdict")
        with self.database.transaction(tenant=principal.tenant) as tx:
            tx.append_audit(
                "check.made",
                subject=subject,
                actor=principal.id,
                content={
                    "action": verdict.action.value,
                    "stage": verdict.stage.value,
                    "rule": verdict.rule,
                    "subject_sha256": verdict.subject_sha256,
                    "policy_sha256": verdict.policy_sha256,
                    "end_user": admitted.end_user,
                },
            )
            if verdict.action is Action.BLOCK and verdict.stage is Stage.PROMPT:
                blocked = BlockedPrompt(
                    principal=principal,
                    end_user=admitted.end_user,
                    texts=admitted.texts,
                    negated=admitted.negated,
                    scrutiny=scrutiny,
                    findings=verdict.findings,
                    subject=subject,
                )
                self.evasion_tracker.record_block(tx, blocked)
