"""What holds for every policy, finding and coverage."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from safelight.core.errors import PolicyError
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import (
    SHIPPED,
    Basis,
    Cell,
    Coverage,
    Finding,
    FrameRange,
    Modality,
    OperatingPoint,
    Stage,
    TextSpan,
    pack,
    pack_coverage,
    unpack,
    unpack_coverage,
)
from safelight.policy.grounding import is_text
from safelight.policy.replay import ReplayRecord, Transition, reevaluate, replay
from safelight.policy.requirements import MANDATORY_CELLS
from safelight.policy.rules import compile_rule
from safelight.policy.verdicts import Action, Audience, Context, Verdict, WaiverTerms

CATEGORIES = [spec.name for spec in SHIPPED]
POLICIES = {name: load(name, SHIPPED) for name in ("starter", "strict", "creative")}
scores = st.one_of(st.floats(0, 1), st.sampled_from([0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.95]))
attributes = st.fixed_dictionaries(
    {},
    optional={
        "frames": st.integers(0, 9),
        "duration_s": st.floats(0, 2),
        "negated": st.booleans(),
        "public_figure": st.booleans(),
        "historical": st.booleans(),
        "kind": st.sampled_from(["face", "hash", "match", "other"]),
        "role": st.sampled_from(["subject", "passing"]),
        "source": st.sampled_from(["prompt", "on_screen"]),
        "speech": st.booleans(),
    },
)
points = st.builds(
    OperatingPoint,
    voice=st.sampled_from(["english", "zh-words"]),
    language=st.just("en"),
    length=st.just("4-8"),
    score=scores,
    false_alarm_rate=st.just(0.001),
    low=st.just(0.0),
    high=st.just(0.002),
    sample=st.just(2000),
)
evidence = st.sampled_from(
    [
        (),
        (TextSpan(field="prompt", start=0, end=3),),
        (FrameRange(first=0, last=7, start_s=0, end_s=0.3, peak=1),),
    ]
)
findings = st.builds(
    Finding,
    category=st.sampled_from([*CATEGORIES, "unheard/of"]),
    score=scores,
    modality=st.sampled_from(Modality),
    detector=st.sampled_from(["a", "b"]),
    version=st.just("1"),
    reason=st.just("Because."),
    evidence=evidence,
    attributes=attributes,
    test_card=st.booleans(),
    basis=st.sampled_from(Basis),
    point=st.none() | points,
)
waivers = st.lists(
    st.builds(
        WaiverTerms,
        id=st.just("waiver_1"),
        name=st.sampled_from(["a", "b", "c"]),
        categories=st.lists(st.sampled_from([*CATEGORIES, "*"]), min_size=1, max_size=3).map(tuple),
    ),
    max_size=2,
).map(tuple)
contexts = st.builds(
    Context,
    stage=st.sampled_from([Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT]),
    audience=st.sampled_from(Audience),
    consents=st.sampled_from([(), ("consent_1",)]),
    waivers=waivers,
    facts=st.frozensets(st.sampled_from(["medical", "news", "history", "odd"])),
)
cells = st.builds(
    Cell,
    category=st.sampled_from(CATEGORIES),
    modality=st.sampled_from(Modality),
    required=st.booleans(),
    available=st.booleans(),
    ran=st.booleans(),
    complete=st.booleans(),
)


def distinct(found: list[Cell]) -> Coverage:
    return Coverage(cells=tuple({(cell.category, cell.modality): cell for cell in found}.values()))


def full(policy: Policy, context: Context) -> Coverage:
    return Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, available=True, ran=True, complete=True)
            for cell in required_coverage(policy, SHIPPED, context.stage, set(Modality))
        )
    )


coverages = st.lists(cells, max_size=12).map(distinct)
policies = st.sampled_from(sorted(POLICIES)).map(POLICIES.__getitem__)


@st.composite
def house_policies(draw: st.DrawFn) -> Policy:
    """Random documents: random rules and changes of the rules of starter."""
    clause = st.fixed_dictionaries(
        {"category": st.sampled_from([*CATEGORIES, "any"])},
        optional={
            "score": scores,
            "modality": st.sampled_from([modality.value for modality in Modality]),
            "stage": st.sampled_from(["prompt", "reference", "output"]),
            "attributes": st.sampled_from(
                [{"frames": {"at_least": 3}}, {"negated": False}, {"role": {"not": "passing"}}]
            ),
            "basis": st.lists(st.sampled_from([basis.value for basis in Basis]), min_size=1, max_size=2),
            "test_card": st.booleans(),
        },
    )
    rule = st.fixed_dictionaries(
        {"action": st.sampled_from([action.value for action in Action])},
        optional={
            "when": clause,
            "all_of": st.lists(clause, min_size=1, max_size=2),
            "any_of": st.lists(clause, min_size=1, max_size=2),
            "unless": st.sampled_from(
                [[{"consent": True}], [{"context": "news"}], [{"attributes": {"negated": True}}]]
            ),
            "audiences": st.sampled_from(
                [{"minors": {"action": "block"}}, {"sensitive": {"disabled": True}}]
            ),
        },
    )
    added = draw(st.lists(rule, max_size=4))
    assume(all(entry.keys() & {"when", "all_of", "any_of"} for entry in added))
    base = POLICIES["starter"]
    made = (compile_rule(_spec(entry, f"house-{index}")) for index, entry in enumerate(added))
    return replace(base, rules=(*base.rules, *made), cache={})


def _spec(entry: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """The rule in the words of a canonical document."""

    def clause(written: Mapping[str, Any]) -> dict[str, Any]:
        listed = {key: [written[key]] for key in ("category", "modality", "stage") if key in written}
        compared = {
            name: value if isinstance(value, dict) else {"is": value}
            for name, value in written.get("attributes", {}).items()
        }
        return {**written, **listed, "attributes": compared, "score": {"at_least": written.get("score")}}

    spec = {**entry, "id": identity}
    if "when" in entry:
        spec["when"] = clause(entry["when"])
    for key in ("all_of", "any_of"):
        if key in entry:
            spec[key] = [clause(written) for written in entry[key]]
    if "unless" in entry:
        spec["unless"] = [_exception(item) for item in entry["unless"]]
    return spec


def _exception(item: Mapping[str, Any]) -> dict[str, Any]:
    if "context" in item:
        return {"context": [item["context"]]}
    return {"attributes": {"negated": {"is": True}}} if "attributes" in item else dict(item)


def verdict_of(policy: Policy, found: list[Finding], coverage: Coverage, context: Context) -> Verdict:
    return decide(
        policy, SHIPPED, findings=tuple(found), coverage=coverage, context=context, subject_sha256="0" * 64
    )


@given(house_policies(), st.lists(findings, max_size=6), findings, coverages, contexts)
@settings(max_examples=150)
def test_another_finding_never_makes_a_verdict_milder(
    policy: Policy, found: list[Finding], more: Finding, coverage: Coverage, context: Context
) -> None:
    before = verdict_of(policy, found, coverage, context)
    after = verdict_of(policy, [*found, more], coverage, context)
    assert after.action.severity >= before.action.severity
    assert after.vault >= before.vault
    assert after.support >= before.support
    assert set(before.matched_rules) - {before.rule} <= set(after.matched_rules)


@given(house_policies(), st.lists(findings, max_size=8), coverages, contexts, st.randoms())
@settings(max_examples=100)
def test_the_order_of_findings_and_cells_does_not_matter(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context, chance: random.Random
) -> None:
    shuffled = chance.sample(found, len(found))
    mixed = Coverage(cells=tuple(chance.sample(coverage.cells, len(coverage.cells))))
    assert verdict_of(policy, found, coverage, context) == verdict_of(policy, shuffled, mixed, context)


@given(house_policies(), st.lists(findings, max_size=6), coverages, contexts)
@settings(max_examples=100)
def test_pictures_and_sound_are_decided_as_without_grounding(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context
) -> None:
    visual = [finding for finding in found if not is_text(finding)]
    # A point has no effect on what is not text, so neither has its removal.
    plain = [msgspec.structs.replace(finding, point=None) for finding in visual]
    verdict = verdict_of(policy, visual, coverage, context)
    without = verdict_of(policy, plain, coverage, context)
    assert not verdict.learned_alone
    assert (verdict.action, verdict.rule, verdict.matched_rules, verdict.vault, verdict.support) == (
        without.action,
        without.rule,
        without.matched_rules,
        without.vault,
        without.support,
    )


@given(house_policies(), st.lists(findings, max_size=6), findings, coverages, contexts)
@settings(max_examples=150)
def test_a_learned_finding_on_text_without_a_point_never_changes_the_action(
    policy: Policy, found: list[Finding], more: Finding, coverage: Coverage, context: Context
) -> None:
    lone = msgspec.structs.replace(more, basis=Basis.LEARNED, point=None, test_card=False)
    assume(is_text(lone))
    before = verdict_of(policy, found, coverage, context)
    after = verdict_of(policy, [*found, lone], coverage, context)
    assert (after.action, after.vault, after.quarantine, after.support) == (
        before.action,
        before.vault,
        before.quarantine,
        before.support,
    )


@given(house_policies(), st.lists(findings, min_size=1, max_size=6), coverages, contexts, st.data())
@settings(max_examples=150)
def test_without_its_operating_point_a_finding_never_makes_a_verdict_stricter(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context, data: st.DataObject
) -> None:
    chosen = data.draw(st.integers(0, len(found) - 1))
    unmeasured = [
        msgspec.structs.replace(finding, point=None) if index == chosen else finding
        for index, finding in enumerate(found)
    ]
    before = verdict_of(policy, found, coverage, context)
    after = verdict_of(policy, unmeasured, coverage, context)
    assert after.action.severity <= before.action.severity
    assert after.vault <= before.vault


@given(house_policies(), st.lists(findings, max_size=6), coverages, contexts)
@settings(max_examples=150)
def test_one_voice_on_text_never_blocks_or_vaults(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context
) -> None:
    learned = [
        msgspec.structs.replace(
            finding,
            modality=Modality.TEXT,
            basis=Basis.LEARNED,
            test_card=False,
            point=finding.point and msgspec.structs.replace(finding.point, voice="english"),
        )
        for finding in found
    ]
    verdict = verdict_of(policy, learned, coverage, context)
    assert not verdict.vault
    assert verdict.action is not Action.BLOCK or not verdict.findings


@given(policies, st.lists(findings, max_size=4), coverages, contexts)
def test_a_rule_on_findings_never_decides_without_one(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context
) -> None:
    verdict = verdict_of(policy, found, coverage, context)
    if verdict.rule and not verdict.rule.startswith(("req-", "coverage")):
        assert verdict.findings
        assert verdict.category
        assert verdict.reason
    if verdict.action != Action.ALLOW:
        assert verdict.rule


@given(policies, contexts, st.data())
def test_a_waiver_never_excuses_an_available_check_that_did_not_finish(
    policy: Policy, context: Context, data: st.DataObject
) -> None:
    coverage = full(policy, context)
    assume(coverage.cells)
    broken = data.draw(st.sampled_from(coverage.cells))
    ran = data.draw(st.booleans())
    failed = msgspec.structs.replace(broken, ran=ran, complete=False)
    cells = tuple(failed if cell is broken else cell for cell in coverage)
    terms = (*context.waivers, WaiverTerms(id="w", name="all", categories=("*", *CATEGORIES)))
    excused = msgspec.structs.replace(context, waivers=terms)
    verdict = verdict_of(policy, [], Coverage(cells=cells), excused)
    assert verdict.action.severity >= Action.HOLD.severity
    assert [(cell.category, cell.modality) for cell in verdict.gaps] == [(broken.category, broken.modality)]


@given(policies, st.lists(findings, max_size=3), coverages, contexts)
def test_waivers_never_make_a_verdict_stronger_and_are_named_if_it_is_milder(
    policy: Policy, found: list[Finding], coverage: Coverage, context: Context
) -> None:
    with_them = verdict_of(policy, found, coverage, context)
    without = verdict_of(policy, found, coverage, msgspec.structs.replace(context, waivers=()))
    assert with_them.action.severity <= without.action.severity
    if with_them.action != without.action:
        assert with_them.waivers


entries: st.SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {"id": st.sampled_from(["req-prompt", "req-reference", "req-output", "req-sound", "own"])},
    optional={
        "disabled": st.booleans(),
        "category": st.lists(st.sampled_from([*CATEGORIES, "mandatory"]), min_size=1, max_size=6),
        "modality": st.lists(st.sampled_from([m.value for m in Modality]), min_size=1, max_size=4),
        "stage": st.lists(st.sampled_from([s.value for s in Stage]), min_size=1, max_size=3),
        "on_gap": st.sampled_from(["hold", "block"]),
    },
)


@given(st.lists(entries, max_size=5, unique_by=lambda entry: entry["id"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_document_drops_the_mandatory_set(
    tmp_path_factory: pytest.TempPathFactory, requires: list[Mapping[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("house") / "house.yaml"
    path.write_text(
        yaml.safe_dump(
            {"policy": "house", "extends": "starter", "requires": [dict(entry) for entry in requires]}
        )
    )
    try:
        policy = load(path, SHIPPED)
    except PolicyError:
        return
    held = {place for requirement in policy.requirements for place in requirement.cells()}
    for category in SHIPPED.mandatory:
        for stage, modality in MANDATORY_CELLS:
            assert (category, modality, stage) in held


@given(st.lists(st.tuples(st.lists(findings, max_size=5), coverages, contexts), max_size=6), house_policies())
@settings(max_examples=100)
def test_replay_equals_decide(history: list[tuple[list[Finding], Coverage, Context]], policy: Policy) -> None:
    report = replay(
        policy,
        SHIPPED,
        [
            ReplayRecord(
                id=str(index),
                stage=context.stage,
                findings=pack(tuple(found)),
                coverage=pack_coverage(coverage),
                audience=context.audience,
                consents=context.consents,
                facts=context.facts,
                waivers=context.waivers,
            )
            for index, (found, coverage, context) in enumerate(history)
        ],
        examples=10,
    )
    verdicts = [
        verdict_of(policy, found, reevaluate(coverage, policy, SHIPPED, context.stage), context)
        for found, coverage, context in history
    ]
    for index, verdict in enumerate(verdicts):
        assert str(index) in report.examples[Transition(before="", after=verdict.action.value)]
    assert report.records == len(history)
    assert report.vaulted == sum(verdict.vault for verdict in verdicts)
    for rule in {verdict.rule for verdict in verdicts}:
        assert report.rules[rule or "none"] == sum(verdict.rule == rule for verdict in verdicts)


@given(st.lists(findings, max_size=5), coverages)
def test_packing_is_lossless(found: list[Finding], coverage: Coverage) -> None:
    assert unpack(pack(tuple(found))) == tuple(found)
    assert unpack_coverage(pack_coverage(coverage)) == coverage
