"""The search for the words that cause a refusal, against filters whose triggers are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice.trigger_search import (
    MIN_CONFIDENCE,
    TriggerResult,
    TriggerSearch,
    TriggerSearchEnd,
)
from safelight.providers.advice.trigger_set_search import SetSearchEnd, TriggerSetSearch
from support.rows import each_row

Filter = Callable[[frozenset[int]], bool]
SURE = 0.99


def search(
    refuses: Filter, count: int, *, confidence: float = SURE, ceiling: int | None = None
) -> TriggerResult:
    running = TriggerSearch([1.0] * count, confidence, ceiling)
    while (kept := running.next_test()) is not None:
        running.record(refused=refuses(kept))
    return running.result()


def together(*triggers: int) -> Filter:
    return lambda kept: set(triggers) <= kept


def triggers_of(result: TriggerResult) -> list[set[int]]:
    return [set(found.triggers) for found in result.sets]


@given(st.data())
def test_the_exact_set_is_found_in_any_prompt(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 60))
    triggers = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=4))
    result = search(together(*triggers), count)
    assert (result.end, triggers_of(result)) == (TriggerSearchEnd.FOUND, [triggers])
    assert len(result.accepted_without) == 1
    assert set(result.accepted_without) <= triggers


@given(st.sets(st.integers(0, 49), min_size=2, max_size=2))
def test_with_twelve_tests_nothing_false_is_named(triggers: set[int]) -> None:
    result = search(together(*triggers), 50, confidence=0.9, ceiling=12)
    assert result.tests <= 12
    for found in result.sets:
        assert set(found.triggers) <= triggers
        assert not found.group or triggers & set(found.group)


def test_answers_that_are_often_wrong_still_lead_to_the_set_in_most_cases() -> None:
    right = 0
    for seed in range(40):
        chance = random.Random(seed)
        triggers = set(chance.sample(range(40), 1 + seed % 4))

        def refuses(kept: frozenset[int], chance: random.Random = chance, of: set[int] = triggers) -> bool:
            return (of <= kept) != (chance.random() < 0.1)

        right += triggers_of(search(refuses, 40)) == [triggers]
    assert right >= 36


def test_two_causes_are_both_found() -> None:
    result = search(lambda kept: 3 in kept or {7, 9} <= kept, 20)
    assert result.end is TriggerSearchEnd.FOUND
    assert sorted(map(sorted, triggers_of(result))) == [[3], [7, 9]]
    result = search(lambda kept: len(kept) > 0, 20)
    assert (result.end, len(result.sets)) == (TriggerSearchEnd.MORE_SETS, 3)
    result = search(lambda kept: True, 20)
    assert (result.end, result.sets) == (TriggerSearchEnd.NOT_WORDS, ())
    result = search(lambda kept: False, 20)
    assert (result.end, result.sets) == (TriggerSearchEnd.NOT_REPEATED, ())


def test_words_with_a_higher_risk_need_fewer_tests() -> None:
    def count(risks: Sequence[float]) -> int:
        running = TriggerSearch(risks, SURE, None)
        while (kept := running.next_test()) is not None:
            running.record(refused=37 in kept)
        return running.tests

    assert count([1.0] * 37 + [20.0] + [1.0] * 22) < count([1.0] * 60)


def test_no_word_is_named_below_the_least_certainty() -> None:
    unsure = 0
    for seed in range(40):
        chance = random.Random(seed)
        result = search(
            lambda kept, chance=chance: ({3, 9, 20} <= kept) != (chance.random() < 0.3),
            40,
            confidence=0.9,
            ceiling=12,
        )
        assert all(one.confidence >= MIN_CONFIDENCE for one in result.sets)
        if result.end is TriggerSearchEnd.UNSURE:
            unsure += 1
            assert result.accepted_without == ()
    assert unsure > 0


def test_the_same_answers_lead_to_the_same_tests() -> None:
    first, again = (TriggerSearch([1.0] * 30, SURE, None) for _ in range(2))
    while (kept := first.next_test()) is not None:
        assert again.next_test() == kept
        for one in (first, again):
            one.record(refused={4, 20} <= kept)
    assert first.result() == again.result()


def test_no_answer_is_taken_after_the_end() -> None:
    running = TriggerSearch([1.0, 1.0], SURE, ceiling=1)
    running.record(refused=True)
    with pytest.raises(ValueError, match="ended"):
        running.record(refused=True)
    assert running.result().end is TriggerSearchEnd.CEILING
    assert TriggerSearch([1.0], SURE, ceiling=0).next_test() is None


def test_an_unfinished_search_names_the_group_that_is_left() -> None:
    running = TriggerSetSearch([1.0] * 32)
    for _ in range(4):
        running.record(refused=5 in (running.next_test() or ()))
    result = running.result()
    assert (result.end, result.triggers) == (SetSearchEnd.UNFINISHED, ())
    assert 5 in result.group
    assert len(result.group) < 10
    assert MIN_CONFIDENCE <= result.confidence < 0.9, "a rate of errors is not known after four answers"


@each_row
def test_a_search_needs_parts_with_a_risk(risks: list[float]) -> None:
    with pytest.raises(ValueError, match="risk"):
        TriggerSetSearch(risks)
