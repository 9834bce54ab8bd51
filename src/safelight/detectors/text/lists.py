"""Word lists: YAML files of words and phrases, with the context that makes them harmless.

A file has a `group`, optional `sets` of words for use as `{name}` in terms, and `entries`. An entry has
`category`, `score`, `reason` and `terms`. It may have `unless` (a match is harmless if one of these words is
nearby), `within` (a match is none if it is a part of one of these words), `topics` (a match in the same
clause as one of these words is ambiguous), `near` (one of these words must be nearby), `least` (number of
different terms that make a finding), `attributes`, `gap` (largest distance between the parts of a term) and
`role` (if true, the finding is classified as subject or passing). A term such as `how to ... a lock` matches
its parts in this order, close to each other. English words match as whole words, with an optional plural `s`;
Chinese words match anywhere, but two characters of which each belongs to another word are no match.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from safelight.core import yaml_loader
from safelight.detectors.protocol import Capability, TextContent, TextView
from safelight.policy.findings import Attribute, Basis, Category, Finding, Match, Modality, TextSpan

from .compiled_lists import load_compiled
from .entity_roles import classify_role
from .normalise import folded, plain
from .word_edges import Fit, fit_of, is_short_term

#: Phrases of at most this many letters have no plural: "is" is not the plural of "i".
_MAX_SINGULAR = 2
#: A word of letters and digits, or any other visible character; each Chinese character is a token of its own.
_TOKEN = re.compile(r"[^\W_\u2e80-\U0010ffff]+|\S")
VERSION = "1"
#: Added to the reason if the words are in no plain view of the text.
DISGUISED = " The words were disguised."
#: Characters before and after a match in which context words count.
CONTEXT_CHARS = 90
#: Most characters between the parts of one term, unless an entry sets `gap`.
DEFAULT_GAP_CHARS = 40
MAX_SPANS = 16
_CLAUSE_END = re.compile(r"[,.;:!?。、…\n]")
#: A sign of a minor counts wherever its letters are: it decides nothing without another sign.
_ANYWHERE = frozenset({Category.MINORS_PRESENT.value})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class WordIndex:
    """Finds every occurrence of every phrase, including overlapping ones.

    English phrases match as whole words, with an optional plural `s`; Chinese phrases match anywhere.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._numbers: dict[str, int] = {}
        lengths: dict[str, set[int]] = {}
        for number, phrase in enumerate(phrases):
            if not phrase or phrase[0].isspace():
                raise ValueError(f"phrase {number} is empty or begins with a space")
            self._numbers[phrase] = number
            lengths.setdefault(_first_token(phrase), set()).add(len(phrase))
        #: Lengths of the phrases that begin with this word or character.
        self._lengths = {first: tuple(sorted(found)) for first, found in lengths.items()}

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(number of the phrase, start, end) of every occurrence, ordered by `start`."""
        numbers, lengths, size = self._numbers, self._lengths, len(text)
        for token in _TOKEN.finditer(text):
            first, start = token.group(), token.start()
            keys = (first, first[:-1]) if len(first) > 1 and first[-1] == "s" else (first,)
            for key in keys:
                for length in lengths.get(key, ()):
                    if start + length > size:
                        break
                    number = numbers.get(text[start : start + length])
                    if number is not None:
                        end = _whole_word_end(text, start + length, plural=length > _MAX_SINGULAR)
                        if end:
                            yield number, start, end


def _first_token(phrase: str) -> str:
    found = _TOKEN.match(phrase)
    return found.group() if found else ""


def _is_word(letter: str) -> bool:
    return letter.isalnum() and letter < "\u2e80"


def _whole_word_end(text: str, end: int, *, plural: bool) -> int:
    """The end of a phrase, including a plural `s`; 0 if the phrase ends inside a longer word."""
    if not _is_word(text[end - 1]) or end == len(text) or not _is_word(text[end]):
        return end
    if plural and text[end] == "s" and (end + 1 == len(text) or not _is_word(text[end + 1])):
        return end + 1
    return 0


@dataclass(frozen=True, kw_only=True)
class ListEntry:
    """One entry of a list: terms with the same meaning, and the context in which they count."""

    list: str
    category: str
    score: float
    reason: str
    terms: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    classifies_role: bool = False
    #: Number of different, non-overlapping terms that one view must contain to make a finding.
    min_terms: int = 1
    #: Most characters between the parts of one term.
    gap: int = DEFAULT_GAP_CHARS


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A match of a term in a view. `start` and `end` are positions in the text of the view."""

    entry: ListEntry
    term: str
    view: TextView
    start: int
    end: int
    fit: Fit = Fit.WORD
    #: Whether a word of `topics` is in the same clause.
    on_topic: bool = False


def read_list(text: str) -> tuple[ListEntry, ...]:
    """The entries of one YAML file. Raises `ValueError`, which names the invalid entry."""
    document: dict[str, Any] = yaml_loader.load(text)
    name, sets = str(document["group"]), document.get("sets", {})
    entries = []
    for number, raw in enumerate(document["entries"]):
        try:
            entries.append(parse_entry(name, sets, dict(raw)))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"list {name!r}, entry {number}: {error!r}") from error
    return tuple(entries)


def shipped() -> tuple[str, ...]:
    """The text of every shipped list, ordered by name."""
    return read_folder("lists")


def read_folder(name: str) -> tuple[str, ...]:
    """The text of every YAML file in a folder of this package, ordered by name."""
    return tuple(text for _, text in read_files(name))


def read_files(name: str) -> list[tuple[str, str]]:
    """The name and the text of every YAML file in a folder of this package, ordered by name."""
    folder = files("safelight.detectors.text") / name
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    return [(file.name.removesuffix(".yaml"), file.read_text(encoding="utf-8")) for file in found]


@cache
def shipped_entries() -> tuple[ListEntry, ...]:
    """The entries of all shipped lists. They are read once per process."""
    texts = shipped()
    return load_compiled(
        "lists",
        texts,
        lambda: tuple(entry for text in texts for entry in read_list(text)),
        tuple[ListEntry, ...],
    )


class Lexicon:
    """Search index over the entries of lists."""

    def __init__(self, entries: Iterable[ListEntry]) -> None:
        self.entries = tuple(entries)
        terms = itertools.chain.from_iterable(entry.terms for entry in self.entries)
        context = itertools.chain.from_iterable(
            (entry.unless, entry.within, entry.topics, entry.near) for entry in self.entries
        )
        words = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(terms, context)))
        self._numbers = {word: number for number, word in enumerate(words)}
        self._context = {
            id(entry): tuple(map(self._numbers_of, (entry.unless, entry.within, entry.topics, entry.near)))
            for entry in self.entries
        }
        self._by_first: dict[int, list[tuple[ListEntry, tuple[str, ...]]]] = {}
        for entry in self.entries:
            for term in entry.terms:
                self._by_first.setdefault(self._numbers[term[0]], []).append((entry, term))
        #: The numbers of the terms with a first part that was once in a text; to number all takes long.
        self._parts: dict[int, list[tuple[int, ...]]] = {}
        self._index = WordIndex(words)

    def _numbers_of(self, words: Iterable[str]) -> tuple[int, ...]:
        return tuple(map(self._numbers.__getitem__, words))

    def _parts_from(self, first: int) -> list[tuple[int, ...]]:
        if first not in self._parts:
            self._parts[first] = [self._numbers_of(term) for _entry, term in self._by_first[first]]
        return self._parts[first]

    def find(self, view: TextView) -> Iterator[Hit]:
        """Every match of a term in a view, if the context allows the match.

        The view must be folded, or made from a folded view.
        """
        places: dict[int, list[tuple[int, int]]] = {}
        for number, start, end in self._index.find(view.text):
            places.setdefault(number, []).append((start, end))
        for first in places.keys() & self._by_first.keys():
            for (entry, term), parts in zip(self._by_first[first], self._parts_from(first), strict=True):
                for start, end in _find_sequences(parts, places, entry.gap):
                    unless, within, topics, near = self._context[id(entry)]
                    if (
                        any(_is_near(places.get(word), start, end) for word in unless)
                        or any(_overlaps(places.get(word), start, end) for word in within)
                        or (near and not any(_is_near(places.get(word), start, end) for word in near))
                    ):
                        continue
                    fit = Fit.WORD if entry.category in _ANYWHERE else fit_of(view.text, start, end)
                    if fit is not Fit.NO_WORD:
                        clause = _clause_of(view.text, start, end) if topics else (start, end)
                        yield Hit(
                            entry=entry,
                            term=" ... ".join(term),
                            view=view,
                            start=start,
                            end=end,
                            fit=fit,
                            on_topic=any(_overlaps(places.get(word), *clause) for word in topics),
                        )


class ListDetector:
    """Text detector that finds the terms of word lists."""

    name = "word-lists"

    def __init__(self, entries: Iterable[ListEntry]) -> None:
        self.lexicon = Lexicon(entries)
        self.version = f"{VERSION}+{_fingerprint(self.lexicon.entries)[:8]}"
        self.capabilities = capabilities(self.lexicon.entries)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per entry that matched, with the matching places in the original text."""
        hits: dict[int, list[Hit]] = {}
        for view in content.views:
            if view.kind != "plain":
                found: dict[int, list[Hit]] = {}
                for hit in self.lexicon.find(view):
                    found.setdefault(id(hit.entry), []).append(hit)
                for entry, some in found.items():
                    if (
                        some[0].entry.min_terms == 1
                        or _count_different_terms(some) >= some[0].entry.min_terms
                    ):
                        hits.setdefault(entry, []).extend(some)
        return [self._finding(content, found) for found in hits.values()]

    def _finding(self, content: TextContent, hits: list[Hit]) -> Finding:
        entry = hits[0].entry
        spans = sorted({hit.view.span(hit.start, hit.end) for hit in hits})[:MAX_SPANS]
        terms = list(dict.fromkeys(hit.term for hit in hits))[:MAX_SPANS]
        attributes: dict[str, Attribute] = dict(entry.attributes)
        if entry.classifies_role:
            brand = entry.category == Category.IP_BRAND
            roles = {classify_role(hit.view.text, hit.start, hit.end, brand=brand) for hit in hits}
            attributes["role"] = "subject" if "subject" in roles else "passing"
        if all(hit.on_topic for hit in hits) or (
            entry.category not in _ANYWHERE and _rest_on_short_word(hits)
        ):
            attributes["ambiguous"] = True
        disguised = all(hit.view.kind != "folded" for hit in hits)
        return Finding(
            category=entry.category,
            score=entry.score,
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            basis=Basis.MATCHED,
            reason=entry.reason + (DISGUISED if disguised else ""),
            evidence=(
                *(TextSpan(field=content.field, start=start, end=end) for start, end in spans),
                *(Match(list=entry.list, entry=term) for term in terms),
            ),
            attributes=attributes,
        )


def capabilities(entries: Iterable[ListEntry]) -> tuple[Capability, ...]:
    """The cells that lists with these entries fill in coverage."""
    return tuple(
        Capability(category=category, modality=Modality.TEXT)
        for category in sorted({entry.category for entry in entries})
    )


def _fingerprint(entries: Iterable[ListEntry]) -> str:
    """Hash of the entries. Each entry is hashed in a fixed text form, so that renaming a field in the code
    does not change the version.
    """
    rows = []
    for entry in entries:
        fields = {
            "list": entry.list,
            "category": entry.category,
            "score": entry.score,
            "reason": entry.reason,
            "terms": entry.terms,
            "unless": entry.unless,
            "within": entry.within,
            "topics": entry.topics,
            "near": entry.near,
            "attributes": entry.attributes,
            "role": entry.classifies_role,
            "least": entry.min_terms,
            "gap": entry.gap,
        }
        rows.append(f"Entry({', '.join(f'{name}={value!r}' for name, value in fields.items())})")
    return hashlib.sha256(f"({', '.join(rows)})".encode()).hexdigest()


def parse_entry(name: str, sets: Mapping[str, list[str]], raw: dict[str, Any]) -> ListEntry:
    """Parse one entry. Raises `ValueError`, `KeyError` or `TypeError`, which name the problem."""
    terms = tuple(
        tuple(_fold_term(part) for part in expanded.split("..."))
        for term in raw.pop("terms")
        for expanded in _expand_sets(str(term), sets)
    )

    def context(key: str) -> tuple[str, ...]:
        return tuple(_fold_term(word) for term in raw.pop(key, ()) for word in _expand_sets(str(term), sets))

    return ListEntry(
        list=name,
        category=str(raw.pop("category")),
        score=float(raw.pop("score")),
        reason=str(raw.pop("reason")),
        terms=terms,
        unless=context("unless"),
        within=context("within"),
        topics=context("topics"),
        near=context("near"),
        classifies_role=raw.pop("role", False),
        min_terms=raw.pop("least", 1),
        **raw,
    )


def _expand_sets(term: str, sets: Mapping[str, list[str]]) -> Iterator[str]:
    names = _PLACEHOLDER.findall(term)
    for words in itertools.product(*(sets[name] for name in names)):
        rest = iter(words)
        yield _PLACEHOLDER.sub(lambda _hit, rest=rest: str(next(rest)), term)  # type: ignore[misc]


def _fold_term(text: str) -> str:
    word = folded(plain(text.strip())).text
    if not word:
        raise ValueError("a term is empty")
    return word


def _count_different_terms(hits: list[Hit]) -> int:
    """Number of different terms among these matches that do not overlap."""
    terms, free = set[str](), 0
    for hit in sorted(hits, key=lambda one: (one.start, -one.end)):
        if hit.start >= free and hit.term not in terms:
            terms.add(hit.term)
            free = hit.end
    return len(terms)


def _rest_on_short_word(hits: list[Hit]) -> bool:
    """Whether nothing was found but one term of two Chinese characters, or some that may be no words."""
    if not all(is_short_term(hit.term) for hit in hits):
        return False
    return _count_different_terms([hit for hit in hits if hit.fit is Fit.WORD]) < 2


def _find_sequences(
    parts: tuple[int, ...], places: dict[int, list[tuple[int, int]]], gap: int
) -> Iterator[tuple[int, int]]:
    for start, end in places[parts[0]]:
        for part in parts[1:]:
            found = places.get(part, [])
            index = bisect_left(found, (end, 0))
            if index == len(found) or found[index][0] - end > gap:
                break
            end = found[index][1]
        else:
            yield start, end


def _is_near(found: list[tuple[int, int]] | None, start: int, end: int) -> bool:
    if not found:
        return False
    index = bisect_left(found, (start - CONTEXT_CHARS, 0))
    return index < len(found) and found[index][0] <= end + CONTEXT_CHARS


def _overlaps(found: list[tuple[int, int]] | None, start: int, end: int) -> bool:
    """Whether one of these places, each of at most `CONTEXT_CHARS`, has a character of the range."""
    if not found:
        return False
    first = bisect_left(found, (start - CONTEXT_CHARS, 0))
    return any(
        place[1] > start
        for place in itertools.takewhile(lambda one: one[0] < end, itertools.islice(found, first, None))
    )


def _clause_of(text: str, start: int, end: int) -> tuple[int, int]:
    """The range of the clause around a match, or of the characters in which context words count."""
    before, after = text[max(0, start - CONTEXT_CHARS) : start], text[end : end + CONTEXT_CHARS]
    return start - len(_CLAUSE_END.split(before)[-1]), end + len(_CLAUSE_END.split(after, maxsplit=1)[0])
