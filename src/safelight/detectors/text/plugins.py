"""What the entry points name: the text detectors, described without loading them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from safelight.detectors.protocol import Capability, Detector, DetectorPlugin, Place
from safelight.policy.categories import SHIPPED, Category
from safelight.policy.findings import Modality


def _text(*categories: Category) -> tuple[Capability, ...]:
    return tuple(Capability(category=category.value, modality=Modality.TEXT) for category in categories)


def _load_words(_options: dict[str, Any]) -> Detector:
    from .lists import ListDetector, read_list, shipped

    return ListDetector(entry for text in shipped() for entry in read_list(text))


def _load_patterns(_options: dict[str, Any]) -> Detector:
    from .patterns import PatternDetector

    return PatternDetector()


def _load_conjunction(_options: dict[str, Any]) -> Detector:
    from .conjunction import ConjunctionDetector
    from .lists import read_list, shipped

    return ConjunctionDetector(entry for text in shipped() for entry in read_list(text))


def _load_card(_options: dict[str, Any]) -> Detector:
    from .card import CardDetector

    return CardDetector({spec.name for spec in SHIPPED} | set(_added_categories()))


def _added_categories() -> list[str]:
    names: list[str] = []
    for point in entry_points(group="safelight.categories"):
        try:
            names += [spec.name for spec in point.load()]
        except Exception:  # noqa: S112 - whoever builds the taxonomy reports a broken package
            continue
    return names


WORDS = DetectorPlugin(
    name="words",
    version="1",
    place=Place.GATEWAY,
    capabilities=_text(
        Category.DECEPTION,
        Category.DECEPTION_SPEECH,
        Category.EXTREMISM,
        Category.HARASSMENT,
        Category.HATE,
        Category.HATE_SYMBOLS,
        Category.ILLICIT,
        Category.IP_BRAND,
        Category.IP_CHARACTER,
        Category.LIKENESS,
        Category.MINORS_PRESENT,
        Category.NCII,
        Category.PRIVACY,
        Category.SELF_HARM,
        Category.SELF_HARM_INSTRUCTIONS,
        Category.SELF_HARM_INTENT,
        Category.SEXUAL,
        Category.VIOLENCE,
        Category.VIOLENCE_GRAPHIC,
    ),
    load=_load_words,
)
PATTERNS = DetectorPlugin(
    name="patterns",
    version="1",
    place=Place.GATEWAY,
    capabilities=_text(Category.MINORS_PRESENT, Category.PRIVACY),
    load=_load_patterns,
)
CONJUNCTION = DetectorPlugin(
    name="conjunction",
    version="1",
    place=Place.GATEWAY,
    capabilities=_text(Category.SEXUAL_MINORS),
    load=_load_conjunction,
)
CARD = DetectorPlugin(name="card", version="1", place=Place.GATEWAY, capabilities=(), load=_load_card)
