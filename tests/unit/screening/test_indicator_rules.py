from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.indicators import IndicatorRule
from safelight.screening.cross_modal import PartIndicators, matching_clauses

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


def test_two_parts_with_one_indicator_each_match() -> None:
    assert [(one.part, one.sign) for one in matching_clauses(asking("a", "b"), [part("a"), part("b")])] == [
        (0, "a"),
        (1, "b"),
    ]


def test_one_part_with_all_indicators_does_not_match() -> None:
    assert not matching_clauses(asking("a", "b"), [part("a", "b")])
    assert not matching_clauses(asking("a", "b"), [part("a", "b"), part("c")])


def test_a_clause_matches_any_of_its_indicators() -> None:
    assert matching_clauses(asking("a|c", "b"), [part("c"), part("b")])


def test_the_same_text_matches_one_clause_only() -> None:
    assert not matching_clauses(asking("a", "a"), [part("a"), part()])
    assert matching_clauses(asking("a", "a"), [part("a"), part("a")])


def test_an_exempting_indicator_counts_only_in_the_clip() -> None:
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
def test_a_match_names_its_parts_and_more_indicators_never_undo_it(
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
