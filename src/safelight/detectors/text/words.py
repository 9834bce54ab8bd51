"""The detector of words: word lists and compositions together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, cached_property

import msgspec

from safelight.detectors.protocol import Capability, PartialInspection, TextContent
from safelight.policy.findings import Basis, Category, Finding, OperatingPoint

from .compositions import CompositionDetector, CompositionList, shipped_compositions
from .hidden_characters import count_unread
from .homophones import Homophones, load_readings
from .languages import length_of
from .lists import DISGUISED, ListDetector, ListEntry, shipped_entries
from .minilm.cache import default_folder
from .normalise import view_of_kind
from .word_grams import chinese_words

_TRANSCRIPT = "transcript"
_BY_SOUND = " The words have the sound of the listed ones."
#: Share of harmless Chinese texts in which a term is found by its sound only, its interval, and their number:
#: docs/benchmarks/sound.md.
_FALSE_ALARMS = (0.0023, 0.001, 0.0054, 2168)


class WordDetector:
    """Finds terms of word lists, and compositions of roles. The distress detector has the rules about the
    intent to harm oneself.
    """

    name = "word-lists"

    def __init__(self, entries: Iterable[ListEntry], compositions: CompositionList) -> None:
        entries = tuple(entries)
        self._entries = (*entries, *compositions.entries)
        self._lists = ListDetector(entries)
        categories = {rule.category for rule in compositions.rules} - {Category.SELF_HARM_INTENT.value}
        self._compositions = CompositionDetector(compositions, name=self.name, categories=categories)
        self.version = f"{self._lists.version}.{self._compositions.version}"
        self.capabilities: tuple[Capability, ...] = tuple(
            sorted(
                {*self._lists.capabilities, *self._compositions.capabilities}, key=lambda one: one.category
            )
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """The findings of the lists, then those of the compositions, then those by sound in a transcript.

        Raises `PartialInspection` at the end if the text has hidden characters that no view reads.
        """
        found = self._inspect(content)
        yield from found
        if content.field == _TRANSCRIPT:
            yield from self._inspect_sound(content, found)
        unread = count_unread(content.text, {view.kind for view in content.views})
        if unread:
            raise PartialInspection(f"{unread} characters that nobody sees were not read.")

    def _inspect(self, content: TextContent) -> list[Finding]:
        return [*self._lists.inspect_text(content), *self._compositions.inspect_text(content)]

    def _inspect_sound(self, content: TextContent, found: Iterable[Finding]) -> Iterator[Finding]:
        """What is found only if homophones of terms are read as these terms.

        It counts as one classifier, which alone holds at most, because the words are not those of the text.
        """
        heard = self._homophones.view(view_of_kind(content.views, "folded"))
        if heard is None:
            return
        known = {(finding.category, finding.reason) for finding in found}
        rate, low, high, sample = _FALSE_ALARMS
        for finding in self._inspect(replace(content, views=(heard,))):
            reason = finding.reason.removesuffix(DISGUISED)
            if (finding.category, reason) not in known:
                point = OperatingPoint(
                    voice=heard.kind,
                    language="zh-Hans",
                    length=length_of(len(chinese_words(heard.text))),
                    score=finding.score,
                    false_alarm_rate=rate,
                    low=low,
                    high=high,
                    sample=sample,
                )
                yield msgspec.structs.replace(
                    finding,
                    basis=Basis.LEARNED,
                    point=point,
                    reason=reason + _BY_SOUND,
                )

    @cached_property
    def _homophones(self) -> Homophones:
        terms = {part for entry in self._entries for term in entry.terms for part in term}
        return Homophones(load_readings(default_folder()), terms)


@cache
def load_shipped() -> WordDetector:
    """The detector with the shipped lists and compositions. It is built once per process."""
    return WordDetector(shipped_entries(), shipped_compositions())
