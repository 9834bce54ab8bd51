"""The reasons that people give for what they decide."""

from __future__ import annotations

from .errors import InvalidField

MAX_REASON_CHARACTERS = 2000


def validate_text(text: str, param: str, max_characters: int) -> str:
    """A text of a reviewer without spaces around it. Raises `InvalidField`."""
    text = text.strip()
    if not text or len(text) > max_characters or "\0" in text:
        raise InvalidField(f"The {param} must have 1 to {max_characters} characters.", param=param)
    return text
