from __future__ import annotations

from safelight.detectors.text.lists import read_list
from safelight.detectors.text.sexual_minors import SexualMinorsDetector
from support.texts import content, findings

# Placeholders for the two kinds of signal: the test is about their combination.
LISTS = """
group: stand-in
entries:
  - {category: sexual, score: 0.9, reason: r, attributes: {strong: true},
     terms: [adultword], unless: [statue]}
  - {category: sexual, score: 0.5, reason: r, terms: [weakword]}
  - {category: minors-present, score: 0.9, reason: r, terms: [youngword]}
"""
DETECTOR = SexualMinorsDetector(read_list(LISTS))


def test_both_signals_anywhere_in_the_text_make_one_finding() -> None:
    (finding,) = findings(DETECTOR, "youngword " + "and then " * 200 + " adultword")
    assert finding.category == "sexual/minors"
    assert len(finding.evidence) == 2


def test_the_signals_may_be_in_two_fields_and_disguised() -> None:
    found = DETECTOR.inspect_together([content("y.o.u.n.g.w.o.r.d"), content("ＡＤＵＬＴword", "style")])
    assert [finding.category for finding in found] == ["sexual/minors"]


def test_one_signal_alone_a_weak_one_or_a_harmless_context_is_not_reported() -> None:
    for text in ("adultword", "youngword", "weakword youngword", "a statue of adultword, youngword looks on"):
        assert not findings(DETECTOR, text)


def test_a_negated_field_is_not_a_signal() -> None:
    asked, unwanted = content("youngword"), content("adultword", "negative_prompt", negated=True)
    assert not list(DETECTOR.inspect_together([asked, unwanted]))
