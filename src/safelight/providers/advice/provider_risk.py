"""Provider risk: whether a provider is likely to refuse a request that our policy allows.

It rests on documented rules and on what creators report. It has a percentage only if enough of the tenant's
own outcomes at that provider are known (`risk_model`); no other rate is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from safelight.core.dates import format_day
from safelight.core.i18n import Messages, translate_sentence

from .advice_data import AdviceSource
from .driver_tables import DriverKind
from .drivers import Driver
from .provider_rules import Effect, ProviderAdvice, ProviderRule, document_for
from .risk_model import LEVELS_FROM, RiskEstimate

#: The provider that the reports in the tables are about.
_REPORTED_PROVIDER = "openai"
#: Drivers that the sources call high risk on their own.
_HIGH = (DriverKind.HIGH_RISK_WORD, DriverKind.SCENARIO, DriverKind.NAME)
_HIGH_LEVEL = "high"
#: Reasons that are stated beside an estimate: they say what the provider may react to.
_STATED = ("documented_refused", "documented_depends", "reported", "reported_elsewhere")


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


#: From the lowest risk to the highest.
_LEVELS = (RiskLevel.UNKNOWN, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)


@dataclass(frozen=True, kw_only=True)
class ProviderRisk:
    """The level, why, and where that is from. `statement`: the provider's rule, if one decided."""

    level: RiskLevel
    reason: str
    provider: str
    source: AdviceSource | None = None
    statement: str = ""
    #: Whether a reference decided, and not words.
    by_reference: bool = False
    #: Whether rules of the named provider are documented.
    is_documented: bool = True
    #: The statement that the provider was shut down, if it was.
    shut_down: ProviderRule | None = None
    #: From the tenant's own outcomes; None if too few are known.
    estimate: RiskEstimate | None = None

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        closed = self.shut_down
        about = "_reference" if self.by_reference else ""
        key = f"risk.closed_{self.reason}{about}"
        reason = messages(
            key if closed and messages.has(key) else f"risk.{self.reason}{about}",
            provider=self.provider,
            statement=_translated(self.statement, messages),
            site=self.source.title.partition(",")[0] if self.source else "",
            other=(self.source.about if self.source else "") or messages("risk.another"),
        )
        if self.reason == "reported_elsewhere" and not self.is_documented:
            first = messages("risk.undocumented", provider=self.provider)
            reason = messages("risk.both", first=first, second=reason)
        if closed:
            said = _translated(closed.statement, messages).rstrip(".。")
            source = _translated(closed.source, messages)
            reason = messages(
                "risk.shut_down", statement=said, source=source, read=closed.read, reason=reason
            )
        if self.estimate is not None:
            estimated = _describe_estimate(self.estimate, self.provider, messages)
            stated = self.reason in _STATED
            reason = messages("risk.both", first=estimated, second=reason) if stated else estimated
        return {
            "level": self.level.value,
            "reason": reason,
            "shut_down": closed is not None,
            "source": self.source.as_wire(messages) if self.source else None,
            "estimate": None if self.estimate is None else _estimate_wire(self.estimate),
        }


def _estimate_wire(estimate: RiskEstimate) -> dict[str, Any]:
    return {
        "percent": round(100 * estimate.probability),
        "interval": [round(100 * end) for end in estimate.interval],
        "prompts": estimate.prompts,
        "attempts": estimate.attempts,
        "reported": estimate.reported,
        "since": format_day(estimate.since),
        "until": format_day(estimate.until),
    }


def _describe_estimate(estimate: RiskEstimate, provider: str, messages: Messages) -> str:
    values = _estimate_wire(estimate)
    low, high = values.pop("interval")
    text = messages("risk.estimated", provider=provider, low=low, high=high, **values)
    if not estimate.reported:
        return text
    return messages("risk.both", first=text, second=messages("risk.estimated_reported", **values))


def _translated(text: str, messages: Messages) -> str:
    return translate_sentence("provider_rules", text, messages.tag) or text


def assess_risk(
    advice: ProviderAdvice | None,
    drivers: Sequence[Driver],
    *,
    readable: bool = True,
    estimate: RiskEstimate | None = None,
) -> ProviderRisk:
    """The risk at a provider. Pure. It is never low, and never estimated, at a provider that was shut down.

    `readable`: whether the text is in a language that the tables and classifiers cover. `estimate`: from the
    tenant's own outcomes; a documented refusal is never below its own level.
    """
    risk = _assess_risk(advice, drivers, readable=readable)
    closed = find_shut_down(advice)
    if closed is not None:
        unknown = risk.level is RiskLevel.LOW
        return replace(risk, level=RiskLevel.UNKNOWN if unknown else risk.level, shut_down=closed)
    if estimate is None or not readable:
        return risk
    documented = risk.level if advice and advice.matching else RiskLevel.UNKNOWN
    level = max(_level_of(estimate.probability), documented, key=_LEVELS.index)
    return replace(risk, level=level, estimate=estimate)


def _level_of(probability: float) -> RiskLevel:
    medium_from, high_from = LEVELS_FROM
    if probability >= high_from:
        return RiskLevel.HIGH
    return RiskLevel.MEDIUM if probability >= medium_from else RiskLevel.LOW


def find_shut_down(advice: ProviderAdvice | None) -> ProviderRule | None:
    """The statement that the provider no longer accepts requests; None if it accepts them."""
    document = document_for(advice.asked) if advice else None
    return document.shut_down if document else None


def _assess_risk(advice: ProviderAdvice | None, drivers: Sequence[Driver], *, readable: bool) -> ProviderRisk:
    title = (advice.title or advice.asked) if advice else ""
    if advice and advice.matching:
        rule = max(advice.matching, key=lambda one: one.effect is Effect.REFUSED)
        return ProviderRisk(
            level=RiskLevel.HIGH if rule.effect is Effect.REFUSED else RiskLevel.MEDIUM,
            reason=f"documented_{rule.effect.value}",
            provider=title,
            source=AdviceSource(title=rule.source, read=rule.read),
            statement=rule.statement,
        )
    if not readable:
        return ProviderRisk(level=RiskLevel.UNKNOWN, reason="unread", provider=title)
    reported = [one for one in drivers if not one.excluded and one.sources[0].read]
    if not reported:
        return _without_drivers(advice, title)
    high = next((one for one in reported if one.kind in _HIGH or one.level == _HIGH_LEVEL), None)
    decided_by = high or next((one for one in reported if one.kind is DriverKind.STACKING), reported[0])
    same_provider = advice is not None and advice.provider == _REPORTED_PROVIDER
    if decided_by.kind is DriverKind.STACKING or high:
        level = RiskLevel.HIGH if high and same_provider else RiskLevel.MEDIUM
    else:
        level = RiskLevel.LOW if same_provider else RiskLevel.UNKNOWN
    reason = "reported" if same_provider else "reported_elsewhere"
    if not title:
        reason = "reported_generally"
    return ProviderRisk(
        level=level,
        reason=reason,
        provider=title,
        source=decided_by.sources[0],
        by_reference=decided_by.kind is DriverKind.REFERENCE,
        is_documented=_is_documented(advice),
    )


def _without_drivers(advice: ProviderAdvice | None, title: str) -> ProviderRisk:
    """Low only if the provider documents what it refuses; otherwise unknown."""
    if not _is_documented(advice):
        reason = "undocumented" if title else "no_provider"
        return ProviderRisk(level=RiskLevel.UNKNOWN, reason=reason, provider=title)
    # No single rule proves that none matches.
    return ProviderRisk(level=RiskLevel.LOW, reason="no_rule", provider=title)


def _is_documented(advice: ProviderAdvice | None) -> bool:
    """Whether a document states what the provider refuses."""
    document = document_for(advice.asked) if advice else None
    return document is not None and any(rule.when is not None for rule in document.statements)
