"""One suggestion: a change of the prompt, or advice without a replacement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.core.i18n import Messages, load_messages

from .advice_data import AdviceSource
from .driver_tables import Contradiction, Slot
from .text_edit import DiffPart, TextEdit

#: The condition that the scene of the user stays.
_SAME_SCENE = "same_scene"


class SuggestionMaker(StrEnum):
    """What made a suggestion."""

    #: Tables, lists and own outcomes: the same request gets the same suggestion.
    RULES = "rules"
    #: A language model that the operator configured.
    REWRITER = "rewriter"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One change of the prompt, or advice without a replacement (`edits` is empty)."""

    #: Number for `--apply`, from 1; 0 for advice without a replacement, and for rewrites of a model, which
    #: may answer otherwise the next time.
    number: int
    #: Key of the message.
    message: str
    values: Mapping[str, str]
    #: Keys of the conditions under which the suggestion is true.
    conditions: tuple[str, ...]
    sources: tuple[AdviceSource, ...]
    edits: tuple[TextEdit, ...] = ()
    #: What the replaced words state. Nothing else may change.
    slots: frozenset[Slot] = frozenset()
    #: What the user stated, which the change may add.
    stated: frozenset[Slot] = frozenset()
    #: The prompt after the change, and the diff.
    rewritten: str = ""
    diff: tuple[DiffPart, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    #: How many drivers the changed prompt still has. Set on the first suggestion only.
    drivers_left: int | None = None
    source: SuggestionMaker = SuggestionMaker.RULES

    def describe_effect(self, messages: Messages) -> str:
        """Why the first suggestion is the first, in a sentence; empty for others."""
        if self.drivers_left is None:
            return ""
        return messages("first.some_left" if self.drivers_left else "first.none_left", left=self.drivers_left)

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        return {
            "number": self.number or None,
            "source": self.source.value,
            "text": messages(f"suggestion.{self.message}", **self.values),
            "condition": self._condition(messages),
            "changes": sorted(self.slots),
            "rewritten": self.rewritten or None,
            "diff": [part.as_wire() for part in self.diff],
            "contradictions": [contradiction_wire(one, messages) for one in self.contradictions],
            "sources": [source.as_wire(messages) for source in self.sources],
        }

    def _condition(self, messages: Messages) -> str | None:
        sentences = [messages(f"condition.{name}") for name in _join_conditions(self.conditions)]
        return load_messages("explanations", messages.tag)("join").join(sentences) or None


def _join_conditions(conditions: tuple[str, ...]) -> list[str]:
    """One key for everything that changes, and the condition that the scene stays once, at the end."""
    changed = [name for name in ("place", "time") if name in conditions]
    rest = [name for name in conditions if name not in (*changed, _SAME_SCENE)]
    same = [_SAME_SCENE] if changed or _SAME_SCENE in conditions else []
    return [*filter(None, ["_and_".join(changed)]), *rest, *same]


def contradiction_wire(found: Contradiction, messages: Messages) -> dict[str, Any]:
    return {
        "term": found.term,
        "text": messages(f"contradiction.{found.term}"),
        "recommended_by": found.recommended_by.as_wire(messages),
        "warned_by": found.warned_by.as_wire(messages),
    }
