"""Documented content rules of providers, compared with our findings.

`providers/` has one document per provider, with short statements, each with its source and date. If no
statement matches the findings, the outcome is `unknown`, never "fine".
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from safelight import yaml_loader
from safelight.generation.provider_errors.registry import named, providers, relays
from safelight.policy.findings import Finding, Modality

#: Findings below this score are ignored.
MIN_SCORE = 0.5


class Effect(StrEnum):
    #: The documentation states that the provider refuses such content.
    REFUSED = "refused"
    #: The documentation states that the provider may refuse such content, or that it depends on a setting or
    #: an allow-list.
    DEPENDS = "depends"


class RuleCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition that one finding must meet: one of the categories, one of the modalities (if any are
    given), and all attributes.
    """

    categories: tuple[str, ...]
    modalities: tuple[Modality, ...] = ()
    attributes: dict[str, bool | int | float | str] = {}

    def matches(self, finding: Finding) -> bool:
        return (
            finding.score >= MIN_SCORE
            and finding.category in self.categories
            and (not self.modalities or finding.modality in self.modalities)
            and all(finding.attributes.get(name) == value for name, value in self.attributes.items())
            and not finding.attributes.get("negated")
        )


class ProviderRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule from a provider's documentation."""

    id: str
    statement: str
    effect: Effect
    source: str
    #: Date on which the source was last read, YYYY-MM-DD.
    read: str
    #: None for a general fact that does not depend on a finding, such as the cost of a block.
    when: RuleCondition | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    title: str
    #: Model names as they appear in requests; `*` is a wildcard.
    models: tuple[str, ...]
    statements: tuple[ProviderRule, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProviderAdvice:
    """Documented rules of one provider that apply to one request."""

    #: Provider or model name as the caller gave it. `provider` is empty if it has no documented rules, and
    #: `title` if the name is unknown.
    asked: str
    provider: str
    title: str
    #: `matching`: rules that match a finding. `general`: facts that apply to every request.
    matching: tuple[ProviderRule, ...]
    general: tuple[ProviderRule, ...]

    @property
    def outcome(self) -> str:
        """`refused`, `depends`, or `unknown`."""
        effects = {statement.effect for statement in self.matching}
        return next(
            (effect.value for effect in (Effect.REFUSED, Effect.DEPENDS) if effect in effects), "unknown"
        )

    @property
    def summary(self) -> str:
        if not self.provider:
            return f"Safelight has no documentation of what {self.title or self.asked} refuses."
        if self.matching:
            return " ".join(statement.statement for statement in self.matching)
        return f"No documented rule of {self.title} matches the findings; whether it refuses this is unknown."

    def as_wire(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "provider": self.provider or None,
            "outcome": self.outcome,
            "summary": self.summary,
            "statements": [_wire(statement) for statement in self.matching],
            "general": [_wire(statement) for statement in self.general],
        }


def _wire(statement: ProviderRule) -> dict[str, Any]:
    return {
        "id": statement.id,
        "effect": statement.effect.value,
        "statement": statement.statement,
        "source": statement.source,
        "read": statement.read,
    }


@cache
def documents() -> Mapping[str, Document]:
    """The documents that Safelight ships, by provider."""
    folder = resources.files(__package__).joinpath("providers")
    read = [
        msgspec.convert(yaml_loader.load(entry.read_text("utf-8")), Document)
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]
    return {document.provider: document for document in sorted(read, key=lambda found: found.provider)}


def document_for(name: str) -> Document | None:
    """The document for a name: a provider, or a model of that provider. None if the name is unknown."""
    plain = name.strip().lower()
    for document in documents().values():
        if plain == document.provider or plain in document.aliases:
            return document
    return next(
        (
            document
            for document in documents().values()
            if any(fnmatch.fnmatchcase(plain, pattern) for pattern in document.models)
        ),
        None,
    )


def is_known_provider(name: str) -> bool:
    """Whether `name` is a provider or model with documented rules, or a provider whose errors are known."""
    return document_for(name) is not None or named(name) is not None


def known_providers() -> Mapping[str, frozenset[str]]:
    """The names of all known providers, with documented rules or without, and their aliases."""
    found = {document.provider: frozenset(document.aliases) for document in documents().values()}
    return found | {
        one.name: one.aliases | found.get(one.name, frozenset()) for one in (*providers(), *relays())
    }


def advise(name: str, findings: Iterable[Finding]) -> ProviderAdvice:
    """The documented rules of `name` (a provider or a model) that apply to these findings."""
    document = document_for(name)
    if document is None:
        known = named(name)
        title = known.title if known is not None else ""
        return ProviderAdvice(asked=name, provider="", title=title, matching=(), general=())
    seen = tuple(findings)
    return ProviderAdvice(
        asked=name,
        provider=document.provider,
        title=document.title,
        matching=tuple(
            statement
            for statement in document.statements
            if statement.when is not None and any(statement.when.matches(finding) for finding in seen)
        ),
        general=tuple(statement for statement in document.statements if statement.when is None),
    )
