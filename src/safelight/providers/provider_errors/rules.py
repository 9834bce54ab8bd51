"""A rule: conditions on an error, and its meaning."""

from __future__ import annotations

import re
from functools import cache

import msgspec

from safelight.providers.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .parse import ParsedError


class ErrorRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule matches if all its conditions match. Result fields that are empty are derived from the error."""

    id: str
    kind: ErrorKind
    #: The page, package or thread that documents the error.
    documented: str
    #: Field names (`code|type`) and a pattern that the whole value of one such field must match.
    fields: dict[str, str] = {}
    #: A pattern in the prose of the error: its text and the messages inside its JSON.
    text: str = ""
    status: frozenset[int] = frozenset()
    #: Names of lists, one of which must be in the error and empty.
    empty_lists: frozenset[str] = frozenset()
    #: Whether the conditions are sufficient for any provider, even if no provider was recognized.
    anywhere: bool = False

    error_source: ErrorSource = ErrorSource.PROVIDER
    stage: ModerationStage = ModerationStage.UNKNOWN
    #: Empty: derived from the words of the error.
    category: str = ""
    modality: str = ""
    charged: ChargeStatus | None = None
    charge_source: str = ""
    retry: ProviderRetry | None = None
    after_s: float | None = None
    message: str = ""
    next_step: str = ""
    #: The provider's code for this error, for a text that does not contain it.
    code: str = ""
    confidence: Confidence = Confidence.CERTAIN

    def holds(self, said: ParsedError) -> bool:
        if self.status and said.status not in self.status:
            return False
        if not all(said.field(names, pattern) for names, pattern in self.fields.items()):
            return False
        if self.empty_lists and not self.empty_lists & said.empty_lists:
            return False
        return not self.text or compiled(self.text).search(said.prose) is not None


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules of one provider, in the order in which they are tried."""

    #: Empty for a set of rules that belong to no provider.
    name: str = ""
    #: Display name.
    title: str
    rules: tuple[ErrorRule, ...] = ()
    #: Other names by which users may call the provider.
    aliases: frozenset[str] = frozenset()
    #: A pattern that identifies the provider in a text: hosts, field names, exceptions of its SDK.
    signs: str = ""
    #: Whether it is an aggregator, which passes on errors of other providers.
    relay: bool = False
    #: Whether it sells other makers' models at its own prices. The makers' statements on charges then do not
    #: apply.
    resells: bool = False

    def matches_signature(self, said: ParsedError) -> bool:
        return bool(self.signs) and compiled(self.signs).search(said.signature) is not None


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the rules: one that JavaScript reads as Python does."""
    return re.compile(pattern, re.IGNORECASE)
