"""The points of the checklist of a prompt in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.providers.advice.checklist import ChecklistItem, ChecklistState
from safelight.web.translations import Translations

_TONES = {
    ChecklistState.FINE: "allow",
    ChecklistState.LOOK: "hold",
    ChecklistState.PROBLEM: "block",
    ChecklistState.NOT_APPLICABLE: "none",
}


@dataclass(frozen=True, kw_only=True)
class ChecklistRow:
    name: str
    tone: str
    status: str
    text: str
    in_english: bool = False

    @property
    def passed(self) -> bool:
        return self.tone in {"allow", "none"}


def checklist_row(item: ChecklistItem, t: Translations) -> ChecklistRow:
    """One row of the checklist. Without a translation the English text is used."""
    state = item.state.value.replace(" ", "_")
    key = f"check.message.{item.message_key}"
    translated = t.tag != "en" and t.has_own(key)
    return ChecklistRow(
        name=t(f"check.name.{item.topic.value}"),
        tone=_TONES[item.state],
        status=t(f"check.state.{state}"),
        text=t(key) if translated else item.message,
        in_english=t.tag != "en" and not translated,
    )
