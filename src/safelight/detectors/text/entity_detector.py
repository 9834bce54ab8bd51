"""Detects named entities. Each entity that a text mentions is a finding; the policy decides whether it
matters.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from safelight.detectors.protocol import Capability, TextContent, TextView
from safelight.policy.findings import Attribute, Basis, Category, Finding, Match, Modality, TextSpan

from .entities import BY_DESCRIPTION, BY_SHORT_NAME, Entity, EntityKind, EntityName, build_table
from .entity_roles import classify_role
from .normalise import final_views
from .operator_lists import OperatorLists
from .phrase_index import PhraseTable
from .word_edges import SHORT_NAME, Fit, fit_of

VERSION = "2"
#: Characters before and after a short name in which its context words count.
CONTEXT_CHARS = 90
#: Seconds between two checks for changes in the operator's own lists.
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
_SCORE_PENALTIES = {BY_SHORT_NAME: 0.1, BY_DESCRIPTION: 0.2}
_SENTENCES = {
    EntityKind.LIVING: "The text names a real public figure",
    EntityKind.HISTORICAL: "The text names a figure of history",
    EntityKind.CHARACTER: "The text names a protected character or work",
    EntityKind.BRAND: "The text names a brand",
}


@dataclass(frozen=True)
class EntityIndex:
    """Entities, indexed by all of their names."""

    table: PhraseTable[EntityName]
    #: The same for two indexes with the same entities.
    digest: str

    @classmethod
    def of(cls, entities: Sequence[Entity]) -> EntityIndex:
        return cls(table=build_table(entities), digest=_fingerprint(entities)[:8])


class EntityDetector:
    """Finds people, characters and brands from the shipped lists and the operator's lists."""

    name = "named-entities"
    capabilities: tuple[Capability, ...] = CAPABILITIES

    def __init__(
        self,
        entities: EntityIndex,
        own: OperatorLists | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shipped, self._digest = entities.table, entities.digest
        #: Identifies the version of the lists that are in use now.
        self.version = f"{VERSION}+{self._digest}"
        self._operator_lists, self._clock = own, clock
        self._own_table: PhraseTable[EntityName] = PhraseTable()
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._checked_at = float("-inf")
        self._lock = threading.Lock()
        self._refresh()

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per entity, with every place in the original text that names it."""
        self._refresh()
        hits: dict[int, list[tuple[EntityName, str, TextView, int, int]]] = {}
        for view in final_views(content.views):
            for phrases in (self._shipped, self._own_table):
                for named, phrase, start, end in phrases.find(view.text):
                    if fit_of(view.text, start, end, longest=SHORT_NAME) is Fit.NO_WORD:
                        continue
                    if _context_allows(named, view.text, start, end):
                        hits.setdefault(id(named.entity), []).append((named, phrase, view, start, end))
        return [self._finding(content, found) for found in hits.values()]

    def _finding(
        self, content: TextContent, found: list[tuple[EntityName, str, TextView, int, int]]
    ) -> Finding:
        one = found[0][0].entity
        attributes: dict[str, Attribute] = {
            "named": all(named.matched_by != BY_DESCRIPTION for named, *_rest in found)
        }
        if one.kind in (EntityKind.LIVING, EntityKind.HISTORICAL):
            attributes["public_figure"] = True
            if one.kind is EntityKind.HISTORICAL:
                attributes["historical"] = True
        else:
            roles = {
                classify_role(view.text, start, end, brand=one.kind is EntityKind.BRAND)
                for _named, _phrase, view, start, end in found
            }
            attributes["role"] = "subject" if "subject" in roles else "passing"
        spans = dict.fromkeys(view.span(start, end) for _named, _phrase, view, start, end in found)
        penalty = min(_SCORE_PENALTIES.get(named.matched_by, 0.0) for named, *_rest in found)
        notable = f" ({one.reason or one.known_for})" if one.reason or one.known_for else ""
        return Finding(
            category=one.kind.category.value,
            score=round(_SCORES[one.kind] - penalty, 2),
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            basis=Basis.MATCHED,
            reason=f"{_SENTENCES[one.kind]}: {one.name}{notable}.",
            evidence=(
                *(TextSpan(field=content.field, start=a, end=b) for a, b in list(spans)[:MAX_PLACES]),
                Match(list=one.list_name, entry=one.name),
            ),
            attributes=attributes,
        )

    def _refresh(self) -> None:
        now = self._clock()
        if self._operator_lists is None or now - self._checked_at < RECHECK_S:
            return
        with self._lock:
            self._checked_at = now
            stamp = self._operator_lists.stamp()
            if stamp != self._stamp:
                self._own_table = build_table(self._operator_lists.entities())
                self._stamp = stamp
                own_digest = hashlib.sha256(repr(stamp).encode()).hexdigest()[:8] if stamp else ""
                self.version = f"{VERSION}+{self._digest}" + (f".{own_digest}" if own_digest else "")


def _fingerprint(entities: Iterable[Entity]) -> str:
    """Hash of the entities. Each entity is hashed in a fixed text form, so that renaming a field in the
    code does not change the version.
    """
    digest = hashlib.sha256()
    for one in entities:
        fields = {
            "name": one.name,
            "why": one.reason,
            "notable": one.known_for,
            "list": one.list_name,
            "names": one.names,
            "descriptions": one.descriptions,
            "short": one.short,
            "near": one.near,
            "unless": one.unless,
        }
        kind = f"<Kind.{one.kind.name}: {one.kind.value!r}>"
        text = ", ".join([f"kind={kind}", *(f"{name}={value!r}" for name, value in fields.items())])
        digest.update(f"Entity({text})".encode())
    return digest.hexdigest()


def _context_allows(named: EntityName, text: str, start: int, end: int) -> bool:
    one = named.entity
    if named.matched_by != BY_SHORT_NAME and not one.unless:
        return True
    around = text[max(0, start - CONTEXT_CHARS) : end + CONTEXT_CHARS]
    if any(_contains_word(around, word) for word in one.unless):
        return False
    return named.matched_by != BY_SHORT_NAME or any(_contains_word(around, word) for word in one.near)


def _contains_word(text: str, word: str) -> bool:
    """Whether a text contains a word as a whole word; a plural `s` is allowed."""
    place = text.find(word)
    while place >= 0:
        before = text[place - 1] if place else " "
        after = text[place + len(word) :].removeprefix("s")[:1] or " "
        if word[0] >= "\u3400" or not (before.isalnum() or after.isalnum()):
            return True
        place = text.find(word, place + 1)
    return False
