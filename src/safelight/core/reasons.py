"""The texts that people write about what they decide."""

from __future__ import annotations

import re

from .errors import InvalidField

MAX_REASON_CHARACTERS = 2000
_TAG = re.compile(r"<\s*[a-zA-Z/!?]")
#: Control characters, and marks that change the direction of what follows, which could show other words.
_NOT_TEXT = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def validate_text(text: str, param: str, max_characters: int) -> str:
    """A text of a reviewer without spaces around it. Raises `InvalidField`."""
    text = text.strip()
    if not text or len(text) > max_characters or "\0" in text:
        raise InvalidField(f"The {param} must have 1 to {max_characters} characters.", param=param)
    return text


def clean_text(text: str, param: str, max_characters: int) -> str:
    """A plain text for other readers, which may be empty, without spaces around it. Raises `InvalidField`."""
    text = text.replace("\r\n", "\n").strip()
    if len(text) > max_characters:
        raise InvalidField(f"The text has at most {max_characters} characters.", param=param)
    if _TAG.search(text):
        raise InvalidField(
            "The text must be plain, and it has a tag of HTML.", param=param, remedy="Leave the tag out."
        )
    if _NOT_TEXT.search(text):
        raise InvalidField(
            "The text has a control character or a mark of the direction of writing, which is not visible.",
            param=param,
            remedy="Type the text again instead of copying it.",
        )
    return text
