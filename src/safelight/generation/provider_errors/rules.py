"""A row of the table: what to look for, and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .parse import ParsedError


@dataclass(frozen=True, kw_only=True)
class ErrorRule:
    """Holds where all of its conditions that are given hold. Empty answers are worked out from the rest."""

    id: str
    kind: ErrorKind
    #: The page, package or thread that says so.
    documented: str
    #: Field names (`code|type`) to a pattern that one such field's whole value must match.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: A pattern in the prose of the answer: its text and the sentences inside its JSON.
    says: str = ""
    status: frozenset[int] = frozenset()
    #: Enough by itself, whoever the provider is.
    anywhere: bool = False

    owner: ErrorSource = ErrorSource.PROVIDER
    stage: ModerationStage = ModerationStage.UNKNOWN
    #: Empty: read from the words of the answer.
    category: str = ""
    modality: str = ""
    charged: ChargeStatus | None = None
    charge_source: str = ""
    retry: ProviderRetry | None = None
    after_s: float | None = None
    sentence: str = ""
    next_step: str = ""
    confidence: Confidence = Confidence.CERTAIN

    def holds(self, said: ParsedError) -> bool:
        if self.status and said.status not in self.status:
            return False
        if not all(said.field(names, pattern) for names, pattern in self.fields.items()):
            return False
        return not self.says or compiled(self.says).search(said.prose) is not None


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider's part of the table, in the order in which rows are tried."""

    name: str
    #: As people write it.
    title: str
    rows: tuple[ErrorRule, ...]
    #: Other names a person may give.
    aliases: frozenset[str] = frozenset()
    #: What gives it away in a text: hosts, field names, exceptions of its SDK.
    signs: str = ""
    #: Passes on what others say.
    relay: bool = False
    #: Has prices of its own for other people's models: what their makers charge says nothing of its bill.
    resells: bool = False

    def matches_signature(self, said: ParsedError) -> bool:
        return bool(self.signs) and compiled(self.signs).search(said.signature) is not None


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
