"""Compositions: conjunctions of roles, such as a method and a request for steps, that are harmful only
together.

A YAML file in `compositions/` has `roles` (lists of terms; a role is known in all files) and `rules`. A rule
matches if one hit of every role set in `all` lies within `sentences` sentences, in any order (unless `gap` is
set) and without overlap, and no hit of the roles in `unless` lies in these sentences. A role with `except`
ignores hits that overlap one of those terms: "how to" is no request for steps in "how to prevent". Terms are
written as in `lists.py`.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import msgspec

from safelight.core import yaml_loader
from safelight.detectors.protocol import Capability, TextContent, TextView
from safelight.policy.findings import Attribute, Basis, Finding, Match, Modality, TextSpan

from .compiled_lists import load_compiled
from .lists import DISGUISED, Lexicon, ListEntry, parse_entry, read_folder
from .word_edges import is_short_term

VERSION = "1"
MAX_SPANS = 16
#: Most hits of one role in a view that are combined, so that a text that repeats words costs little.
_MAX_HITS = 24
#: Before the name of a role: the category of the terms in its `except`.
EXCEPT = "not "
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？;；]")

#: Start, end and number of the sentence.
Hit: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class CompositionRule:
    """A rule: which roles must occur together, and which roles make the text harmless."""

    list: str
    category: str
    score: float
    reason: str
    #: One set of alternative roles for each part.
    clauses: tuple[frozenset[str], ...]
    unless: frozenset[str] = frozenset()
    #: Number of consecutive sentences in which all parts must be.
    sentences: int = 1
    #: If set, the parts must follow each other in this order, with at most this many characters between them.
    gap: int | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CompositionList:
    """The roles and rules of one file. The category of an entry is the name of its role."""

    entries: tuple[ListEntry, ...]
    rules: tuple[CompositionRule, ...]


def read_compositions(texts: Sequence[str]) -> CompositionList:
    """The roles and rules of YAML files. Raises `ValueError`, which names the invalid part."""
    entries: list[ListEntry] = []
    rules: list[CompositionRule] = []
    for text in texts:
        document: dict[str, Any] = yaml_loader.load(text)
        name, sets = str(document["group"]), document.get("sets", {})
        for role, raw in document.get("roles", {}).items():
            fields = raw if isinstance(raw, dict) else {"terms": raw}
            try:
                entries += _parse_role(name, sets, str(role), dict(fields))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"list {name!r}, role {role!r}: {error!r}") from error
        for number, raw in enumerate(document.get("rules", ())):
            try:
                rules.append(_parse_rule(name, dict(raw)))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"list {name!r}, rule {number}: {error!r}") from error
    known = {entry.category for entry in entries}
    for rule in rules:
        unknown = frozenset().union(*rule.clauses, rule.unless) - known
        if unknown:
            raise ValueError(f"list {rule.list!r}: unknown roles {sorted(unknown)}")
    return CompositionList(entries=tuple(entries), rules=tuple(rules))


@cache
def shipped_compositions() -> CompositionList:
    """The roles and rules of all shipped files. They are read once per process."""
    texts = read_folder("compositions")
    return load_compiled("compositions", texts, lambda: read_compositions(texts), CompositionList)


class CompositionDetector:
    """Text detector for compositions. `categories` limits it to the rules of these categories."""

    def __init__(
        self, compositions: CompositionList, *, name: str, categories: Iterable[str] | None = None
    ) -> None:
        self.name = name
        wanted = None if categories is None else frozenset(categories)
        self._rules = [rule for rule in compositions.rules if wanted is None or rule.category in wanted]
        roles = frozenset[str]().union(*(rule.unless.union(*rule.clauses) for rule in self._rules))
        self._lexicon = Lexicon(
            entry for entry in compositions.entries if entry.category.removeprefix(EXCEPT) in roles
        )
        self.version = f"{VERSION}+{_fingerprint(compositions)}"
        self.capabilities = tuple(
            Capability(category=category, modality=Modality.TEXT)
            for category in sorted({rule.category for rule in self._rules})
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per rule that matched, with the places of all its parts in the original text."""
        for rule, places in self._matches(content):
            spans = dict.fromkeys(view.span(start, end) for view, (start, end, _sentence) in places)
            words = dict.fromkeys(view.text[start:end] for view, (start, end, _sentence) in places)
            disguised = all(view.kind != "folded" for view, _place in places)
            attributes = dict(rule.attributes)
            if len(words) == 1 and all(map(is_short_term, words)):
                attributes["ambiguous"] = True
            yield Finding(
                category=rule.category,
                score=rule.score,
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                reason=rule.reason + (DISGUISED if disguised else ""),
                evidence=(
                    *(TextSpan(field=content.field, start=a, end=b) for a, b in sorted(spans)[:MAX_SPANS]),
                    *(Match(list=rule.list, entry=word) for word in list(words)[:MAX_SPANS]),
                ),
                attributes=attributes,
                basis=Basis.COMPOSED,
            )

    def _matches(self, content: TextContent) -> Iterator[tuple[CompositionRule, list[tuple[TextView, Hit]]]]:
        views = [(view, find_roles(self._lexicon, view)) for view in content.views if view.kind != "plain"]
        for rule in self._rules:
            places = [(view, hit) for view, roles in views for hit in _match_rule(rule, roles)]
            if places:
                yield rule, places


def _fingerprint(compositions: CompositionList) -> str:
    """Hash of the roles and rules."""
    return hashlib.sha256(msgspec.json.encode(compositions, order="deterministic")).hexdigest()[:8]


def _parse_role(
    name: str, sets: Mapping[str, list[str]], role: str, raw: dict[str, Any]
) -> Iterator[ListEntry]:
    excepted, gap = raw.pop("except", None), raw.get("gap")
    shared = {"score": 1.0, "reason": role, **({} if gap is None else {"gap": gap})}
    if excepted is not None:
        fields = {**shared, "category": f"{EXCEPT}{role}", "terms": excepted}
        yield parse_entry(name, sets, fields)
    yield parse_entry(name, sets, {**shared, "category": role, **raw})


def _parse_rule(name: str, raw: dict[str, Any]) -> CompositionRule:
    made = CompositionRule(
        list=name,
        category=str(raw.pop("category")),
        score=float(raw.pop("score")),
        reason=str(raw.pop("reason")),
        clauses=tuple(frozenset(re.split(r"\s*\|\s*", clause.strip())) for clause in raw.pop("all")),
        unless=frozenset(raw.pop("unless", ())),
        sentences=int(raw.pop("sentences", 1)),
        gap=raw.pop("gap", None),
        attributes=raw.pop("attributes", {}),
    )
    if raw:
        raise ValueError(f"unknown keys {sorted(raw)}")
    return made


def find_sentence_ends(text: str) -> list[int]:
    """The positions after the end of each sentence."""
    return [hit.end() for hit in _SENTENCE_END.finditer(text)]


def find_roles(lexicon: Lexicon, view: TextView) -> dict[str, list[Hit]]:
    """The hits of each role in a view. Those that overlap an exception are left out."""
    ends = find_sentence_ends(view.text)
    found: dict[str, list[Hit]] = {}
    for hit in lexicon.find(view):
        place = (hit.start, hit.end, bisect_right(ends, hit.start))
        found.setdefault(hit.entry.category, []).append(place)
    return {
        role: [place for place in sorted(set(places)) if not _overlaps_any(place, found.get(EXCEPT + role))][
            :_MAX_HITS
        ]
        for role, places in found.items()
    }


def _match_rule(rule: CompositionRule, roles: Mapping[str, Sequence[Hit]]) -> tuple[Hit, ...]:
    """The hits of the first combination of parts that satisfies the rule, and all hits of a rule of one part;
    empty if there is none.
    """
    # Sorted: the order of roles in a set differs between processes, and the evidence with it.
    parts = [sorted(hit for role in clause for hit in roles.get(role, ())) for clause in rule.clauses]
    if not all(parts):
        return ()
    harmless = {hit[2] for role in rule.unless for hit in roles.get(role, ())}
    found = _combine(parts, (), rule, harmless)
    return tuple(hit for (hit,) in found) if len(parts) == 1 else next(found, ())


def _combine(
    parts: Sequence[Sequence[Hit]], taken: tuple[Hit, ...], rule: CompositionRule, harmless: set[int]
) -> Iterator[tuple[Hit, ...]]:
    if not parts:
        numbers = [hit[2] for hit in taken]
        if harmless.isdisjoint(range(min(numbers), max(numbers) + 1)):
            yield taken
        return
    for hit in parts[0]:
        near = all(abs(hit[2] - other[2]) < rule.sentences for other in taken)
        follows = rule.gap is None or not taken or 0 <= hit[0] - taken[-1][1] <= rule.gap
        if near and follows and not _overlaps_any(hit, taken):
            yield from _combine(parts[1:], (*taken, hit), rule, harmless)


def _overlaps_any(hit: Hit, others: Iterable[Hit] | None) -> bool:
    return any(hit[0] < end and start < hit[1] for start, end, _sentence in others or ())
