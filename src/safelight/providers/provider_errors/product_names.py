"""Names of products in a sentence. They show whose error it is, but not which of its errors."""

from __future__ import annotations

import re
from functools import cache

from .registry import named
from .rules import Provider, compiled
from .words import load, words


@cache
def _products() -> tuple[tuple[Provider, re.Pattern[str]], ...]:
    """Providers, also those of which only the name is known, and patterns of their products' names."""
    rows = load("product_names.yaml")
    return tuple(
        (
            Provider(name=row["name"], title=row["title"]) if "title" in row else _known(row["name"]),
            re.compile(row["words"], 0 if row.get("cased") else re.IGNORECASE),
        )
        for row in rows
    )


def _known(name: str) -> Provider:
    provider = named(name)
    assert provider is not None, name
    return provider


def find_product(text: str) -> Provider | None:
    """The provider whose product a text names first; None if it names none.

    A quoted prompt does not count, unless all of the text is in quotation marks.
    """
    text = compiled(words().quoted).sub("", text).strip() or text
    found = ((pattern.search(text), provider) for provider, pattern in _products())
    places = [(match.start(), provider) for match, provider in found if match is not None]
    return min(places, key=lambda place: place[0])[1] if places else None
