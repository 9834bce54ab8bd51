"""Facts that carry risk, planted in harmless prompts: no suggestion after a block may leave one out."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.meaning_slots import find_fixed_changes
from safelight.providers.advice.suggestions import suggest
from safelight_lab.simulation.scene_grammar import scene_grammar
from support.rows import each_row


def shorter_is_better(prompts: Sequence[str]) -> Sequence[float]:
    return [min(0.9, 0.001 * len(one)) for one in prompts]


def rewrites(prompt: str) -> list[str]:
    drivers = find_drivers({"prompt": prompt}, ())
    return [
        one.rewritten
        for estimate in (lambda _prompts: None, shorter_is_better)
        for one in suggest(prompt, drivers, estimate=estimate)
        if one.number
    ]


@each_row
def test_a_planted_fact_is_in_every_rewrite(fact: str, rest: str, phrase: bool) -> None:
    for seed in range(3):
        [prompt] = scene_grammar().prompts(1, 600 + seed)
        first, *others = prompt.rstrip(".").split(", ")
        if phrase:
            first = f"{first} {fact}"
        else:
            others.insert(len(others) // 2, fact + rest)
        planted = ", ".join((first, *others)) + "."
        for one in rewrites(planted):
            assert fact in one, (planted, one)
            assert not find_fixed_changes(planted, one), (planted, one)


@each_row
def test_a_danger_that_listed_words_state_together_is_in_every_rewrite(prompt: str, fact: str) -> None:
    for one in rewrites(prompt):
        assert fact in one, one
