"""Names of products in a sentence. They show whose error it is, but not which of its errors."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from safelight import yaml_loader

from .registry import named
from .rules import Provider, compiled

#: Four words or more in quotation marks.
_QUOTED = r"[\"“「](?:[^\s\"“”「」]+\s+){3,}[^\"“”「」]*[\"”」]"


@cache
def _products() -> tuple[tuple[Provider, str], ...]:
    """Providers, also those of which only the name is known, and patterns of their products' names."""
    rows = yaml_loader.load((files(__package__) / "product_names.yaml").read_bytes())
    return tuple(
        (
            Provider(name=row["name"], title=row["title"]) if "title" in row else _known(row["name"]),
            row["words"],
        )
        for row in rows
    )


def _known(name: str) -> Provider:
    provider = named(name)
    assert provider is not None, name
    return provider


def find_product(text: str) -> Provider | None:
    """The provider whose product a text names first; None if it names none.

    A quoted prompt does not count.
    """
    text = compiled(_QUOTED).sub("", text)
    found = ((compiled(words).search(text), provider) for provider, words in _products())
    places = [(match.start(), provider) for match, provider in found if match is not None]
    return min(places, key=lambda place: place[0])[1] if places else None
