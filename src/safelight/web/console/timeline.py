"""The record of one video for its page: log entries, stages with findings, attempts and seal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from safelight.core.envelopes import format_iso
from safelight.policy.explanations import hides_details
from safelight.policy.findings import Finding, FrameRange, Taxonomy, TimeRange
from safelight.provenance.recovery.public_answer import describe_mark
from safelight.providers.protocol import Billing
from safelight.videos.models import Attempt, VideoRecord
from safelight.web.audit_entries import SERVICES
from safelight.web.translations import (
    Translations,
    format_clock_time,
    format_datetime,
    format_decimal,
    format_duration,
    translate_category,
    translate_detector,
)

from .explanation_view import format_charge
from .verdict_tone import WAIVED, is_waived

#: Frames are sampled once a second, so a gap of this length is not evidence of an interruption.
_SAME_PLACE_S = 1.0
#: Submissions in a row are shown as one from this number on, so that the record of a generator that was down
#: stays short.
_MERGED_FROM = 3
#: As many characters of an id as the list of keys in the settings shows.
_ID_START = 16


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One entry of the audit log. `elapsed` is the time since the previous entry."""

    seq: int
    at: str
    iso: str
    elapsed: str
    description: str
    event: str
    actor: str
    hash: str
    #: The number of the last entry, if several are shown as one; else `seq`.
    last_seq: int


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """Findings with the same reason."""

    name: str
    category: str
    score: str
    detector: str
    reason: str
    #: Whether the reason has no translation.
    reason_in_english: bool
    location: str


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """The verdict of one stage, with its findings and the SHA-256 of the evaluated content."""

    stage: str
    tone: str
    verdict: str
    rule: str
    latency: str
    policy: str
    sha256: str
    findings: tuple[FindingRow, ...]
    #: Number of findings whose details are withheld because they could be used as instructions for harm.
    withheld: int


@dataclass(frozen=True, kw_only=True)
class AttemptRow:
    """One attempt, or several in a row that the generator did not accept."""

    #: `3`, or `3–29` for several attempts.
    number: str
    generator: str
    own_hardware: bool
    upstream_id: str
    duration: str
    outcome: str
    cost: str
    upstream_copy: str


@dataclass(frozen=True, kw_only=True)
class RecordView:
    entries: tuple[TimelineEntry, ...]
    stages: tuple[StageRow, ...]
    attempts: tuple[AttemptRow, ...]
    sealed_at: str
    manifest_bytes: int
    source_sha256: str
    #: Whether the file has a watermark, in words; empty if it was not sealed.
    mark: str
    parents: tuple[tuple[str, str], ...]


def record_view(
    record: VideoRecord, taxonomy: Taxonomy, t: Translations, *, keys: Mapping[str, str] | None = None
) -> RecordView:
    """The record of a video, without images. A vaulted video shows only its attempts and their cost.

    `keys`: the names of API keys by id, as far as the reader may see them.
    """
    hidden = record.video.vaulted
    seal = record.seal if record.seal and not hidden else {}
    return RecordView(
        entries=() if hidden else tuple(_log_entries(record, t, keys or {})),
        stages=() if hidden else tuple(_stage_rows(record, taxonomy, t)),
        attempts=tuple(_attempt_rows(record, t)),
        sealed_at=format_datetime(float(seal["created_at"]), t) if "created_at" in seal else "",
        manifest_bytes=int(seal.get("manifest_bytes") or 0),
        source_sha256=str(seal.get("source_sha256") or ""),
        mark=describe_mark((seal.get("mark") or {}).get("state"), t.tag),
        parents=() if hidden else tuple((one["id"], one["derivation"]) for one in record.parents),
    )


def _log_entries(record: VideoRecord, t: Translations, keys: Mapping[str, str]) -> Iterator[TimelineEntry]:
    before: float | None = None
    for group in _repeated_submissions(record.audit_log):
        entry, last = group[0], group[-1]
        at = float(entry["at"])
        key = f"event.{str(entry['event']).replace('.', '_')}"
        description = t(key) if t.has(key) else str(entry["event"])
        if entry is not last:
            until = format_clock_time(float(last["at"]))
            description = t("record.submitted_again", count=len(group) // 2, until=until)
        yield TimelineEntry(
            seq=int(entry["seq"]),
            last_seq=int(last["seq"]),
            at=format_clock_time(at),
            iso=format_iso(at),
            elapsed="" if before is None else f"+{format_duration(max(0.0, at - before), t)}",
            description=description,
            event=str(entry["event"]),
            actor=name_actor(str(entry["actor"]), t, keys),
            hash=_to_hex(last["hash"]),
        )
        before = float(last["at"])


def _repeated_submissions(log: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The entries of the log one by one; pairs `attempt.intended`, `attempt.ended` in a row as one group.

    The first pair stays as it is: it says when the request was first sent. A generator that is down for an
    hour would make hundreds of pairs.
    """
    pair = ["attempt.intended", "attempt.ended"]
    at = 0
    while at < len(log):
        end = at
        while [str(entry["event"]) for entry in log[end : end + 2]] == pair:
            end += 2
        if end - at > 2 * _MERGED_FROM:
            yield from ((entry,) for entry in log[at : at + 2])
            yield log[at + 2 : end]
        else:
            end = max(end, at + 1)
            yield from ((entry,) for entry in log[at:end])
        at = end


def name_actor(actor: str, t: Translations, keys: Mapping[str, str]) -> str:
    """Who made an entry: a part of this service, or a key or a person with the start of the id."""
    if name := keys.get(actor):
        return t("record.actor.key_named", name=name, id=actor[:_ID_START])
    kind = "service" if actor in SERVICES else actor.partition("_")[0]
    key = f"record.actor.{kind}"
    return t(key, id=actor[:_ID_START]) if t.has(key) else actor


def _to_hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _stage_rows(record: VideoRecord, taxonomy: Taxonomy, t: Translations) -> Iterator[StageRow]:
    for record_item in record.stages:
        verdict = record_item.verdict
        ms = record_item.details.get("latency_ms")
        waived = is_waived(verdict)
        shows_category = not is_hidden(verdict.category, taxonomy)
        found = verdict.counted(record_item.findings, record_item.coverage.cells)
        visible = [finding for finding in found if not is_hidden(finding.category, taxonomy)]
        yield StageRow(
            stage=t(f"steps.name.{record_item.stage.value}"),
            tone=WAIVED if waived else verdict.action.value,
            verdict=t(f"verdict.{WAIVED if waived else verdict.action.value}"),
            rule=verdict.rule if shows_category else "",
            latency=format_duration(float(ms) / 1000, t) if isinstance(ms, int | float) else "",
            policy=f"{verdict.policy} {verdict.policy_sha256[:12]}",
            sha256=verdict.subject_sha256,
            findings=tuple(finding_rows(visible, t)),
            withheld=sum(is_hidden(finding.category, taxonomy) for finding in record_item.findings),
        )


def is_hidden(category: str, taxonomy: Taxonomy) -> bool:
    """Whether details of the category of a verdict are withheld; there may be none."""
    return bool(category) and hides_details(category, taxonomy)


def finding_rows(findings: Iterable[Finding], t: Translations) -> Iterator[FindingRow]:
    """One row for all findings of one detector with one reason. Its score is the highest of them."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.category, finding.modality.value, finding.detector, finding.version, finding.reason)
        groups.setdefault(key, []).append(finding)
    for group in groups.values():
        first = group[0]
        reason, in_english = t.translate_finding(first.reason)
        spans = merge_spans(
            (piece.start_s, piece.end_s)
            for finding in group
            for piece in finding.evidence
            if isinstance(piece, FrameRange | TimeRange)
        )
        places = [name_span(start, end, t) for start, end in spans]
        yield FindingRow(
            name=translate_category(first.category, t),
            category=first.category,
            score=f"{max(finding.score for finding in group):.2f}",
            detector=t("record.detector", name=translate_detector(first.detector, t), version=first.version),
            reason=reason,
            reason_in_english=in_english,
            location=t.join_list(places) if places else t(f"modality.{first.modality.value}"),
        )


def name_span(start: float, end: float, t: Translations) -> str:
    """A part of a clip in words: one time, or from a time to a time."""
    first, last = format_decimal(start), format_decimal(end)
    return t("time.s", n=first) if first == last else t("record.at", start=first, end=last)


def merge_spans(spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The spans in order. Spans that overlap, or are less than `_SAME_PLACE_S` apart, become one."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= _SAME_PLACE_S:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _attempt_rows(record: VideoRecord, t: Translations) -> Iterator[AttemptRow]:
    """A row for each attempt. Attempts in a row that differ in number and duration only are one."""
    rows = [_attempt_row(attempt, t) for attempt in record.attempts]
    for _, group in groupby(rows, lambda row: replace(row, number="", duration="")):
        same = list(group)
        if same[0].upstream_id or len(same) < _MERGED_FROM:
            yield from same
        else:
            yield replace(same[0], number=f"{same[0].number}–{same[-1].number}", duration="")


def _attempt_row(attempt: Attempt, t: Translations) -> AttemptRow:
    charge = {
        "charged": attempt.charge.charged.value,
        "amount": attempt.charge.amount,
        "currency": attempt.charge.currency,
        "source": attempt.charge.source,
    }
    took = (
        ""
        if attempt.ended_at is None
        else format_duration(max(0.0, attempt.ended_at - attempt.created_at), t)
    )
    own = attempt.billing is Billing.OWN
    nowhere = "own" if attempt.upstream_id else "none"
    copy = attempt.upstream_copy_status or (nowhere if own else "unknown")
    return AttemptRow(
        number=str(attempt.number),
        generator=attempt.generator,
        own_hardware=own,
        upstream_id=attempt.upstream_id or "",
        duration=took,
        outcome=name_outcome(attempt.outcome, t),
        cost=format_charge(charge, t),
        upstream_copy=t(f"record.copy_{copy}") if t.has(f"record.copy_{copy}") else copy,
    )


def name_outcome(outcome: str | None, t: Translations) -> str:
    """The outcome in words. An error code without words is shown as it is."""
    key = f"record.ended.{outcome}"
    if outcome is None:
        return t("record.running")
    return t(key) if t.has(key) else outcome
