"""The detector of words: word lists and compositions together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.findings import Category, Finding

from .compositions import CompositionDetector, CompositionList, shipped_compositions
from .lists import ListDetector, ListEntry, shipped_entries


class WordDetector:
    """Finds terms of word lists, and compositions of roles. The distress detector has the rules about the
    intent to harm oneself.
    """

    def __init__(
        self, entries: Iterable[ListEntry], compositions: CompositionList, *, name: str = "word-lists"
    ) -> None:
        self.name = name
        self._lists = ListDetector(entries, name=name)
        categories = {rule.category for rule in compositions.rules} - {Category.SELF_HARM_INTENT.value}
        self._compositions = CompositionDetector(compositions, name=name, categories=categories)
        self.version = f"{self._lists.version}.{self._compositions.version}"
        self.capabilities: tuple[Capability, ...] = tuple(
            sorted(
                {*self._lists.capabilities, *self._compositions.capabilities}, key=lambda one: one.category
            )
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """The findings of the lists, then those of the compositions."""
        return [*self._lists.inspect_text(content), *self._compositions.inspect_text(content)]


@lru_cache(maxsize=1)
def load_shipped() -> WordDetector:
    """The detector with the shipped lists and compositions. It is built once per process."""
    return WordDetector(shipped_entries(), shipped_compositions())
