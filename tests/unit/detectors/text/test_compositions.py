from __future__ import annotations

import pytest

from safelight.detectors.text.compositions import CompositionDetector, read_compositions
from safelight.policy.findings import Basis
from support.rows import each_row
from support.texts import findings, spans

ROLES = """
group: stand-in
roles:
  act: [blim, blim blam]
  ask:
    terms: [how to, 如何]
    except: ["how to stop", "如何 ... 停"]
  calm: [museum]
"""
RULES = """
group: stand-in-rules
rules:
  - {category: illicit, score: 0.9, reason: r, all: [act, ask], unless: [calm], sentences: 2,
     attributes: {explicit: true}}
"""
DETECTOR = CompositionDetector(read_compositions((ROLES, RULES)), name="stand-in")


@each_row
def test_roles_match_in_any_order_within_two_sentences_without_an_exception_or_a_harmless_context(
    text: str, found: bool
) -> None:
    matched = findings(DETECTOR, text)
    assert len(matched) == found
    for one in matched:
        assert (one.basis, one.attributes, len(spans(one))) == (Basis.COMPOSED, {"explicit": True}, 2)


def test_with_a_gap_the_parts_must_follow_each_other() -> None:
    rules = RULES.replace("sentences: 2", "gap: 1")
    detector = CompositionDetector(read_compositions((ROLES, rules)), name="stand-in")

    found = [len(findings(detector, text)) for text in ("blim how to", "how to blim", "blim and how to")]
    assert found == [1, 0, 0]


@pytest.mark.parametrize(("text", "alone"), [("断肢", True), ("断肢残骸", False), ("断肢和碎骨", False)])
def test_a_rule_with_one_part_that_rests_on_one_word_of_two_chinese_characters_is_marked(
    text: str, alone: bool
) -> None:
    lists = """
group: stand-in
roles: {part: [断肢, 残骸, 碎骨, 断肢残骸]}
rules: [{category: violence/graphic, score: 0.8, reason: r, all: [part]}]
"""
    (finding,) = findings(CompositionDetector(read_compositions((lists,)), name="stand-in"), text)
    assert (finding.attributes.get("ambiguous") is True) == alone


def test_a_disguised_text_is_found_and_said_to_be_disguised() -> None:
    (finding,) = findings(DETECTOR, "how to b.l.i.m")
    assert "disguised" in finding.reason


def test_broken_files_are_named() -> None:
    with pytest.raises(ValueError, match="unknown roles"):
        read_compositions(("group: g\nrules: [{category: hate, score: 1, reason: r, all: [nobody]}]",))
    with pytest.raises(ValueError, match="rule 0"):
        read_compositions(("group: g\nrules: [{category: hate}]",))
    with pytest.raises(ValueError, match="role 'a'"):
        read_compositions(("group: g\nroles: {a: ['\u200b']}",))


def test_a_long_text_of_one_word_is_quick() -> None:
    assert findings(DETECTOR, "how to blim " * 3000)
