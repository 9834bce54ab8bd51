from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.indicators import IndicatorRule
from safelight.moderation.indicator_rules import PartIndicators, matching_clauses

SIGNS = ("a", "b", "c", "calm")


def part(*signs: str, media: bool = True) -> PartIndicators:
    return PartIndicators(signs={sign: ((i, i + 1),) for i, sign in enumerate(signs)}, media=media)


def asking(*clauses: str) -> IndicatorRule:
    return IndicatorRule(
        category="deception",
        score=0.6,
        clauses=tuple(frozenset(clause.split("|")) for clause in clauses),
        unless=frozenset({"calm"}),
    )


def test_two_parts_that_have_one_sign_each_meet_it() -> None:
    assert [(one.part, one.sign) for one in matching_clauses(asking("a", "b"), [part("a"), part("b")])] == [
        (0, "a"),
        (1, "b"),
    ]


def test_one_part_with_all_signs_meets_nothing() -> None:
    assert not matching_clauses(asking("a", "b"), [part("a", "b")])
    assert not matching_clauses(asking("a", "b"), [part("a", "b"), part("c")])


def test_a_clause_asks_for_any_of_its_signs() -> None:
    assert matching_clauses(asking("a|c", "b"), [part("c"), part("b")])


def test_the_same_words_meet_one_clause_only() -> None:
    assert not matching_clauses(asking("a", "a"), [part("a"), part()])
    assert matching_clauses(asking("a", "a"), [part("a"), part("a")])


def test_a_calming_sign_counts_where_it_is_seen_or_heard() -> None:
    assert not matching_clauses(asking("a", "b"), [part("a"), part("b", "calm")])
    assert matching_clauses(asking("a", "b"), [part("a", "calm", media=False), part("b")])


@given(
    st.lists(
        st.builds(
            lambda signs, media: part(*sorted(signs), media=media),
            st.sets(st.sampled_from(SIGNS)),
            st.booleans(),
        ),
        max_size=5,
    )
)
def test_what_is_met_rests_on_parts_that_have_it_and_more_signs_never_undo_it(
    parts: list[PartIndicators],
) -> None:
    wanted = asking("a", "b|c")
    clauses = matching_clauses(wanted, parts)
    for clause, signs in zip(clauses, wanted.clauses, strict=bool(clauses)):
        assert clause.sign in signs
        assert clause.sign in parts[clause.part].signs
    if clauses:
        assert len({clause.part for clause in clauses}) > 1
        assert matching_clauses(wanted, [*parts, part("a", "b")])
        assert not matching_clauses(wanted, [*parts, part("calm")])
