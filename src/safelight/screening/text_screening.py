"""Whether the text of a report or an appeal may threaten or insult the person who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec

from safelight.core.records import About, Shown


class ScreeningState(StrEnum):
    """From harmless to what a reader has to know first."""

    CLEAR = "clear"
    #: A check failed, took too long, or does not know the language.
    NOT_CHECKED = "not_checked"
    FLAGGED = "flagged"


@dataclass(frozen=True, kw_only=True)
class TextScreening(Shown):
    """The result for one text. Only a text that is clear is shown without a click."""

    state: Annotated[
        ScreeningState, About("`not_checked`: a check failed, or does not know the language.")
    ] = ScreeningState.NOT_CHECKED
    kinds: Annotated[tuple[str, ...], About("The categories that were found.")] = ()

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "kinds": list(self.kinds)}

    def encode(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()


UNCHECKED = TextScreening()
#: Screens texts that are shown together. It never raises an error.
ScreenTexts: TypeAlias = Callable[[tuple[str, ...]], TextScreening]


def leave_unchecked(_texts: tuple[str, ...]) -> TextScreening:
    """The result without detectors."""
    return UNCHECKED


def decode(stored: str | None) -> TextScreening:
    """A stored result; without one, the text was not checked."""
    return UNCHECKED if stored is None else msgspec.json.decode(stored, type=TextScreening)


def join(of: Iterable[TextScreening]) -> TextScreening | None:
    """The result for all texts of a case; None without a text."""
    found = list(of)
    if not found:
        return None
    order = list(ScreeningState)
    return TextScreening(
        state=max((one.state for one in found), key=order.index),
        kinds=tuple(sorted({kind for one in found for kind in one.kinds})),
    )
