"""The draw of an auditor: the public rule, repeated without our code, and populations that were changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.case_draw import draw_cases
from safelight.core.errors import InvalidField

IDS = st.lists(st.from_regex(r"case_[a-z0-9]{4}", fullmatch=True), min_size=1, max_size=30, unique=True)


def population(ids: list[str]) -> str:
    head = {"since": "2026-10-01", "until": "2026-11-01", "cases": len(ids)}
    rows = [
        {"id": one, "at": 1, "kind": "hold", "outcome": "refuse", "seq": seq, "withheld": None}
        for seq, one in enumerate(ids, 1)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in (head, *rows))
    return lines + json.dumps({"sha256": hashlib.sha256(lines.encode()).hexdigest(), "seq": 90}) + "\n"


def draw(text: str, seed: str = "a seed", count: int = 1) -> list[str]:
    return [one.id for one in draw_cases(text, seed=seed, count=count)[2]]


@given(ids=IDS, seed=st.text(min_size=1).filter(str.strip), data=st.data())
def test_the_draw_follows_the_public_rule_in_any_order_of_the_file(
    ids: list[str], seed: str, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(ids)))
    shuffled = data.draw(st.permutations(ids))
    drawn = draw(population(ids), seed, count)
    assert drawn == sorted(ids, key=lambda one: hashlib.sha256((seed + one).encode()).hexdigest())[:count]
    assert (
        drawn
        == draw(population(list(shuffled)), seed, count)
        == draw(population(ids), seed, len(ids))[:count]
    )
    assert drawn == draw(population(ids).replace("\n", "\r\n"), seed, count)


def test_each_case_is_drawn_equally_often_over_many_seeds() -> None:
    text, seeds = population([f"case_{number}" for number in range(20)]), 2000
    drawn = Counter(one for seed in range(seeds) for one in draw(text, f"seed {seed}", 5))
    # 500 of each are expected, with a standard deviation of 19.4.
    assert len(drawn) == 20
    assert all(abs(times - seeds / 4) < 100 for times in drawn.values())


def test_a_seed_in_another_encoding_is_its_bytes() -> None:
    ids = [f"case_{number}" for number in range(9)]
    rule = sorted(ids, key=lambda one: hashlib.sha256(b"\xff" + one.encode()).digest())
    assert draw(population(ids), "\udcff", 9) == rule


@pytest.mark.parametrize("seed", ["", "  "])
def test_an_empty_seed_is_refused(seed: str) -> None:
    with pytest.raises(InvalidField, match="seed is empty"):
        draw(population(["case_1"]), seed)


@pytest.mark.parametrize("ids", [[], ["case_1"]])
def test_more_cases_than_there_are_cannot_be_drawn(ids: list[str]) -> None:
    with pytest.raises(InvalidField, match=f"only {len(ids)} cases"):
        draw(population(ids), count=2)


LINES = population(["case_1", "case_2"]).splitlines()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "Line 1 "),
        (LINES[:1], "Line 2 "),
        ([LINES[0], "no case", *LINES[2:]], "Line 2 "),
        ([LINES[0], LINES[1].replace('"seq": 1', '"seq": "x"'), *LINES[2:]], "Line 2 "),
        (LINES[:-1], "Line 3 "),
        ([*LINES[:2], LINES[3]], "SHA-256"),
        ([LINES[0], LINES[2], LINES[1], LINES[3]], "SHA-256"),
        ([LINES[0].replace("10-01", "10-02"), *LINES[1:]], "SHA-256"),
        ([LINES[0], LINES[1].replace("refuse", "approve"), *LINES[2:]], "SHA-256"),
    ],
)
def test_a_population_that_was_changed_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(InvalidField, match=message):
        draw("\n".join(lines))
