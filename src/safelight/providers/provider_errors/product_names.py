"""Names of products in a sentence. They show whose error it is, but not which of its errors."""

from __future__ import annotations

from .registry import products
from .rules import Provider, compiled
from .words import words


def find_product(text: str) -> Provider | None:
    """The provider whose product a text names first; None if it names none.

    A quoted prompt does not count, unless all of the text is in quotation marks.
    """
    text = compiled(words().quoted).sub("", text).strip() or text
    found = ((pattern.search(text), provider) for provider, pattern in products())
    places = [(match.start(), provider) for match, provider in found if match is not None]
    return min(places, key=lambda place: place[0])[1] if places else None
