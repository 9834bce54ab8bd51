"""What was asked for, what is written in the picture and what is said, read as one text.

Harm that stands in no part alone shows here, in four ways: words that the text detectors find in the whole
and not in its parts; a clip that says in its scene what the request has no sign of; signs that are harmless
one by one and mean something beside each other; and likeness to examples that are harmful only together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from safelight.detectors.text.cross_modal_classifier import JointHead
from safelight.detectors.text.cross_modal_classifier import shipped as shipped_head
from safelight.detectors.text.indicators import FIGURE, FRAMES, IndicatorTable, shipped
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.cross_modal import SEES, SIGN, EvidenceChannel, channel
from safelight.policy.findings import Evidence, Finding, Modality, TextSpan, strongest

from .cross_modal_classifier import classify_joined_text, embedder_of
from .indicator_rules import IndicatorMatch, PartIndicators, matching_clauses
from .text_parts import SOURCE, TextPart, TextSource, as_description, evidence_of, joined_attributes

#: Readings of one clip at most: all of it, all of it as somebody would tell it, picture and sound, and the
#: request with each of them.
READINGS = 5
#: Longer requests and clips are read whole and without the request, and not in further pairs.
_SHORT = 4_000
#: How much surer the whole must be than its parts, where every part says something of the kind.
_MARGIN = 0.1
_LEAST = 0.3
DETECTOR, VERSION = "signs", "1"
#: Where the request has no sign of these and the clip in its scene has, they disagree. Others need words of
#: their own: violence is told of in every second film, and who is named need not be harmed.
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


@dataclass(frozen=True, kw_only=True)
class CrossModalResult:
    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JoinedText:
    """Parts as one text in plain order, with where each begins in it."""

    text: str
    starts: tuple[int, ...]
    parts: tuple[TextPart, ...]

    def of(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The parts that characters `start` to `end` touch: number, and from where to where in the part."""
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
    table: IndicatorTable | None = None,
    head: JointHead | None = None,
) -> CrossModalResult:
    """Findings that only the whole has, with evidence in at least two of its parts.

    `alone` are the findings of the parts by themselves. Nothing is read where there is one source only, but
    for lines of one source that follow each other: signs may stand in two of them.
    """
    seen, table = tuple(alone), table or shipped()
    signed = find_indicators(parts, seen, table)
    framed = any(part.media and FRAMES & part.signs.keys() for part in signed)
    read = _read(parts, pipeline, seen, framed=framed)
    signs = match_indicator_rules(parts, signed, table)
    learned, cells = classify_joined_text(parts, head or shipped_head(), embedder_of(pipeline))
    return CrossModalResult(findings=(*read.findings, *signs, *learned), cells=(*read.cells, *cells))


def match_indicator_rules(
    parts: Sequence[TextPart], signed: Sequence[PartIndicators], table: IndicatorTable
) -> tuple[Finding, ...]:
    """What signs in several parts mean together: at most one finding for each category. Pure."""
    found: dict[str, Finding] = {}
    for conjunction in table.conjunctions:
        clauses = matching_clauses(conjunction, signed)
        best = found.get(conjunction.category)
        if clauses and (best is None or best.score < conjunction.score):
            found[conjunction.category] = _conjoined(
                conjunction.category, conjunction.score, clauses, parts, table
            )
    return tuple(found.values())


def find_indicators(
    parts: Sequence[TextPart], alone: Iterable[Finding], table: IndicatorTable
) -> tuple[PartIndicators, ...]:
    """The signs of every part. What goes on over several lines belongs to the lines it touches."""
    signs: list[dict[str, list[tuple[int, int]]]] = [{} for _ in parts]
    for source in TextSource:
        numbers = [number for number, part in enumerate(parts) if part.source is source]
        told = _plain([parts[number] for number in numbers], " ")
        for sign, places in table.of(told.text).items():
            for start, end in places:
                for place, first, last in told.of(start, end):
                    signs[numbers[place]].setdefault(sign, []).append((first, last))
    for number, part in enumerate(parts):
        if any(_names(finding, part) for finding in alone):
            signs[number].setdefault(FIGURE, []).append((0, len(part.text)))
    return tuple(
        PartIndicators(
            signs={sign: tuple(places) for sign, places in of.items()},
            media=part.source is not TextSource.REQUEST,
        )
        for of, part in zip(signs, parts, strict=True)
    )


def _names(finding: Finding, part: TextPart) -> bool:
    """Whether a finding names a living public figure in this part."""
    if finding.category != Category.LIKENESS or finding.attributes.get("public_figure") is not True:
        return False
    if finding.attributes.get("historical") or finding.attributes.get("negated"):
        return False
    if part.place is not None:
        return part.place in finding.evidence
    return any(isinstance(one, TextSpan) and one.field == part.field for one in finding.evidence)


def _conjoined(
    category: str,
    score: float,
    clauses: Sequence[IndicatorMatch],
    parts: Sequence[TextPart],
    table: IndicatorTable,
) -> Finding:
    evidence = [parts[clause.part].evidence(start, end) for clause in clauses for start, end in clause.places]
    sources = {parts[clause.part].source for clause in clauses}
    said = [
        f"{table.phrases[clause.sign]} in the {parts[clause.part].source.value}"
        for clause in sorted(clauses, key=lambda one: one.part)
    ]
    *first, last = dict.fromkeys(said)
    return Finding(
        category=category,
        score=score,
        modality=Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        reason=f"Each harmless alone: {', '.join(first)}{' and ' if first else ''}{last}.",
        evidence=tuple(dict.fromkeys(evidence)),
        attributes={**joined_attributes(sources), "kind": "indicators"},
    )


def _read(
    parts: Sequence[TextPart], pipeline: TextPipeline, alone: Sequence[Finding], *, framed: bool
) -> CrossModalResult:
    """What the text detectors find in several sources as one text, and in none of them alone."""
    known = strongest((finding.category, finding.score) for finding in alone)
    found: dict[tuple[str, tuple[Evidence, ...]], Finding] = {}
    cells: list[Cell] = []
    for number, told in enumerate(_readings(parts)):
        report = pipeline.screen({SOURCE: told.text})
        cells += report.cells
        if number == 0 and not framed and any(one.category in _CONTRASTED for one in report.findings):
            again = pipeline.screen({SOURCE: as_description(parts)})
            cells += again.cells
            for one in find_contradictions(parts, report.findings, again.findings, alone):
                found[one.category, one.evidence] = one
        for finding in report.findings:
            joined = _joined(finding, told)
            if joined is None or finding.test_card or finding.score < _LEAST:
                continue
            if finding.score < known.get(finding.category, 0.0) + _MARGIN:
                continue
            key = (joined.category, joined.evidence)
            if key not in found or found[key].score < joined.score:
                found[key] = joined
    return CrossModalResult(findings=tuple(found.values()), cells=tuple(cells))


def find_contradictions(
    parts: Sequence[TextPart], whole: Iterable[Finding], told: Iterable[Finding], alone: Iterable[Finding]
) -> tuple[Finding, ...]:
    """What the clip with its scene says, read one way and the other, and the request has no sign of. Pure."""
    asked = [part for part in parts if part.source is TextSource.REQUEST]
    if not asked:
        return ()
    signs = {one.category for one in alone if channel(one) is EvidenceChannel.PROMPT and one.score >= SIGN}
    again = {(one.detector, one.category): one.score for one in told}
    found: dict[str, Finding] = {}
    for finding in whole:
        score = min(finding.score, again.get((finding.detector, finding.category), 0.0))
        if finding.category not in _CONTRASTED or finding.category in signs or finding.test_card:
            continue
        if score < SEES or (finding.category in found and found[finding.category].score >= score):
            continue
        media = [part for part in parts if part.source is not TextSource.REQUEST]
        found[finding.category] = msgspec.structs.replace(
            finding,
            score=score,
            modality=Modality.TEXT,
            reason=f"The request has no sign of it; with the words of the clip it has: {finding.reason}",
            evidence=evidence_of(asked, media),
            attributes={
                **finding.attributes,
                **joined_attributes(part.source for part in media),
                "kind": "contrast",
            },
        )
    return tuple(found.values())


def _readings(parts: Sequence[TextPart]) -> list[JoinedText]:
    """The texts of two sources or more that are read: with the one of `described`, at most `READINGS`."""
    sources = dict.fromkeys(part.source for part in parts)
    chosen = [tuple(parts), tuple(part for part in parts if part.source is not TextSource.REQUEST)]
    if sum(len(part.text) for part in parts) <= _SHORT and len(sources) == len(TextSource):
        chosen += [
            tuple(part for part in parts if part.source is not left_out)
            for left_out in (TextSource.SCREEN, TextSource.SPEECH)
        ]
    return [_plain(some, "\n") for some in dict.fromkeys(chosen) if len({part.source for part in some}) > 1]


def _plain(parts: Sequence[TextPart], between: str) -> JoinedText:
    starts, position = [], 0
    for part in parts:
        starts.append(position)
        position += len(part.text) + len(between)
    # A card of two lines is one phrase.
    text = between.join(part.text for part in parts).replace("\n", between[-1:])
    return JoinedText(text=text, starts=tuple(starts), parts=tuple(parts))


def _joined(finding: Finding, told: JoinedText) -> Finding | None:
    """The finding with its evidence in the parts; None where it stands in one source alone."""
    evidence: list[Evidence] = []
    sources: list[TextSource] = []
    for one in finding.evidence:
        if not isinstance(one, TextSpan):
            evidence.append(one)
            continue
        for number, start, end in told.of(one.start, one.end):
            evidence.append(told.parts[number].evidence(start, end))
            sources.append(told.parts[number].source)
    named = [source for source in TextSource if source in sources]
    if len(named) < 2:
        return None
    return msgspec.structs.replace(
        finding,
        modality=Modality.TEXT,
        reason=f"Read together, the words of {_listed(named)}: {finding.reason}",
        evidence=tuple(dict.fromkeys(evidence)),
        attributes={**finding.attributes, **joined_attributes(named)},
    )


def _listed(sources: Sequence[TextSource]) -> str:
    *first, last = (f"the {source.value}" for source in sources)
    return f"{', '.join(first)} and {last}"
