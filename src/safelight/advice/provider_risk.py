"""Provider risk: whether a provider is likely to refuse a request that our policy allows.

It rests on documented rules and on what creators report. It is never a percentage, because no
rate is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from safelight.i18n import Messages, translate_sentence

from .driver_tables import AdviceSource, DriverKind
from .drivers import Driver
from .provider_rules import Effect, ProviderAdvice, ProviderRule, document_for

#: The provider that the reports in the tables are about.
_REPORTED_PROVIDER = "openai"
#: Id of the statement that a provider no longer accepts requests.
_SHUT_DOWN = "shut-down"
#: Drivers that the sources call high risk on their own.
_HIGH = (DriverKind.HIGH_RISK_WORD, DriverKind.SCENARIO, DriverKind.NAME)
_HIGH_LEVEL = "high"


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class ProviderRisk:
    """The level, why, and where that is from. `statement`: the provider's rule, if one decided."""

    level: RiskLevel
    reason: str
    provider: str
    source: AdviceSource | None = None
    statement: str = ""
    #: The statement that the provider was shut down, if it was.
    shut_down: ProviderRule | None = None

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        closed = self.shut_down
        key = f"risk.closed_{self.reason}"
        reason = messages(
            key if closed and messages.has(key) else f"risk.{self.reason}",
            provider=self.provider,
            statement=_translated(self.statement, messages),
            site=self.source.title.partition(",")[0] if self.source else "",
            other=(self.source.about if self.source else "") or messages("risk.another"),
        )
        if closed:
            said = _translated(closed.statement, messages).rstrip(".。")
            source = _translated(closed.source, messages)
            reason = messages(
                "risk.shut_down", statement=said, source=source, read=closed.read, reason=reason
            )
        return {
            "level": self.level.value,
            "reason": reason,
            "shut_down": closed is not None,
            "source": self.source.as_wire(messages) if self.source else None,
        }


def _translated(text: str, messages: Messages) -> str:
    return translate_sentence("provider_rules", text, messages.tag) or text


def assess_risk(
    advice: ProviderAdvice | None, drivers: Sequence[Driver], *, readable: bool = True
) -> ProviderRisk:
    """The risk at a provider. Pure. It is never low at a provider that was shut down.

    `readable`: whether the text is in a language that the tables and classifiers cover.
    """
    risk = _assess_risk(advice, drivers, readable=readable)
    closed = find_shut_down(advice)
    if closed is None:
        return risk
    level = RiskLevel.UNKNOWN if risk.level is RiskLevel.LOW else risk.level
    return replace(risk, level=level, shut_down=closed)


def find_shut_down(advice: ProviderAdvice | None) -> ProviderRule | None:
    """The statement that the provider no longer accepts requests; None if it accepts them."""
    return next((rule for rule in advice.general if rule.id == _SHUT_DOWN), None) if advice else None


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
    return ProviderRisk(level=level, reason=reason, provider=title, source=decided_by.sources[0])


def _without_drivers(advice: ProviderAdvice | None, title: str) -> ProviderRisk:
    """Low only if the provider documents what it refuses; otherwise unknown."""
    document = document_for(advice.asked) if advice else None
    rules = [rule for rule in document.statements if rule.when is not None] if document else []
    if not rules:
        reason = "undocumented" if title else "no_provider"
        return ProviderRisk(level=RiskLevel.UNKNOWN, reason=reason, provider=title)
    # No single rule proves that none matches.
    return ProviderRisk(level=RiskLevel.LOW, reason="no_rule", provider=title)
