"""A policy over history: what would have been decided, before it goes live. Memory stays flat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from .categories import Taxonomy
from .compiled import CompiledPolicy, compile_policy
from .coverage import Cell, Coverage
from .coverage import unpack as unpack_coverage
from .decisions import Gaps, required_coverage, weigh_gaps
from .documents import Policy
from .findings import Attribute, Evidence, Stage
from .verdicts import Action, Audience, Context, WaiverTerms

#: Distinct coverages remembered at a time; history has few, a hostile file may have many.
_REMEMBERED = 2048
#: Bytes of one record, at most.
_LONGEST = 16 * 1024 * 1024


class ReplayRecord(msgspec.Struct, array_like=True, gc=False):
    """One stage of one video as it was: what was seen and covered, packed, and what was decided."""

    id: str
    stage: Stage
    #: `findings.pack` and `coverage.pack`.
    findings: bytes
    coverage: bytes
    #: What was decided then; empty: nothing to compare with.
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
    """How often which verdict becomes which, with the ids of the first few of each."""

    policy: str
    policy_sha256: str
    records: int = 0
    findings: int = 0
    unreadable: int = 0
    transitions: Counter[Transition] = field(default_factory=Counter)
    examples: dict[Transition, list[str]] = field(default_factory=dict)
    #: How often each rule decides now.
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


class _Stored(msgspec.Struct, array_like=True, gc=False):
    """A packed finding, read only as far as rules ask. The fields are those of `findings.pack`."""

    category: str
    score: float
    #: A word that equals the `Modality`.
    modality: Any
    detector: msgspec.Raw
    version: msgspec.Raw
    reason: msgspec.Raw
    raw_evidence: msgspec.Raw
    raw_attributes: msgspec.Raw
    test_card: bool

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        return _attributes.decode(self.raw_attributes)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return _evidence.decode(self.raw_evidence)


_attributes = msgspec.msgpack.Decoder(dict[str, Attribute])
_evidence = msgspec.msgpack.Decoder(tuple[Evidence, ...])
_findings = msgspec.msgpack.Decoder(list[_Stored])
_record_encoder = msgspec.msgpack.Encoder()
_record_decoder = msgspec.msgpack.Decoder(ReplayRecord)


def replay(
    policy: Policy, taxonomy: Taxonomy, records: Iterable[ReplayRecord], *, examples: int = 5
) -> ReplayReport:
    """Decide every record anew. What cannot be read is counted and left out, never taken for allowed."""
    report = ReplayReport(policy=policy.name, policy_sha256=policy.sha256)
    programs: dict[Any, CompiledPolicy] = {}
    gaps: dict[Any, Gaps] = {}
    for record in records:
        setting = (record.stage, record.audience, record.consents, record.facts, record.waivers)
        running = programs.get(setting)
        if running is None:
            running = programs[setting] = compile_policy(policy, _context(record))
            if len(programs) > _REMEMBERED:
                programs.clear()
        try:
            findings = _findings.decode(record.findings)
            covered = (record.coverage, record.stage, record.waivers)
            missing = gaps.get(covered)
            if missing is None:
                if len(gaps) >= _REMEMBERED:
                    gaps.clear()
                missing = gaps[covered] = _gaps(policy, taxonomy, record)
            fired = running.matching_rules(findings)
        except (msgspec.DecodeError, KeyError):
            report.unreadable += 1
            continue
        report.records += 1
        report.findings += len(findings)
        action, rule = (fired[0].action, fired[0].rule.id) if fired else (Action.ALLOW, "")
        if missing.action.severity > action.severity:
            action, rule = missing.action, missing.rule
        if fired and any(armed.rule.vault for armed in fired):
            report.vaulted += 1
        report.rules[rule or "none"] += 1
        step = Transition(before=record.action, after=action.value)
        report.transitions[step] += 1
        shown = report.examples.setdefault(step, [])
        if len(shown) < examples:
            shown.append(record.id)
    return report


def reevaluate(coverage: Coverage, policy: Policy, taxonomy: Taxonomy, stage: Stage) -> Coverage:
    """The same coverage with the requirements of another policy.

    The modalities that were there are those that something was required of, or ran on.
    """
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
    """The records of a file, one at a time. Raises `msgspec.DecodeError` where it is cut off or damaged."""
    while header := file.read(4):
        size = int.from_bytes(header, "big")
        if size > _LONGEST:
            raise msgspec.DecodeError("this is not a file of records")
        data = file.read(size)
        if len(header) < 4 or len(data) < size:
            raise msgspec.DecodeError("the file of records is cut off")
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
