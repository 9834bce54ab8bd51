"""What the studio's form offers, and what it says about the checks before anything is ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.web.services import Services

from .coverage import CoverageTableRow, rows
from .translations import Translations
from .video_view import price

FIELDS = ("prompt", "model", "seconds", "size", "for")
_SECONDS = 4
_SIZE = (1280, 720)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Options of the form. Seconds and sizes are those of the default generator."""

    models: tuple[str, ...]
    seconds: tuple[int, ...]
    sizes: tuple[str, ...]
    cost: str
    takes_reference: bool


class Studio:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._first = next(iter(services.generators.values()))

    def defaults(self) -> Mapping[str, str]:
        offer = self._first.info()
        seconds = _SECONDS if _SECONDS in offer.seconds else offer.seconds[0]
        width, height = _SIZE if not offer.sizes or _SIZE in offer.sizes else offer.sizes[0]
        return {
            "prompt": "",
            "model": offer.models[0],
            "seconds": str(seconds),
            "size": f"{width}x{height}",
            "for": "",
        }

    def choices(self, words: Translations) -> Choices:
        """What can be ordered; the price is for the default length."""
        offers = [generator.info() for generator in self._services.generators.values()]
        first = self._first.info()
        sizes = first.sizes or ((1280, 720), (720, 1280), (960, 960))
        return Choices(
            models=tuple(dict.fromkeys(model for offer in offers for model in offer.models)),
            seconds=tuple(sorted({seconds for offer in offers for seconds in offer.seconds})),
            sizes=tuple(f"{width}x{height}" for width, height in sizes),
            cost=price(first.usd_per_second, _SECONDS, words),
            takes_reference=any(offer.takes_reference for offer in offers),
        )

    def coverage(self, table: Mapping[str, Any], words: Translations) -> tuple[CoverageTableRow, ...]:
        """The installation's coverage by word, what is missing first."""
        return rows(((cell["category"], cell["modality"], cell["word"]) for cell in table["cells"]), words)
