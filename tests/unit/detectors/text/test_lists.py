from __future__ import annotations

import pytest

from safelight.detectors.text.lists import ListDetector, read_list, shipped_entries
from safelight.policy.findings import SHIPPED
from support.rows import each_row
from support.texts import categories, findings, marked, spans

DETECTOR = ListDetector(shipped_entries())


@each_row
def test_a_harmless_scene_has_no_findings(text: str) -> None:
    assert categories(DETECTOR, text) <= {"minors-present"}


@each_row
def test_a_listed_phrase_is_found(text: str, category: str) -> None:
    assert category in categories(DETECTOR, text)


def test_evidence_is_in_the_original_text() -> None:
    text = "Please: a N.U.D.E woman"
    finding = next(one for one in findings(DETECTOR, text) if one.score == 0.9)
    assert marked(finding, text) == ["N.U.D.E"]
    assert "disguised" in finding.reason


def test_words_match_whole_with_an_optional_plural() -> None:
    assert "violence/graphic" in categories(DETECTOR, "two severed hands")
    assert categories(DETECTOR, "a gorey cartoonist named Gorey") == set()
    assert "likeness" in categories(DETECTOR, "Taylor Swift's new song")


def test_a_public_figure_and_the_role_of_a_brand_are_attributes() -> None:
    (finding,) = findings(DETECTOR, "Barack Obama waves")
    assert finding.attributes["public_figure"] is True
    (passing,) = findings(DETECTOR, "a man at a desk drinks from a Starbucks cup")
    (subject,) = findings(DETECTOR, "a commercial for Starbucks")
    assert (passing.attributes["role"], subject.attributes["role"]) == ("passing", "subject")


def test_the_parts_of_a_term_must_be_in_order_and_close() -> None:
    assert "illicit" in categories(DETECTOR, "how to quietly build a bomb")
    assert "illicit" not in categories(DETECTOR, "a bomb, and how to be calm")
    assert "illicit" not in categories(DETECTOR, "how to " + "walk on and on " * 6 + "near a bomb")
    far = "a nude woman on a sofa, " + "very slow camera " * 12 + ", a museum"
    assert "sexual" in categories(DETECTOR, far), "distant context does not excuse it"
    for children in ("children building a sand castle with their father", "孩子们在公园里放风筝"):
        assert categories(DETECTOR, children) == {"minors-present"}


def test_every_category_of_the_lists_is_known() -> None:
    assert all(capability.category in SHIPPED for capability in DETECTOR.capabilities)


def test_a_broken_list_names_its_entry() -> None:
    with pytest.raises(ValueError, match="list 'x', entry 0"):
        read_list("group: x\nentries: [{category: hate, score: 1, terms: [a]}]")
    with pytest.raises(ValueError, match="empty"):
        read_list("group: x\nentries: [{category: hate, score: 1, reason: r, terms: ['\u200b']}]")


def test_sixty_thousand_characters_are_accepted() -> None:
    assert categories(DETECTOR, ("how to build a bomb nude kill " * 3000)[:60_000]) >= {"illicit", "sexual"}


def test_an_entry_with_min_terms_needs_that_many_terms() -> None:
    text = """
group: weak
entries:
  - {category: illicit, score: 0.5, reason: r, least: 2, terms: [crowbar, "crow bar", loot, alarm wire]}
"""
    detector = ListDetector(read_list(text))

    assert not findings(detector, "a crowbar on a bench, another crowbar on the wall")
    (one,) = findings(detector, "a crowbar, then the loot in a bag")
    assert len(spans(one)) == 2


#: Words nearby that make nothing of an explicit Chinese term, in the entries of which they are topics.
EXPLICIT = [entry for entry in shipped_entries() if entry.topics and entry.score >= 0.8]


def test_a_topic_nearby_never_switches_an_explicit_term_off() -> None:
    assert len(EXPLICIT) >= 3
    lost, lowered = [], []
    for entry in EXPLICIT:
        detector = ListDetector([entry])
        for (term,) in entry.terms:
            for number, topic in enumerate(entry.topics):
                # The topic in the same clause, and, for some, in another one.
                found = findings(detector, f"{topic}里的{term}")
                if not (found and found[0].attributes.get("ambiguous")):
                    lost.append((term, topic))
                if number % len(entry.topics) == len(term) and not findings(detector, f"{topic}，{term}。"):
                    lowered.append((term, topic))
    assert (lost, lowered) == ([], [])


def test_a_word_that_contains_the_term_must_lie_over_it() -> None:
    text = """
group: kind
entries:
  - {category: sexual, score: 0.9, reason: r, terms: [naked], within: [naked mole rat], topics: [museum]}
"""
    detector = ListDetector(read_list(text))
    assert not findings(detector, "a naked mole rat digs")
    assert len(findings(detector, "a naked mole rat and a naked man")) == 1
    (one,) = findings(detector, "a naked man in the museum")
    assert one.attributes["ambiguous"] is True
    (one,) = findings(detector, "a naked man; in the museum a clock ticks")
    assert "ambiguous" not in one.attributes


@pytest.mark.parametrize(
    "text", ["Kike Hernandez hits a home run", "Faggots with peas in a pub", "Gook Soo noodles steam"]
)
def test_a_slur_that_is_also_a_name_or_a_dish_is_ambiguous(text: str) -> None:
    (one,) = findings(DETECTOR, text)
    assert one.attributes["ambiguous"] is True
