"""The words of Ozone, the moderation tool of the AT Protocol, for decisions and states of cases."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from safelight.videos.case_rows.models import ACTIONS, CaseKind, DecisionAction

_MODERATION = "tools.ozone.moderation.defs#"


class ModerationEventType(StrEnum):
    """What happened, as in `tools.ozone.moderation.defs`."""

    REPORT = f"{_MODERATION}modEventReport"
    ESCALATE = f"{_MODERATION}modEventEscalate"
    #: A person looked at the subject, and nothing is done about it.
    ACKNOWLEDGE = f"{_MODERATION}modEventAcknowledge"
    TAKEDOWN = f"{_MODERATION}modEventTakedown"
    REVERSE_TAKEDOWN = f"{_MODERATION}modEventReverseTakedown"
    RESOLVE_APPEAL = f"{_MODERATION}modEventResolveAppeal"


class ReviewState(StrEnum):
    """Whether a person has to decide, as in `tools.ozone.moderation.defs`."""

    OPEN = f"{_MODERATION}reviewOpen"
    ESCALATED = f"{_MODERATION}reviewEscalated"
    #: A person decided.
    CLOSED = f"{_MODERATION}reviewClosed"
    #: No decision is needed any more.
    NONE = f"{_MODERATION}reviewNone"


#: Ozone has no word for the answers of quality reviews.
TYPE_OF_ACTION: Mapping[DecisionAction, ModerationEventType] = {
    DecisionAction.APPROVE: ModerationEventType.ACKNOWLEDGE,
    DecisionAction.REFUSE: ModerationEventType.TAKEDOWN,
    DecisionAction.KEEP: ModerationEventType.ACKNOWLEDGE,
    DecisionAction.WITHDRAW: ModerationEventType.TAKEDOWN,
    DecisionAction.OVERTURN: ModerationEventType.REVERSE_TAKEDOWN,
    DecisionAction.UPHOLD: ModerationEventType.RESOLVE_APPEAL,
}
#: The words with which a decision can be sent.
DECISION_TYPES = tuple(sorted(set(TYPE_OF_ACTION.values())))


def read_action(kind: CaseKind, word: str) -> str:
    """The action on a case of this kind that a word of Ozone stands for. Any other word is unchanged."""
    return next((action.value for action in ACTIONS[kind] if TYPE_OF_ACTION.get(action) == word), word)
