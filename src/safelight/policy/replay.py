"""Replays recorded findings against a policy before it is published. Memory use is constant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, BinaryIO, NamedTuple

import msgspec

from .compiled import CompiledPolicy, categories_of, compile_policy
from .decisions import Gaps, required_coverage, weigh_gaps
from .documents import Policy
from .findings import (
    Attribute,
    Cell,
    Coverage,
    Evidence,
    OperatingPoint,
    Stage,
    Taxonomy,
    unpack,
    unpack_coverage,
)
from .rules import Rule
from .steering import WATCHER, stopped_by_watcher
from .verdicts import Action, Audience, Context, WaiverTerms

#: Maximum number of cached results; a hostile file may have many distinct coverages.
_MAX_CACHED = 2048
#: Maximum size of one record in bytes.
_MAX_RECORD_BYTES = 16 * 1024 * 1024


class ReplayRecord(msgspec.Struct, array_like=True, gc=False):
    """One recorded stage of a video: its packed findings, packed coverage, and verdict."""

    id: str
    stage: Stage
    #: Made by `findings.pack` and `coverage.pack`.
    findings: bytes
    coverage: bytes
    #: The action of the recorded verdict; empty if the record has none to compare with.
    action: str = ""
    rule: str = ""
    audience: Audience = Audience.GENERAL
    consents: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()
    waivers: tuple[WaiverTerms, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Transition:
    before: str
    after: str


@dataclass(kw_only=True)
class ReplayReport:
    """How many videos get another action, with the ids of the first examples.

    The action of a video is the most severe one of its stages.
    """

    policy: str
    policy_sha256: str
    #: Number of videos, or of cases, with at least one readable record.
    videos: int = 0
    #: Number of their stage results.
    records: int = 0
    findings: int = 0
    unreadable: int = 0
    transitions: Counter[Transition] = field(default_factory=Counter)
    examples: dict[Transition, list[str]] = field(default_factory=dict)
    #: Number of videos that each rule decides under the new policy.
    rules: Counter[str] = field(default_factory=Counter)
    vaulted: int = 0

    @property
    def changed(self) -> int:
        return sum(
            count for step, count in self.transitions.items() if step.before and step.before != step.after
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "policy_sha256": self.policy_sha256,
            "videos": self.videos,
            "records": self.records,
            "findings": self.findings,
            "unreadable": self.unreadable,
            "changed": self.changed,
            "vaulted": self.vaulted,
            "transitions": [
                {
                    "before": step.before or None,
                    "after": step.after,
                    "count": count,
                    "examples": self.examples.get(step, []),
                }
                for step, count in sorted(
                    self.transitions.items(), key=lambda item: (-item[1], item[0].before, item[0].after)
                )
            ],
            "rules": dict(self.rules.most_common()),
        }


class _LazyFinding(msgspec.Struct, array_like=True, gc=False):
    """A packed finding that decodes a field only when a rule reads it.

    Its fields have the order in which `findings.pack` writes them.
    """

    category: str
    score: float
    #: The value of a `Modality`, as a string.
    modality: Any
    detector: msgspec.Raw
    version: msgspec.Raw
    reason: msgspec.Raw
    raw_evidence: msgspec.Raw
    raw_attributes: msgspec.Raw
    test_card: bool
    #: The value of a `Basis`, as a string.
    basis: Any
    raw_point: msgspec.Raw

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        return _attributes.decode(self.raw_attributes)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return _evidence.decode(self.raw_evidence)

    @property
    def point(self) -> OperatingPoint | None:
        point: OperatingPoint | None = _point.decode(self.raw_point)
        return point


_attributes = msgspec.msgpack.Decoder(dict[str, Attribute])
_evidence = msgspec.msgpack.Decoder(tuple[Evidence, ...])
_point = msgspec.msgpack.Decoder(OperatingPoint | None)
_findings = msgspec.msgpack.Decoder(list[_LazyFinding])
_record_encoder = msgspec.msgpack.Encoder()
_record_decoder = msgspec.msgpack.Decoder(ReplayRecord)


@dataclass(frozen=True, kw_only=True)
class ChangedVideo:
    """A video that gets another action under another policy."""

    id: str
    #: The category of the finding or gap that decides about the more severe of the two actions.
    category: str
    before: Action
    after: Action


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The same videos under two policies."""

    videos: int
    unreadable: int
    changed: tuple[ChangedVideo, ...]


class _Outcome(NamedTuple):
    action: Action
    rule: str
    category: str
    vaulted: bool
    findings: int


class _Evaluator:
    """Evaluates records under one policy. Compiled policies and weighed gaps are kept for further records."""

    def __init__(self, policy: Policy, taxonomy: Taxonomy) -> None:
        self._policy, self._taxonomy = policy, taxonomy
        self._programs: dict[Any, CompiledPolicy] = {}
        self._gaps: dict[Any, Gaps] = {}

    def evaluate(self, record: ReplayRecord) -> _Outcome | None:
        """The outcome of one stage, or None if the record is unreadable."""
        setting = (record.stage, record.audience, record.consents, record.facts, record.waivers)
        running = self._programs.get(setting)
        if running is None:
            running = compile_policy(self._policy, self._taxonomy, _context(record))
            if len(self._programs) >= _MAX_CACHED:
                self._programs.clear()
            self._programs[setting] = running
        try:
            findings = _findings.decode(record.findings)
            missing = self._weigh_gaps(record)
            matched = running.matching_rules(findings)
        except (msgspec.DecodeError, KeyError):
            return None
        action, rule, category = Action.ALLOW, "", ""
        if matched:
            action, rule = matched[0].action, matched[0].rule.id
            category = _category_of(matched[0].rule, findings)
        if missing.action.severity > action.severity:
            action, rule, category = missing.action, missing.rule, missing.category
        if record.stage is Stage.GENERATION and not any(match.vault for match in matched):
            stopped = stopped_by_watcher(record.stage, unpack(record.findings))
            if stopped is not None:
                action, rule, category = Action.BLOCK, WATCHER, stopped.category
        return _Outcome(action, rule, category, any(match.vault for match in matched), len(findings))

    def _weigh_gaps(self, record: ReplayRecord) -> Gaps:
        covered = (record.coverage, record.stage, record.waivers)
        missing = self._gaps.get(covered)
        if missing is None:
            if len(self._gaps) >= _MAX_CACHED:
                self._gaps.clear()
            missing = self._gaps[covered] = _gaps(self._policy, self._taxonomy, record)
        return missing


def replay(
    policy: Policy, taxonomy: Taxonomy, records: Iterable[ReplayRecord], *, examples: int = 5
) -> ReplayReport:
    """Evaluate the policy for every record. The records of one video follow each other.

    Unreadable records are counted and skipped; they never count as allowed.
    """
    report = ReplayReport(policy=policy.name, policy_sha256=policy.sha256)
    evaluator = _Evaluator(policy, taxonomy)
    for video, stages in _by_video(records):
        before: list[str] = []
        outcomes: list[_Outcome] = []
        for record in stages:
            outcome = evaluator.evaluate(record)
            if outcome is None:
                report.unreadable += 1
                continue
            outcomes.append(outcome)
            before.append(record.action)
        if outcomes:
            _count(report, video, before, outcomes, examples)
    return report


def compare(before: Policy, after: Policy, taxonomy: Taxonomy, records: Iterable[ReplayRecord]) -> Comparison:
    """Evaluate both policies for every record. The records of one video follow each other.

    Recorded verdicts do not count: an earlier policy may have made them.
    """
    old, new = _Evaluator(before, taxonomy), _Evaluator(after, taxonomy)
    videos = unreadable = 0
    changed = []
    for video, stages in _by_video(records):
        pairs = [(old.evaluate(record), new.evaluate(record)) for record in stages]
        readable = [(one, other) for one, other in pairs if one is not None and other is not None]
        unreadable += len(pairs) - len(readable)
        if not readable:
            continue
        videos += 1
        was, is_now = (max(outcomes, key=_severity) for outcomes in zip(*readable, strict=True))
        if was.action is not is_now.action:
            category = max(was, is_now, key=_severity).category
            changed.append(ChangedVideo(id=video, category=category, before=was.action, after=is_now.action))
    return Comparison(videos=videos, unreadable=unreadable, changed=tuple(changed))


def _by_video(records: Iterable[ReplayRecord]) -> Iterator[tuple[str, Iterator[ReplayRecord]]]:
    return groupby(records, key=lambda record: record.id)


def _severity(outcome: _Outcome) -> int:
    return outcome.action.severity


def _category_of(rule: Rule, findings: Iterable[_LazyFinding]) -> str:
    """The category of the rule, or of the highest score among those that it names."""
    if rule.category:
        return rule.category
    named = categories_of(rule)
    scored = [(one.score, one.category) for one in findings if one.category in named or not named]
    return max(scored)[1] if scored else ""


def _count(
    report: ReplayReport, video: str, before: list[str], outcomes: list[_Outcome], examples: int
) -> None:
    """Count one video: its most severe recorded action, and its most severe new one."""
    decided = max(outcomes, key=_severity)
    known = [action for action in before if action]
    step = Transition(
        before=max(known, key=lambda action: Action(action).severity, default=""), after=decided.action.value
    )
    report.videos += 1
    report.records += len(outcomes)
    report.findings += sum(outcome.findings for outcome in outcomes)
    report.vaulted += any(outcome.vaulted for outcome in outcomes)
    report.rules[decided.rule or "none"] += 1
    report.transitions[step] += 1
    shown = report.examples.setdefault(step, [])
    if len(shown) < examples:
        shown.append(video)


def reevaluate(coverage: Coverage, policy: Policy, taxonomy: Taxonomy, stage: Stage) -> Coverage:
    """The same coverage with the requirements of another policy.

    A modality counts as present if one of its cells was required or a detector ran on it.
    """
    if stage is Stage.GENERATION:
        # What had to be steered depended on the findings of the prompt.
        return coverage
    present = frozenset(cell.modality for cell in coverage if cell.required or cell.ran)
    wanted = required_coverage(policy, taxonomy, stage, present)
    places = {(cell.category, cell.modality) for cell in wanted}
    kept = tuple(
        msgspec.structs.replace(cell, required=(cell.category, cell.modality) in places) for cell in coverage
    )
    there = {(cell.category, cell.modality) for cell in kept}
    added: tuple[Cell, ...] = tuple(cell for cell in wanted if (cell.category, cell.modality) not in there)
    return Coverage(cells=kept + added)


def write_record(file: BinaryIO, record: ReplayRecord) -> None:
    """Append one record to a file that `read_records` reads."""
    data = _record_encoder.encode(record)
    file.write(len(data).to_bytes(4, "big") + data)


def read_records(file: BinaryIO) -> Iterator[ReplayRecord]:
    """The records of a file, one at a time. Raises `msgspec.DecodeError` if it is truncated or damaged."""
    while header := file.read(4):
        size = int.from_bytes(header, "big")
        if size > _MAX_RECORD_BYTES:
            raise msgspec.DecodeError("the file is not a file of records")
        data = file.read(size)
        if len(header) < 4 or len(data) < size:
            raise msgspec.DecodeError("the file of records is truncated")
        yield _record_decoder.decode(data)


def _context(record: ReplayRecord) -> Context:
    return Context(
        stage=record.stage,
        audience=record.audience,
        consents=record.consents,
        waivers=record.waivers,
        facts=record.facts,
    )


def _gaps(policy: Policy, taxonomy: Taxonomy, record: ReplayRecord) -> Gaps:
    coverage = reevaluate(unpack_coverage(record.coverage), policy, taxonomy, record.stage)
    return weigh_gaps(policy, taxonomy, coverage, _context(record))
