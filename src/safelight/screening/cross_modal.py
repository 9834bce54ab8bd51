"""Cross-modal screening: the prompt, the OCR text and the transcript of a clip, screened as one text.

It finds harm that none of these parts has alone, in four ways: findings of the text detectors in the joined
text that no part has; categories that the clip shows with the prompt as context, but the prompt alone does
not; indicators that are harmless alone and match a rule together; and the cross-modal classifier, which was
trained on examples that are harmful only in combination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import msgspec

from safelight.detectors.text.cross_modal_classifier import CrossModalClassifier
from safelight.detectors.text.cross_modal_classifier import shipped as shipped_head
from safelight.detectors.text.indicators import (
    FRAMING_INDICATORS,
    PUBLIC_FIGURE,
    IndicatorRule,
    IndicatorTable,
    shipped,
)
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.cross_modal import STRONG_SCORE, WEAK_SCORE, EvidenceChannel, evidence_channel
from safelight.policy.findings import (
    Basis,
    Category,
    Cell,
    Evidence,
    Finding,
    Modality,
    TextSpan,
    highest_scores,
)

from .cross_modal_classifier import classify_joined_text, embedder_of
from .text_parts import SOURCE, TextPart, TextSource, as_description, evidence_of, joined_attributes

#: Maximum number of positions of one indicator in one part that are kept as evidence.
_MAX_PLACES = 2
#: Maximum number of text variants per clip: all parts; all parts as a description; OCR text and transcript;
#: prompt and OCR text; prompt and transcript.
MAX_VARIANTS = 5
#: A longer text is screened in only two variants: all parts, and OCR text with transcript.
_MAX_CHARACTERS_FOR_PAIRS = 4_000
#: Minimum difference between the score of the joined text and the highest score of its parts.
_MIN_SCORE_GAIN = 0.1
_MIN_SCORE = 0.3
DETECTOR, VERSION = "signs", "1"
#: Categories that are reported as a contradiction, if the clip shows them in context and the prompt does not.
#: In other categories this is not enough, because many harmless films mention violence or name a person.
_CONTRASTED = frozenset(
    {
        Category.DECEPTION,
        Category.DECEPTION_SPEECH,
        Category.EXTREMISM,
        Category.HARASSMENT,
        Category.HATE,
        Category.ILLICIT,
        Category.PRIVACY,
        Category.SELF_HARM,
        Category.SEXUAL,
    }
)

# Indicator rules: indicators that are harmless alone and harmful in combination. Pure.


@dataclass(frozen=True, kw_only=True)
class PartIndicators:
    """The indicators in one part of the text, with their positions."""

    signs: Mapping[str, tuple[tuple[int, int], ...]]
    #: Whether the part is OCR text or transcript. False for the request.
    media: bool


@dataclass(frozen=True, kw_only=True)
class IndicatorMatch:
    """A clause of a rule that matches: the number of the part, the indicator, and its positions."""

    part: int
    sign: str
    places: tuple[tuple[int, int], ...]


def matching_clauses(
    conjunction: IndicatorRule, parts: Sequence[PartIndicators]
) -> tuple[IndicatorMatch, ...]:
    """One match for each clause of the rule, from at least two parts. Empty if the rule does not match.

    A single part never matches, because the text detectors screen each part separately.
    """
    if any(part.media and conjunction.unless & part.signs.keys() for part in parts):
        return ()
    wanted = [tuple(_matches_in(signs, parts)) for signs in conjunction.clauses]
    if not all(wanted):
        return ()
    for chosen in product(*(clauses[:8] for clauses in wanted)):
        if len({clause.part for clause in chosen}) > 1 and _have_own_evidence(chosen):
            return chosen
    return ()


def _matches_in(signs: Iterable[str], parts: Sequence[PartIndicators]) -> Iterable[IndicatorMatch]:
    for number, part in enumerate(parts):
        for sign in sorted(signs):
            if places := part.signs.get(sign):
                yield IndicatorMatch(part=number, sign=sign, places=places[:_MAX_PLACES])


def _have_own_evidence(clauses: Sequence[IndicatorMatch]) -> bool:
    """Whether every clause has at least one position that no earlier clause uses."""
    used: set[tuple[int, tuple[int, int]]] = set()
    for clause in clauses:
        places = {(clause.part, place) for place in clause.places}
        if places <= used:
            return False
        used |= places
    return True


@dataclass(frozen=True, kw_only=True)
class CrossModalResult:
    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JoinedText:
    """Parts joined to one text, with the position of each part in it."""

    text: str
    starts: tuple[int, ...]
    parts: tuple[TextPart, ...]

    def of(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """Find the parts between the characters `start` and `end`.

        Returns the number of each part, and start and end of the characters within it.
        """
        touched = []
        for number, (begins, part) in enumerate(zip(self.starts, self.parts, strict=True)):
            first, last = max(start - begins, 0), min(end - begins, len(part.text))
            if first < last and part.text[first:last].strip():
                touched.append((number, first, last))
        return touched


def screen_joined_text(
    parts: Sequence[TextPart],
    pipeline: TextPipeline,
    alone: Iterable[Finding],
    *,
    head: CrossModalClassifier | None = None,
) -> CrossModalResult:
    """Find harm that only the joined text shows, with evidence in at least two of its parts.

    `alone` has the findings of the single parts. If all parts have the same source, the text is not screened
    again. Only the indicator rules apply then, because indicators can be in different lines of one source.
    """
    known, table = tuple(alone), shipped()
    indicators = find_indicators(parts, known, table)
    framed = any(part.media and FRAMING_INDICATORS & part.signs.keys() for part in indicators)
    screened = _screen_variants(parts, pipeline, known, framed=framed)
    signs = match_indicator_rules(parts, indicators, table)
    learned, cells = classify_joined_text(parts, head or shipped_head(), embedder_of(pipeline))
    return CrossModalResult(findings=(*screened.findings, *signs, *learned), cells=(*screened.cells, *cells))


def match_indicator_rules(
    parts: Sequence[TextPart], indicators: Sequence[PartIndicators], table: IndicatorTable
) -> tuple[Finding, ...]:
    """Apply the indicator rules to all parts. Returns at most one finding per category. Pure."""
    found: dict[str, Finding] = {}
    for conjunction in table.rules:
        clauses = matching_clauses(conjunction, indicators)
        best = found.get(conjunction.category)
        if clauses and (best is None or best.score < conjunction.score):
            found[conjunction.category] = _rule_finding(
                conjunction.category, conjunction.score, clauses, parts, table
            )
    return tuple(found.values())


def find_indicators(
    parts: Sequence[TextPart], alone: Iterable[Finding], table: IndicatorTable
) -> tuple[PartIndicators, ...]:
    """Find the indicators of every part. An indicator that spans several lines belongs to each of them."""
    signs: list[dict[str, list[tuple[int, int]]]] = [{} for _ in parts]
    for source in TextSource:
        numbers = [number for number, part in enumerate(parts) if part.source is source]
        joined = _join([parts[number] for number in numbers], " ")
        for sign, places in table.find(joined.text).items():
            for start, end in places:
                for place, first, last in joined.of(start, end):
                    signs[numbers[place]].setdefault(sign, []).append((first, last))
    for number, part in enumerate(parts):
        if any(_names_public_figure(finding, part) for finding in alone):
            signs[number].setdefault(PUBLIC_FIGURE, []).append((0, len(part.text)))
    return tuple(
        PartIndicators(
            signs={sign: tuple(places) for sign, places in of.items()},
            media=part.source is not TextSource.REQUEST,
        )
        for of, part in zip(signs, parts, strict=True)
    )


def _names_public_figure(finding: Finding, part: TextPart) -> bool:
    """Whether this finding names a living public figure in this part."""
    if finding.category != Category.LIKENESS or finding.attributes.get("public_figure") is not True:
        return False
    if finding.attributes.get("historical") or finding.attributes.get("negated"):
        return False
    if part.place is not None:
        return part.place in finding.evidence
    return any(isinstance(one, TextSpan) and one.field == part.field for one in finding.evidence)


def _rule_finding(
    category: str,
    score: float,
    clauses: Sequence[IndicatorMatch],
    parts: Sequence[TextPart],
    table: IndicatorTable,
) -> Finding:
    evidence = [parts[clause.part].evidence(start, end) for clause in clauses for start, end in clause.places]
    sources = {parts[clause.part].source for clause in clauses}
    phrases = [
        f"{table.phrases[clause.sign]} in the {parts[clause.part].source.value}"
        for clause in sorted(clauses, key=lambda one: one.part)
    ]
    *first, last = dict.fromkeys(phrases)
    return Finding(
        category=category,
        score=score,
        modality=Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        basis=Basis.COMPOSED,
        reason=f"Each of these is harmless alone: {', '.join(first)}{' and ' if first else ''}{last}.",
        evidence=tuple(dict.fromkeys(evidence)),
        attributes={**joined_attributes(sources), "kind": "indicators"},
    )


def _screen_variants(
    parts: Sequence[TextPart], pipeline: TextPipeline, alone: Sequence[Finding], *, framed: bool
) -> CrossModalResult:
    """Screen the text variants, and return the findings that no single source has."""
    known = highest_scores((finding.category, finding.score) for finding in alone)
    found: dict[tuple[str, tuple[Evidence, ...]], Finding] = {}
    cells: list[Cell] = []
    for number, variant in enumerate(_variants(parts)):
        report = pipeline.screen({SOURCE: variant.text})
        cells += report.cells
        if number == 0 and not framed and any(one.category in _CONTRASTED for one in report.findings):
            again = pipeline.screen({SOURCE: as_description(parts)})
            cells += again.cells
            for one in find_contradictions(parts, report.findings, again.findings, alone):
                found[one.category, one.evidence] = one
        for finding in report.findings:
            joined = _finding_in_parts(finding, variant)
            if joined is None or finding.test_card or finding.score < _MIN_SCORE:
                continue
            if finding.score < known.get(finding.category, 0.0) + _MIN_SCORE_GAIN:
                continue
            key = (joined.category, joined.evidence)
            if key not in found or found[key].score < joined.score:
                found[key] = joined
    return CrossModalResult(findings=tuple(found.values()), cells=tuple(cells))


def find_contradictions(
    parts: Sequence[TextPart],
    whole: Iterable[Finding],
    described: Iterable[Finding],
    alone: Iterable[Finding],
) -> tuple[Finding, ...]:
    """Findings that the clip has with the prompt as context, but the prompt alone does not. Pure.

    A finding counts only if both `whole` and `described`, the same text as a description, have it.
    """
    asked = [part for part in parts if part.source is TextSource.REQUEST]
    if not asked:
        return ()
    signs = {
        one.category
        for one in alone
        if evidence_channel(one) is EvidenceChannel.PROMPT and one.score >= WEAK_SCORE
    }
    again = {(one.detector, one.category): one.score for one in described}
    found: dict[str, Finding] = {}
    for finding in whole:
        score = min(finding.score, again.get((finding.detector, finding.category), 0.0))
        if finding.category not in _CONTRASTED or finding.category in signs or finding.test_card:
            continue
        if score < STRONG_SCORE or (finding.category in found and found[finding.category].score >= score):
            continue
        media = [part for part in parts if part.source is not TextSource.REQUEST]
        found[finding.category] = msgspec.structs.replace(
            finding,
            score=score,
            modality=Modality.TEXT,
            reason=f"Not in the request alone, but together with the text of the clip: {finding.reason}",
            evidence=evidence_of(asked, media),
            attributes={
                **finding.attributes,
                **joined_attributes(part.source for part in media),
                "kind": "contrast",
            },
        )
    return tuple(found.values())


def _variants(parts: Sequence[TextPart]) -> list[JoinedText]:
    """The joined texts to screen, each from at least two sources.

    Together with the description there are at most `MAX_VARIANTS`.
    """
    sources = dict.fromkeys(part.source for part in parts)
    chosen = [tuple(parts), tuple(part for part in parts if part.source is not TextSource.REQUEST)]
    if sum(len(part.text) for part in parts) <= _MAX_CHARACTERS_FOR_PAIRS and len(sources) == len(TextSource):
        chosen += [
            tuple(part for part in parts if part.source is not left_out)
            for left_out in (TextSource.SCREEN, TextSource.SPEECH)
        ]
    return [_join(some, "\n") for some in dict.fromkeys(chosen) if len({part.source for part in some}) > 1]


def _join(parts: Sequence[TextPart], between: str) -> JoinedText:
    starts, position = [], 0
    for part in parts:
        starts.append(position)
        position += len(part.text) + len(between)
    # A caption of two lines is one phrase, so its line break is removed.
    text = between.join(part.text for part in parts).replace("\n", between[-1:])
    return JoinedText(text=text, starts=tuple(starts), parts=tuple(parts))


def _finding_in_parts(finding: Finding, joined: JoinedText) -> Finding | None:
    """The finding, with its evidence mapped to the parts. None if all of the evidence is in one source."""
    evidence: list[Evidence] = []
    sources: list[TextSource] = []
    for one in finding.evidence:
        if not isinstance(one, TextSpan):
            evidence.append(one)
            continue
        for number, start, end in joined.of(one.start, one.end):
            evidence.append(joined.parts[number].evidence(start, end))
            sources.append(joined.parts[number].source)
    named = [source for source in TextSource if source in sources]
    if len(named) < 2:
        return None
    return msgspec.structs.replace(
        finding,
        modality=Modality.TEXT,
        reason=f"In the joined text of {_listed(named)}: {finding.reason}",
        evidence=tuple(dict.fromkeys(evidence)),
        attributes={**finding.attributes, **joined_attributes(named)},
    )


def _listed(sources: Sequence[TextSource]) -> str:
    *first, last = (f"the {source.value}" for source in sources)
    return f"{', '.join(first)} and {last}"
