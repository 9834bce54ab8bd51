"""The request field `test_card`: puts the safety test card into picture or sound at given times."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.core import errors

MOST_CARDS = 8
FRAME_SECONDS = 0.5

_ENTRY = re.compile(
    r"(?P<where>frame|flash|tone):(?P<category>[a-z0-9][a-z0-9._/\-]{0,62})@(?P<at>\d{1,2}(?:\.\d{1,3})?)s"
)


class Where(StrEnum):
    #: Shown for half a second.
    FRAME = "frame"
    #: Shown in a single frame.
    FLASH = "flash"
    TONE = "tone"


@dataclass(frozen=True, kw_only=True)
class Card:
    where: Where
    category: str
    #: Time in seconds from the start of the clip.
    at: float

    def covers(self, index: int, fps: int) -> bool:
        """Whether the frame with this number shows the card."""
        if self.where is Where.TONE:
            return False
        first = math.floor(self.at * fps + 1e-6)
        count = 1 if self.where is Where.FLASH else round(FRAME_SECONDS * fps)
        return first <= index < first + count


def read_cards(value: Any, seconds: int) -> tuple[Card, ...]:
    """Parses "frame:violence@2.0s, tone:hate@1.0s" or a list of such entries. Raises `InvalidField`."""
    if value is None or value == "":
        return ()
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple)) or not all(isinstance(e, str) for e in entries):
        raise _malformed("test_card must be text or a list of texts.")
    if len(entries) > MOST_CARDS:
        raise _malformed(f"test_card accepts at most {MOST_CARDS} cards.")
    cards = []
    for entry in entries:
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise _malformed(f"test_card cannot parse {entry.strip()[:80]!r}.")
        card = Card(
            where=Where(match["where"]), category=match["category"].rstrip("._/-"), at=float(match["at"])
        )
        if card.category != match["category"]:
            raise _malformed(f"test_card does not know the category {match['category']!r}.")
        if card.at >= seconds:
            raise _malformed(f"test_card requests {card.at:g} s, but the video ends at {seconds} s.")
        cards.append(card)
    return tuple(cards)


def _malformed(message: str) -> errors.InvalidField:
    return errors.InvalidField(
        message,
        param="test_card",
        remedy='Example: "frame:violence@2.0s", "flash:violence@2.0s" or "tone:hate@1.0s".',
    )
