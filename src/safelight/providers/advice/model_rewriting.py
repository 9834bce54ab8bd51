"""Adds rewrites of a language model to a check, after our detectors and policy have examined them.

The gate of help stands first: if help is refused, the model is never called. Whatever it answers, the
ordinary suggestions remain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

from safelight.core.errors import CheckLimitExceeded
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder, cosines, embed
from safelight.policy.findings import Finding, is_alarm
from safelight.providers.advice.driver_tables import DriverKind
from safelight.providers.advice.drivers import PROMPT, Driver
from safelight.providers.advice.model_rewrites import DropReason, Nearness, examine_rewrite
from safelight.providers.advice.omissions import EstimateRisks
from safelight.providers.advice.prompt_advice import BlockedAt
from safelight.providers.advice.protected_spans import find_protected_spans
from safelight.providers.advice.rewrite_form import RewriteForm, find_form
from safelight.providers.advice.rewriter import MAX_PROMPT_CHARS, Rewriter, RewriterFailed, RewriterOptions
from safelight.providers.advice.rewriter_messages import MAX_REWRITES
from safelight.providers.advice.rewriter_report import RewriterNote, RewriterReport
from safelight.providers.advice.suggestion import Suggestion
from safelight.providers.advice.whole_prompt import weigh
from safelight.screening.evaluation import StageResult

from .check_result import CheckResult


@dataclass(frozen=True, kw_only=True)
class ModelRewriting:
    """What the rewrites of one request need."""

    #: None if the operator has configured none.
    rewriter: Rewriter | None
    #: The check of the same request with another prompt, without its references.
    check: Callable[[str], CheckResult]
    #: The risk of prompts by own outcomes; None if too few are known.
    estimate: EstimateRisks
    #: Compares the meaning of rewrites with other sentences; None: only reported words may change.
    embedder: Embedder | None = None
    blocked_at: BlockedAt | None = None
    #: Called when the prompt is about to be sent. May raise `CheckLimitExceeded`.
    before_call: Callable[[RewriterOptions], None] = lambda _options: None

    def extend(self, found: CheckResult, prompt: str) -> CheckResult:
        """The result with the rewrites that may be suggested, and the report on the others."""
        if not found.prompt_advice.helps:
            return replace(found, rewriter=RewriterReport(note=RewriterNote.NO_HELP))
        if self.rewriter is None:
            return replace(found, rewriter=RewriterReport(note=RewriterNote.OFF))
        options, called = self.rewriter.options, False

        def note_call() -> None:
            nonlocal called
            self.before_call(options)
            called = True

        kept: list[Suggestion] = []
        dropped: Counter[DropReason] = Counter()
        received: list[object] = []
        note: RewriterNote | None = None
        try:
            form = self._find_form(found, prompt)
            received = self.rewriter.rewrite(
                form,
                blocked=self.blocked_at and self.blocked_at.value,
                whole=self.embedder is not None,
                before_call=note_call,
            )
            kept, dropped = self._examine(found, form, received)
        except CheckLimitExceeded:
            note = RewriterNote.CHECK_LIMIT
        except RewriterFailed as failure:
            note = failure.note
        report = RewriterReport(
            host=options.host,
            model=options.model,
            called=called,
            received=len(received),
            dropped=dropped,
            note=note if kept or note else RewriterNote.NONE_KEPT,
        )
        suggestions = (*found.prompt_advice.suggestions, *kept)
        advice = replace(found.prompt_advice, suggestions=suggestions)
        return replace(found, prompt_advice=advice, rewriter=report)

    def _find_form(self, found: CheckResult, prompt: str) -> RewriteForm:
        """The form of the prompt. Raises `RewriterFailed` if there is nothing to ask for."""
        if len(prompt) > MAX_PROMPT_CHARS:
            raise RewriterFailed(RewriterNote.TOO_LONG)
        protected = find_protected_spans(prompt, _findings(found), field=PROMPT)
        form = find_form(prompt, found.prompt_advice.drivers, protected)
        # After a block of a prompt of which the tables know no word, only other sentences can be tried.
        if not form.parts and (self.embedder is None or self.blocked_at is None):
            raise RewriterFailed(RewriterNote.NOTHING_TO_CHANGE)
        return form

    def _examine(
        self, found: CheckResult, form: RewriteForm, received: list[object]
    ) -> tuple[list[Suggestion], Counter[DropReason]]:
        kept: list[Suggestion] = []
        dropped = Counter({DropReason.FORMAT: len(received[MAX_REWRITES:])})
        known = {form.prompt, *(one.rewritten for one in found.prompt_advice.suggestions)}
        nearness = make_nearness(form.prompt, self.embedder) if self.embedder else None
        for text in received[:MAX_REWRITES]:
            one = examine_rewrite(form, text, known, nearness)
            if isinstance(one, Suggestion):
                known.add(one.rewritten)
                reason = self._find_objection(found, form, one.rewritten)
                if reason is None:
                    kept.append(one)
                    continue
                one = reason
            dropped[one] += 1
        return kept, +dropped

    def _find_objection(self, found: CheckResult, form: RewriteForm, rewritten: str) -> DropReason | None:
        """Why our policy, the gate of help or the risk at the provider is against a rewrite; else None."""
        again = self.check(rewritten)
        # Compared with the texts alone: what a reference shows does not excuse the words.
        texts, changed = found.stages[0], again.stages[0]
        is_stricter = changed.verdict.action.severity > texts.verdict.action.severity
        if not again.prompt_advice.helps or is_stricter or _alarms(changed) - _alarms(texts):
            return DropReason.VERDICT
        before, after = _active(found), _active(again)
        # Without a part to change, the tables cannot tell what would lower the risk.
        is_lower = weigh(after) < weigh(before) if form.parts else weigh(after) <= weigh(before)
        if _rows(after) - _rows(before) or not is_lower:
            return DropReason.RISK
        risks = self.estimate([form.prompt, rewritten])
        return DropReason.RISK if risks is not None and risks[1] >= risks[0] else None


def make_nearness(prompt: str, embedder: Embedder) -> Nearness:
    """The cosine of the embeddings of the prompt and another text. The prompt is embedded at most once."""

    @cache
    def read(text: str) -> bytes:
        return embed(normalize_text(text), embedder)

    return lambda text: float(cosines([read(prompt)], [read(text)])[0, 0])


def _findings(found: CheckResult) -> list[Finding]:
    return [finding for stage in found.stages for finding in stage.findings]


def _alarms(stage: StageResult) -> frozenset[str]:
    return frozenset(one.category for one in stage.findings if is_alarm(one))


def _rows(drivers: Iterable[Driver]) -> frozenset[str]:
    """The rows of the tables. Stacked words are drivers of their own too."""
    return frozenset(one.row for one in drivers if one.kind is not DriverKind.STACKING)


def _active(found: CheckResult) -> list[Driver]:
    return [
        one
        for one in found.prompt_advice.drivers
        if not one.excluded and any(span.field == PROMPT for span in one.spans)
    ]
