"""Entities as a detector: a mention is a finding; what it means is the policy's."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from safelight.detectors.protocol import Capability, TextContent, TextView
from safelight.policy.categories import Category
from safelight.policy.findings import Attribute, Finding, Match, Modality, TextSpan

from .entities import DESCRIBED, SHORT, Entity, EntityKind, Named, table
from .entity_roles import role
from .normalise import texts_of
from .operator_lists import OperatorLists
from .phrase_index import PhraseTable

VERSION = "2"
#: How far from a short name its context counts, in characters.
NEARBY = 90
#: Seconds between two looks at whether the operator's own lists changed.
RECHECK_S = 0.5
MAX_PLACES = 8
CAPABILITIES = tuple(
    Capability(category=category.value, modality=Modality.TEXT, measured="docs/benchmarks/prompts.md")
    for category in (Category.IP_BRAND, Category.IP_CHARACTER, Category.LIKENESS)
)
_SCORES = {
    EntityKind.LIVING: 0.92,
    EntityKind.HISTORICAL: 0.85,
    EntityKind.CHARACTER: 0.9,
    EntityKind.BRAND: 0.85,
}
_LESS = {SHORT: 0.1, DESCRIBED: 0.2}
_SENTENCES = {
    EntityKind.LIVING: "The text names a real public figure",
    EntityKind.HISTORICAL: "The text names a figure of history",
    EntityKind.CHARACTER: "The text names a protected character or work",
    EntityKind.BRAND: "The text names a brand",
}


class EntityDetector:
    """Names of people, characters and brands: the shipped ones and the operator's own."""

    def __init__(
        self,
        entities: Sequence[Entity],
        own: OperatorLists | None = None,
        *,
        name: str = "named-entities",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.capabilities: tuple[Capability, ...] = CAPABILITIES
        self._shipped = table(entities)
        digest = hashlib.sha256()
        for one in entities:
            digest.update(repr(one).encode())
        self._digest = digest.hexdigest()[:8]
        #: Names the lists that are in use now.
        self.version = f"{VERSION}+{self._digest}"
        self._own, self._clock = own, clock
        self._mine: PhraseTable[Named] = PhraseTable()
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._looked = float("-inf")
        self._lock = threading.Lock()
        self._refresh()

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per entity, with every place it is named at, in the text as typed."""
        self._refresh()
        hits: dict[int, list[tuple[Named, str, TextView, int, int]]] = {}
        for view in texts_of(content.views):
            for phrases in (self._shipped, self._mine):
                for named, phrase, start, end in phrases.find(view.text):
                    if _meant(named, view.text, start, end):
                        hits.setdefault(id(named.entity), []).append((named, phrase, view, start, end))
        return [self._finding(content, found) for found in hits.values()]

    def _finding(self, content: TextContent, found: list[tuple[Named, str, TextView, int, int]]) -> Finding:
        one = found[0][0].entity
        attributes: dict[str, Attribute] = {"named": all(named.by != DESCRIBED for named, *_rest in found)}
        if one.kind in (EntityKind.LIVING, EntityKind.HISTORICAL):
            attributes["public_figure"] = True
            if one.kind is EntityKind.HISTORICAL:
                attributes["historical"] = True
        else:
            roles = {role(view.text, start, end) for _named, _phrase, view, start, end in found}
            attributes["role"] = "subject" if "subject" in roles else "passing"
        spans = dict.fromkeys(view.span(start, end) for _named, _phrase, view, start, end in found)
        less = min(_LESS.get(named.by, 0.0) for named, *_rest in found)
        notable = f" ({one.why or one.notable})" if one.why or one.notable else ""
        return Finding(
            category=one.kind.category.value,
            score=round(_SCORES[one.kind] - less, 2),
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            reason=f"{_SENTENCES[one.kind]}: {one.name}{notable}.",
            evidence=(
                *(TextSpan(field=content.field, start=a, end=b) for a, b in list(spans)[:MAX_PLACES]),
                Match(list=one.list, entry=one.name),
            ),
            attributes=attributes,
        )

    def _refresh(self) -> None:
        now = self._clock()
        if self._own is None or now - self._looked < RECHECK_S:
            return
        with self._lock:
            self._looked = now
            stamp = self._own.stamp()
            if stamp != self._stamp:
                self._mine = table(self._own.entities())
                self._stamp = stamp
                mine = hashlib.sha256(repr(stamp).encode()).hexdigest()[:8] if stamp else ""
                self.version = f"{VERSION}+{self._digest}" + (f".{mine}" if mine else "")


def _meant(named: Named, text: str, start: int, end: int) -> bool:
    one = named.entity
    if named.by != SHORT and not one.unless:
        return True
    around = text[max(0, start - NEARBY) : end + NEARBY]
    if any(_has(around, word) for word in one.unless):
        return False
    return named.by != SHORT or any(_has(around, word) for word in one.near)


def _has(text: str, word: str) -> bool:
    """Whether a word stands in a text, whole; a plural `s` aside."""
    place = text.find(word)
    while place >= 0:
        before = text[place - 1] if place else " "
        after = text[place + len(word) :].removeprefix("s")[:1] or " "
        if word[0] >= "\u3400" or not (before.isalnum() or after.isalnum()):
            return True
        place = text.find(word, place + 1)
    return False
