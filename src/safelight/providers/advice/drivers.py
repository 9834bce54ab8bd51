"""Drivers: the parts of a request that a provider's filter may react to, with kind, source and date.

Our own policy does not read them. How often a provider refuses them is not measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight.core.i18n import Messages
from safelight.detectors.text.chinese import locale_of
from safelight.policy.findings import Finding, Modality, TextSpan

from . import driver_tables
from .advice_data import AdviceSource
from .driver_tables import Contradiction, DriverKind, WordForm, WordRow
from .exclusions import exclusion_of, find_exclusions
from .form_table import FormHit
from .word_position import WordPosition

PROMPT = "prompt"
#: What a language model made of the prompt before it went to the generator.
REWRITTEN = "rewritten_prompt"
#: Text around the prompt, which the client adds to every request.
TEMPLATE = "template"
#: From this number of different words of context or intensity on, they are reported as stacked.
MIN_STACKED = 2
#: Most drivers of one request; no reader needs a longer list.
MAX_DRIVERS = 60

#: The kinds of the drivers that are findings, by their row.
FINDING_KINDS = {
    "likeness": DriverKind.NAME,
    "ip/character": DriverKind.NAME,
    "ip/brand": DriverKind.BRAND,
}
STACKED_KINDS = (DriverKind.CONTEXT_WORD, DriverKind.INTENSITY)


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A part of the request that a provider's filter may react to."""

    kind: DriverKind
    #: The row of the table, the scenario, the reference risk or the category of the finding.
    row: str
    #: Key of the message with the reason.
    reason: str
    spans: tuple[TextSpan, ...]
    #: The words at the spans.
    words: tuple[str, ...]
    sources: tuple[AdviceSource, ...]
    #: What can be written instead; empty if nothing can.
    alternatives: tuple[str, ...] = ()
    #: For each alternative, the objects with which it fits.
    objects: tuple[frozenset[str], ...] = ()
    #: Where an alternative can be written.
    position: WordPosition = WordPosition.ANYWHERE
    #: Whether the video must not show it.
    excluded: bool = False
    #: Whether it is in the rewritten prompt and not in the prompt.
    added_by_rewriting: bool = False
    #: Reported risk of a reference: `medium`, `medium-high` or `high`.
    level: str = ""

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "row": self.row,
            "text": self.words[0] if len(self.words) == 1 else messages("separator").join(self.words),
            "reason": messages(f"reason.{self.reason}"),
            "spans": [{"field": span.field, "start": span.start, "end": span.end} for span in self.spans],
            "excluded": self.excluded,
            "added_by_rewriting": self.added_by_rewriting,
            "level": self.level or None,
            "sources": [source.as_wire(messages) for source in self.sources],
        }


def find_drivers(
    texts: Mapping[str, str], findings: Iterable[Finding], *, negated: Collection[str] = ()
) -> tuple[Driver, ...]:
    """The drivers of all text fields, in the order of the fields and of their places. Pure.

    `findings`: those whose text may be disclosed. `negated`: fields that say what the video must not show.
    """
    found: list[Driver] = [*_from_findings(texts, findings)]
    for field, text in texts.items():
        words = list(_words(field, text, negated=field in negated))
        found += words
        found += _scenarios(field, text) if field not in negated else ()
        found += _stacking(words)
    in_prompt = {(one.kind, one.row) for one in found if any(span.field == PROMPT for span in one.spans)}
    return tuple(_mark_rewriting(one, in_prompt) for one in found[:MAX_DRIVERS])


def leave_out_lone(drivers: Sequence[Driver]) -> tuple[Driver, ...]:
    """The drivers without a lone word that is reported to be refused only together with others."""
    rows = driver_tables.word_rows()
    shown = {one.row for one in drivers if not one.excluded}
    if len(shown) > 1 or not any(one in rows and rows[one].only_together for one in shown):
        return tuple(drivers)
    return tuple(one for one in drivers if one.row not in shown)


def find_contradictions(text: str) -> tuple[Contradiction, ...]:
    """The terms of a text that one source recommends and another warns of."""
    hits = driver_tables.contradictions().find(text)
    return tuple(dict.fromkeys(value for hit in hits for value in hit.values))


def _words(field: str, text: str, *, negated: bool) -> Iterator[Driver]:
    rows, exclusions, language = driver_tables.word_rows(), find_exclusions(text), locale_of(text)
    same: dict[tuple[str, str, bool], list[FormHit[WordForm]]] = {}
    for hit in driver_tables.word_forms().find(text):
        name = hit.values[0].row
        if name == driver_tables.ORDINARY:
            continue
        excluded = negated or exclusion_of(exclusions, hit.start, hit.end) is not None
        if excluded or not rows[name].only_excluded:
            same.setdefault((name, hit.form, excluded), []).append(hit)
    for (name, _form, excluded), hits in same.items():
        yield _word_driver(rows[name], field, text, hits, excluded=excluded, language=language)


def _word_driver(
    row: WordRow, field: str, text: str, hits: Sequence[FormHit[WordForm]], *, excluded: bool, language: str
) -> Driver:
    forms = hits[0].values
    own = next((form for form in forms if form.language == language), forms[0])
    return Driver(
        kind=row.kind,
        row=row.id,
        reason=row.reason,
        spans=tuple(TextSpan(field=field, start=hit.start, end=hit.end) for hit in hits),
        words=tuple(dict.fromkeys(text[hit.start : hit.end] for hit in hits)),
        sources=row.sources,
        alternatives=own.alternatives,
        objects=own.objects,
        position=own.position,
        excluded=excluded,
    )


def _scenarios(field: str, text: str) -> Iterator[Driver]:
    hits: dict[str, dict[str, FormHit[driver_tables.ScenePart]]] = {}
    for hit in driver_tables.scene_parts().find(text):
        for value in hit.values:
            hits.setdefault(value.scenario, {}).setdefault(value.part, hit)
    exclusions = find_exclusions(text)
    for name, parts in driver_tables.scenarios().items():
        found = hits.get(name, {})
        chosen = sorted(found.values(), key=lambda hit: hit.start)
        if found.keys() != parts or any(exclusion_of(exclusions, hit.start, hit.end) for hit in chosen):
            continue
        yield Driver(
            kind=DriverKind.SCENARIO,
            row=name,
            reason=f"scenario_{name}",
            spans=tuple(TextSpan(field=field, start=hit.start, end=hit.end) for hit in chosen),
            words=tuple(text[hit.start : hit.end] for hit in chosen),
            sources=(driver_tables.sources()["apiyi"],),
        )


def _stacking(words: Sequence[Driver]) -> Iterator[Driver]:
    """Several words that are harmless alone and are reported to be refused together."""
    members = [one for one in words if one.kind in STACKED_KINDS and not one.excluded]
    if len({one.row for one in members}) < MIN_STACKED:
        return
    members.sort(key=lambda one: one.spans[0].start)
    yield Driver(
        kind=DriverKind.STACKING,
        row="+".join(dict.fromkeys(one.row for one in members)),
        reason="stacking",
        spans=tuple(one.spans[0] for one in members),
        words=tuple(one.words[0] for one in members),
        sources=tuple(dict.fromkeys(source for one in members for source in one.sources)),
    )


def _from_findings(texts: Mapping[str, str], findings: Iterable[Finding]) -> Iterator[Driver]:
    for finding in findings:
        kind = FINDING_KINDS.get(finding.category)
        spans = tuple(place for place in finding.evidence if isinstance(place, TextSpan))
        if kind is None or finding.modality is not Modality.TEXT or finding.test_card or not spans:
            continue
        yield Driver(
            kind=kind,
            row=finding.category,
            reason=finding.category.replace("/", "_"),
            spans=spans,
            words=tuple(dict.fromkeys(texts.get(span.field, "")[span.start : span.end] for span in spans)),
            sources=(AdviceSource(title=f"Safelight {finding.detector} {finding.version}"),),
            excluded=bool(finding.attributes.get("negated")),
        )


def _mark_rewriting(driver: Driver, in_prompt: Collection[tuple[DriverKind, str]]) -> Driver:
    rewritten = all(span.field == REWRITTEN for span in driver.spans)
    return replace(driver, added_by_rewriting=rewritten and (driver.kind, driver.row) not in in_prompt)
