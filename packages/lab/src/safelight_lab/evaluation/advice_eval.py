"""Advice evaluation: which prompts get suggestions, and for which reason help is refused.

It runs the detectors, the policy and the help gate as a check does, without the history of an end user.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.sketch import Embedder
from safelight.policy.documents import Policy
from safelight.policy.findings import Taxonomy
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.providers.advice.check_result import CheckResult, summarize_check
from safelight.providers.advice.help_gate import HelpAnswer
from safelight.providers.advice.model_rewriting import ModelRewriting
from safelight.providers.advice.omissions import EstimateRisks
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.providers.advice.rewriter import Rewriter
from safelight.providers.advice.suggestion import Suggestion, SuggestionMaker
from safelight.screening.prompt import PromptStage
from safelight_lab.evaluation.protocol import EvalCase

from .datasets import DataSet
from .holdout_log import format_heading
from .prompt_eval import hash_of_versions

_FIELD = "prompt"
#: Value of a part that has all rows.
_EVERY = "*"


@dataclass(frozen=True, kw_only=True)
class AdviceOutcome:
    """The advice on one prompt."""

    case: EvalCase
    #: Whether there is any suggestion, and any that can be applied.
    suggestions: bool
    applicable: bool
    #: The answer of the gate of help, and why it is not help; empty if it is.
    answer: HelpAnswer
    refusal: str
    #: Counts of the language model's rewrites; empty if it was not asked.
    rewrites: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class AdviceEvaluation:
    """Evaluates data sets of prompts with one pipeline under one policy."""

    pipeline: TextPipeline
    taxonomy: Taxonomy
    policy: Policy
    #: Where a provider has blocked the prompts; None if none has.
    blocked_at: BlockedAt | None = None
    #: The language model that is asked for rewrites, and what compares their meaning; None: neither.
    rewriter: Rewriter | None = None
    embedder: Embedder | None = None

    def run(
        self, datasets: Sequence[DataSet], *, observe: Callable[[AdviceOutcome], None] = lambda _outcome: None
    ) -> dict[str, Any]:
        """The report as JSON. `observe` gets each outcome as soon as it is known."""
        outcomes = []
        for case in (case for dataset in datasets for case in dataset.cases):
            outcome = self._outcome(case)
            observe(outcome)
            outcomes.append(outcome)
        return {
            "datasets": [{"name": one.name, "sha256": one.sha256, "n": len(one.cases)} for one in datasets],
            "model_hash": hash_of_versions({one.name: one.version for one in self.pipeline.detectors}),
            "advice_hash": hash_of_advice(),
            "policy": {self.policy.name: self.policy.sha256},
            "blocked_at": self.blocked_at,
            "rewriter": self.rewriter.options.model if self.rewriter else None,
            "rows": list(_count(outcomes)),
        }

    def suggest(self, prompt: str, estimate: EstimateRisks) -> Sequence[Suggestion]:
        """The suggestions that can be applied after a block of the request by a provider.

        Those of the language model come first, because a caller has asked for them.
        """
        options = AdviceOptions(blocked_at=BlockedAt.REQUEST, estimate_others=estimate)
        found = self.check(prompt, options).prompt_advice.suggestions
        return [one for one in found if one.source is SuggestionMaker.REWRITER] + [
            one for one in found if one.number
        ]

    def check(self, prompt: str, options: AdviceOptions) -> CheckResult:
        """The check of a prompt, with rewrites of the language model if there is one."""

        def check(text: str, options: AdviceOptions) -> CheckResult:
            policy = TenantPolicy(tenant="", taxonomy=self.taxonomy, policy=self.policy)
            result = PromptStage(pipeline=self.pipeline).screen({_FIELD: text}, policy)
            return summarize_check((result,), self.taxonomy, texts={_FIELD: text}, options=options)

        found = check(prompt, options)
        if self.rewriter is None:
            return found
        return ModelRewriting(
            rewriter=self.rewriter,
            check=lambda text: check(text, replace(options, suggests=False)),
            estimate=options.estimate_others,
            embedder=self.embedder,
            blocked_at=options.blocked_at,
        ).extend(found, prompt)

    def _outcome(self, case: EvalCase) -> AdviceOutcome:
        found = self.check(case.text, AdviceOptions(blocked_at=self.blocked_at))
        advice = found.prompt_advice
        return AdviceOutcome(
            case=case,
            suggestions=bool(advice.suggestions),
            applicable=any(one.number for one in advice.suggestions),
            answer=advice.answer,
            refusal=advice.refusal.value if advice.refusal else "",
            rewrites=_count_rewrites(found),
        )


def format_log_entry(report: Mapping[str, Any], *, now: dt.datetime) -> str:
    """The entry of a run in the log of the holdout sets."""
    lines = [
        *format_heading(report, now=now),
        f"`safelight eval advice{f' --blocked {blocked}' if (blocked := report['blocked_at']) else ''}`, "
        f"advice `{report['advice_hash'][:16]}`.\n",
        "| source | label | part | value | n | any suggestion | applicable | asked | help refused |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['source']} | {row['label']} | {row['part']} | {row['value']} | {row['n']}"
        f" | {row['suggestions']['k']} | {row['applicable']['k']}"
        f" | {row['asked']['k']} | {row['refused']['k']} |"
        for row in report["rows"]
    ]
    return "\n".join(lines) + "\n"


def _count(outcomes: Iterable[AdviceOutcome]) -> Iterator[dict[str, Any]]:
    """A row for each source and label, and for each of their categories, languages and kinds."""
    groups: dict[tuple[str, str, str, str], list[AdviceOutcome]] = {}
    for one in outcomes:
        case = one.case
        # The finer label of a data set replaces its categories, as in the mapping of labels.
        categories = case.fine.split("|") if case.fine else case.categories
        parts = [("all", _EVERY), ("lang", case.lang), *(("category", name) for name in categories)]
        parts += [("kind", case.kind)] if case.kind else []
        for part, value in parts:
            groups.setdefault((case.source, case.label, part, value), []).append(one)
    for key in sorted(groups):
        source, label, part, value = key
        members = groups[key]
        yield {
            "source": source,
            "label": label,
            "part": part,
            "value": value,
            "n": len(members),
            "suggestions": _share(sum(one.suggestions for one in members), len(members)),
            "applicable": _share(sum(one.applicable for one in members), len(members)),
            "asked": _share(sum(one.answer is HelpAnswer.ASK for one in members), len(members)),
            "refused": _share(sum(one.answer is HelpAnswer.REFUSE for one in members), len(members)),
            "refusals": dict(sorted(Counter(one.refusal for one in members if one.refusal).items())),
            "rewrites": dict(sorted(sum((one.rewrites for one in members), Counter[str]()).items())),
        }


def _count_rewrites(found: CheckResult) -> Counter[str]:
    """How often the language model was asked and a prompt got a rewrite, and what became of all rewrites."""
    report = found.rewriter
    if report is None:
        return Counter()
    kept = [one.message for one in found.prompt_advice.suggestions if one.source is SuggestionMaker.REWRITER]
    counts = Counter(kept)
    counts.update(asked=int(report.called), received=report.received, prompts_with_one=int(bool(kept)))
    counts.update({f"dropped: {reason.value}": count for reason, count in report.dropped.items()})
    if report.note:
        counts[f"note: {report.note.value}"] += 1
    return +counts


def _share(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "interval": list(wilson(k, n))}


def hash_of_advice() -> str:
    """The sha256 of the modules and tables of the advice, and so also of the help gate."""
    package = resources.files("safelight.providers.advice")
    files = [*package.iterdir(), *package.joinpath("data").iterdir()]
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.name):
        if file.name.endswith((".py", ".tsv")):
            digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()
