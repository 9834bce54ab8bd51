"""The record of one video as people read it: what happened when, what was seen where, what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from safelight.jobs.models import VideoRecord
from safelight.policy.categories import Taxonomy
from safelight.policy.findings import Finding, FrameRange, TimeRange

from .explanation_view import charge_sentence
from .formatting import category_name, clock, decimal, iso, length, moment
from .translations import Translations


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One entry of the audit log, with its hash and how long after the one before."""

    seq: int
    at: str
    iso: str
    after: str
    what: str
    event: str
    actor: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """What was seen of one category: bars over the length of the clip, in thousandths, and in words."""

    name: str
    category: str
    score: str
    detector: str
    reason: str
    bars: tuple[tuple[int, int], ...]
    where: str


@dataclass(frozen=True, kw_only=True)
class TimelineStep:
    """One judgement: the stage, the verdict, how long it took, what it was bound to."""

    stage: str
    tone: str
    verdict: str
    rule: str
    took: str
    policy: str
    sha256: str
    seen: tuple[FindingRow, ...]
    #: Findings whose evidence would be a manual.
    withheld: int


@dataclass(frozen=True, kw_only=True)
class AttemptRow:
    number: int
    generator: str
    own: bool
    upstream: str
    took: str
    outcome: str
    cost: str
    copy: str


@dataclass(frozen=True, kw_only=True)
class RecordView:
    entries: tuple[TimelineEntry, ...]
    steps: tuple[TimelineStep, ...]
    attempts: tuple[AttemptRow, ...]
    seconds: int
    sealed_at: str
    manifest_bytes: int
    source_sha256: str
    parents: tuple[tuple[str, str], ...]


def record_view(record: VideoRecord, taxonomy: Taxonomy, words: Translations) -> RecordView:
    """Everything but pixels. Of a vaulted video only what it cost."""
    hidden = record.video.vaulted
    seal = record.seal if record.seal and not hidden else {}
    return RecordView(
        entries=() if hidden else tuple(_entries(record, words)),
        steps=() if hidden else tuple(_steps(record, taxonomy, words)),
        attempts=tuple(_attempts(record, words)),
        seconds=record.video.seconds,
        sealed_at=moment(float(seal["created_at"]), words) if "created_at" in seal else "",
        manifest_bytes=int(seal.get("manifest_bytes") or 0),
        source_sha256=str(seal.get("source_sha256") or ""),
        parents=() if hidden else tuple((one["id"], one["step"]) for one in record.parents),
    )


def _entries(record: VideoRecord, words: Translations) -> Iterator[TimelineEntry]:
    before: float | None = None
    for entry in record.log:
        at = float(entry["at"])
        key = f"event.{str(entry['event']).replace('.', '_')}"
        yield TimelineEntry(
            seq=int(entry["seq"]),
            at=clock(at),
            iso=iso(at),
            after="" if before is None else f"+{length(max(0.0, at - before), words)}",
            what=words(key) if words.has(key) else str(entry["event"]),
            event=str(entry["event"]),
            actor=str(entry["actor"]),
            hash=_hex(entry["hash"]),
        )
        before = at


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _steps(record: VideoRecord, taxonomy: Taxonomy, words: Translations) -> Iterator[TimelineStep]:
    for made in record.judgements:
        verdict = made.verdict
        ms = made.extra.get("latency_ms")
        open_to = not _discreet(verdict.category, taxonomy)
        shown = [finding for finding in made.findings if not _discreet(finding.category, taxonomy)]
        yield TimelineStep(
            stage=words(f"way.step.{made.stage.value}"),
            tone=verdict.action.value,
            verdict=words(f"verdict.{verdict.action.value}"),
            rule=verdict.rule if open_to else "",
            took=length(float(ms) / 1000, words) if isinstance(ms, int | float) else "",
            policy=f"{verdict.policy} {verdict.policy_sha256[:12]}",
            sha256=verdict.subject_sha256,
            seen=tuple(_seen(finding, record.video.seconds, words) for finding in shown),
            withheld=len(made.findings) - len(shown),
        )


def _discreet(category: str, taxonomy: Taxonomy) -> bool:
    """Unknown categories are kept back too: their package may have been removed."""
    return bool(category) and (category not in taxonomy or taxonomy[category].hide_details)


def _seen(finding: Finding, seconds: int, words: Translations) -> FindingRow:
    shown = [piece for piece in finding.evidence if isinstance(piece, FrameRange | TimeRange)]
    spans = list(dict.fromkeys((piece.start_s, piece.end_s) for piece in shown))
    places = [words("record.at", start=decimal(start), end=decimal(end)) for start, end in spans]
    return FindingRow(
        name=category_name(finding.category, words),
        category=finding.category,
        score=f"{finding.score:.2f}",
        detector=f"{finding.detector} {finding.version}",
        reason=finding.reason if words.tag == "en" else "",
        bars=tuple(_bar(start, end, seconds) for start, end in spans),
        where=words.listed(places) if places else words(f"modality.{finding.modality.value}"),
    )


def _bar(start: float, end: float, seconds: int) -> tuple[int, int]:
    """Left edge and width in thousandths of the clip, wide enough to be seen."""
    whole = max(seconds, end, 0.001)
    left = round(1000 * max(0.0, start) / whole)
    return min(left, 992), max(8, round(1000 * (end - start) / whole))


def _attempts(record: VideoRecord, words: Translations) -> Iterator[AttemptRow]:
    for made in record.attempts:
        charge = {
            "charged": made.charge.charged.value,
            "amount": made.charge.amount,
            "currency": made.charge.currency,
            "source": made.charge.source,
        }
        took = "" if made.ended_at is None else length(max(0.0, made.ended_at - made.intent_at), words)
        own = made.ownership.value == "own" and made.upstream_id is None
        copy = made.upstream_copy or ("none" if own else "unknown")
        yield AttemptRow(
            number=made.number,
            generator=made.generator,
            own=made.ownership.value == "own",
            upstream=made.upstream_id or "",
            took=took,
            outcome=made.outcome or words("record.open"),
            cost=charge_sentence(charge, words),
            copy=words(f"record.copy_{copy}") if words.has(f"record.copy_{copy}") else copy,
        )
