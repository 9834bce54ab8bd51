"""The texts that people write about what they decide."""

from __future__ import annotations

import re

from .errors import InvalidField

MAX_REASON_CHARACTERS = 2000
_TAG = re.compile(r"<\s*[a-zA-Z/!?]")
#: Control and unseen characters, and marks that change the direction of what follows, which could show other
#: words. Joiners are seen in scripts beyond ASCII and between emoji.
_NOT_TEXT = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    r"\ufeff\U000e0000-\U000e007f]|(?<![^\x00-\x7f])[\u200c\u200d]"
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
            "The text has a character that is not visible, or a mark of the direction of writing.",
            param=param,
            remedy="Type the text again instead of copying it.",
        )
    return text
