"""Documented content rules of providers, compared with our findings.

`providers/` has one document per provider, with short statements, each with its source and date. Names are
those of `provider_errors.registry`, the one list of providers. If no statement matches the findings, the
outcome is `unknown`, never "fine".
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

from safelight.core import yaml_loader
from safelight.policy.findings import Finding, Modality
from safelight.providers.provider_errors.registry import exactly_named, known_providers, named, plain_name

from .advice_data import AdviceSource

#: Id of the statement that a provider no longer accepts requests.
_SHUT_DOWN = "shut-down"
#: Findings below this score are ignored.
MIN_SCORE = 0.5


class Effect(StrEnum):
    #: The documentation states that the provider refuses such content.
    REFUSED = "refused"
    #: The documentation states that the provider may refuse such content, or that it depends on a setting or
    #: an allow-list.
    DEPENDS = "depends"


class Topic(StrEnum):
    """What a statement is about."""

    #: What is refused, and how a refusal looks.
    RULES = "rules"
    LIMITS = "limits"
    #: Whether a refusal is charged.
    COST = "cost"
    #: How a refusal or a suspension can be contested.
    APPEAL = "appeal"


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
    #: Title of the page. "stored copy read": not the page itself on that date; "quoted by others": only a
    #: quotation of it.
    source: str
    #: Date on which the source was last read, YYYY-MM-DD.
    read: str
    #: None for a general fact that does not depend on a finding, such as the cost of a block.
    when: RuleCondition | None = None
    topic: Topic = Topic.RULES

    def as_wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "topic": self.topic.value,
            "effect": self.effect.value,
            "statement": self.statement,
            "source": self.source,
            "url": AdviceSource(title=self.source).url or None,
            "read": self.read,
        }


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    title: str
    #: Model names as they appear in requests; `*` is a wildcard.
    models: tuple[str, ...]
    statements: tuple[ProviderRule, ...]

    @property
    def shut_down(self) -> ProviderRule | None:
        """The statement that the provider no longer accepts requests; None if it accepts them."""
        return next((rule for rule in self.statements if rule.id == _SHUT_DOWN), None)

    def has_model(self, plain: str) -> bool:
        """Whether this is the name of a model, in lower case."""
        return any(fnmatch.fnmatchcase(plain, pattern) for pattern in self.models)

    def about(self, topic: Topic) -> tuple[ProviderRule, ...]:
        return tuple(rule for rule in self.statements if rule.topic is topic)

    @property
    def undocumented(self) -> tuple[Topic, ...]:
        """The topics on which no statement is known; none for a provider that was shut down."""
        return () if self.shut_down else tuple(topic for topic in Topic if not self.about(topic))


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
    #: Topics on which no statement of the provider is known.
    undocumented: tuple[Topic, ...] = tuple(Topic)

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
            "statements": [statement.as_wire() for statement in self.matching],
            "general": [statement.as_wire() for statement in self.general],
            "undocumented": [topic.value for topic in self.undocumented],
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
    if (provider := exactly_named(name)) is not None:
        return documents().get(provider.name)
    plain, model = plain_name(name), name.strip().lower()
    return next(
        (
            document
            for document in documents().values()
            if plain_name(document.title) == plain or document.has_model(model)
        ),
        None,
    )


def is_known_provider(name: str) -> bool:
    """Whether `name` is a provider or model with documented rules, or a provider whose errors are known."""
    return document_for(name) is not None or named(name) is not None


def list_titles() -> dict[str, str]:
    """The title of every known provider but relays, by name: that of the product with documented rules, if
    there is one.
    """
    known = documents()
    return {
        one.name: known[one.name].title if one.name in known else one.title
        for one in sorted(known_providers(), key=lambda one: one.name)
        if not one.relay
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
        undocumented=document.undocumented,
    )
