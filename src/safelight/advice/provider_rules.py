"""What a provider's own documentation says it refuses, matched to what our detectors saw.

One document per provider in `providers/`: short statements with their source and date. Where no statement
touches what was found the answer is "unknown", never "fine".
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
import yaml

from safelight.policy.findings import Finding, Modality

#: From this score on a finding counts as seen.
SEEN_FROM = 0.5


class Effect(StrEnum):
    #: The documentation says that it is refused.
    REFUSED = "refused"
    #: It says that it may be, or depends on a setting or an allow-list.
    DEPENDS = "depends"


class RuleCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be among our findings: one of the categories and modalities, with the attributes."""

    categories: tuple[str, ...]
    modalities: tuple[Modality, ...] = ()
    attributes: dict[str, bool | int | float | str] = {}

    def holds(self, finding: Finding) -> bool:
        return (
            finding.score >= SEEN_FROM
            and finding.category in self.categories
            and (not self.modalities or finding.modality in self.modalities)
            and all(finding.attributes.get(name) == value for name, value in self.attributes.items())
            and not finding.attributes.get("negated")
        )


class ProviderRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing a provider's documentation says."""

    id: str
    says: str
    effect: Effect
    source: str
    #: The day on which the source was read, as YYYY-MM-DD.
    read: str
    #: Left out: a fact about the provider that no finding of ours can touch, such as what a block costs.
    when: RuleCondition | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    title: str
    #: Names of models, with `*`, as they appear in requests.
    models: tuple[str, ...]
    statements: tuple[ProviderRule, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProviderAdvice:
    """What is documented for one order at one provider."""

    #: As asked for; `title` is empty where nothing is known of it.
    asked: str
    provider: str
    title: str
    #: Statements that touch what was found, and facts that hold for every order.
    touching: tuple[ProviderRule, ...]
    general: tuple[ProviderRule, ...]

    @property
    def word(self) -> str:
        """`refused`, `depends`, or `unknown`."""
        effects = {statement.effect for statement in self.touching}
        return next(
            (effect.value for effect in (Effect.REFUSED, Effect.DEPENDS) if effect in effects), "unknown"
        )

    @property
    def sentence(self) -> str:
        if not self.provider:
            return f"What {self.asked} refuses is unknown here."
        if self.touching:
            return " ".join(statement.says for statement in self.touching)
        return (
            f"Nothing that {self.title} documents touches what was found. Whether it refuses this is unknown."
        )

    def as_wire(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "provider": self.provider or None,
            "word": self.word,
            "sentence": self.sentence,
            "statements": [_wire(statement) for statement in self.touching],
            "general": [_wire(statement) for statement in self.general],
        }


def _wire(statement: ProviderRule) -> dict[str, Any]:
    return {
        "id": statement.id,
        "effect": statement.effect.value,
        "says": statement.says,
        "source": statement.source,
        "read": statement.read,
    }


@cache
def documents() -> Mapping[str, Document]:
    """The shipped documents by provider."""
    folder = resources.files(__package__).joinpath("providers")
    read = [
        msgspec.convert(yaml.safe_load(entry.read_text("utf-8")), Document)
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]
    return {document.provider: document for document in sorted(read, key=lambda found: found.provider)}


def document_for(name: str) -> Document | None:
    """The document of a provider or of whoever makes a model of this name."""
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


def advise(name: str, findings: Iterable[Finding]) -> ProviderAdvice:
    """What the documentation of `name` (a provider or a model) says about what was found."""
    document = document_for(name)
    if document is None:
        return ProviderAdvice(asked=name, provider="", title="", touching=(), general=())
    seen = tuple(findings)
    return ProviderAdvice(
        asked=name,
        provider=document.provider,
        title=document.title,
        touching=tuple(
            statement
            for statement in document.statements
            if statement.when is not None and any(statement.when.holds(finding) for finding in seen)
        ),
        general=tuple(statement for statement in document.statements if statement.when is None),
    )
