"""The printed result of a check, and the findings that it may show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from safelight.policy.findings import Finding, Taxonomy
    from safelight.screening.evaluation import StageResult

#: Findings below this score are shown only if the verdict rests on them.
MIN_SCORE = 0.5


class CheckOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The printed result of a check: the explanation as in the API, and every finding that may be shown."""

    exit: int
    action: str
    category: str
    rule: str
    reason: str
    sentence: str
    policy: str
    policy_sha256: str
    details: dict[str, Any]
    findings: tuple[Any, ...]
    #: Groups of the categories whose findings are withheld.
    withheld: tuple[str, ...]
    #: Coverage status, and the categories with that status.
    coverage: dict[str, list[str]]
    #: Categories that only lists judged, because a classifier has no operating point for this text, and why.
    lists_only: tuple[str, ...]
    notes: tuple[str, ...]
    #: Name of each missing detector, and why it is missing.
    missing: dict[str, str]
    waivers: tuple[str, ...]
    latency_ms: float
    #: Documented rules of the provider given with `--provider`; None without `--provider`.
    provider: dict[str, Any] | None = None
    #: The advice, with the same names as in the API: see docs/advice.md.
    verdict: str
    outcome: str
    answer: str
    risk_level: str
    risk: dict[str, Any]
    drivers: list[dict[str, Any]]
    contradictions: list[dict[str, Any]]
    suggestions: list[dict[str, Any]]
    #: What several providers document, without `--provider`; None if no rule matches.
    documented_refusals: dict[str, Any] | None
    #: The rewrites of a language model in numbers; None if none were asked for.
    rewriter: dict[str, Any] | None
    #: Why there are no suggestions; None if there are some, or if none were needed.
    no_suggestions: dict[str, str] | None
    fix: dict[str, Any] | None
    questions: list[dict[str, str]]
    help_lines: list[dict[str, str | None]]
    #: The ten checklist entries; empty if the policy blocks the prompt.
    checklist: list[dict[str, Any]]
    #: The suggestion that `--apply` applied, with the stricter verdict of both prompts.
    applied: dict[str, Any] | None = None
    #: The result of `--try`.
    tried: dict[str, Any] | None = None
    #: Whether the policy refuses requests that name no approved template.
    template_required: bool = False
    #: Reference files that were not checked in time.
    not_checked: tuple[str, ...] = ()
    #: The estimated time of the scan of each clip in `not_checked`.
    scan_seconds: dict[str, float] = {}

    @property
    def has_advice(self) -> bool:
        """Whether a provider was named or something was to be fixed, so that the advice is printed."""
        return bool(self.provider or self.fix or self.applied or self.rewriter)


def visible_findings(result: StageResult, taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """The findings that may be shown.

    Findings that could be used as instructions for harm are left out; a vaulted case has none at all.
    """
    if result.verdict.vault:
        return ()
    return tuple(
        finding
        for finding in result.findings
        if finding.test_card or (finding.category in taxonomy and not taxonomy[finding.category].hide_details)
    )
