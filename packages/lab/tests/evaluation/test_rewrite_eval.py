from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from safelight.core.errors import InvalidField
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.omissions import EstimateRisks
from safelight.providers.advice.suggestion import Suggestion
from safelight.providers.advice.suggestions import suggest
from safelight.providers.advice.text_edit import TextEdit, apply_edits
from safelight_lab.evaluation import rewrite_eval
from safelight_lab.evaluation.rewrite_eval import RewriteEvaluation
from safelight_lab.simulation.hidden_filter import FilterFamily


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One family, and few prompts and outcomes."""
    monkeypatch.setattr(rewrite_eval, "FilterFamily", [FilterFamily.LEXICON])
    monkeypatch.setattr(rewrite_eval, "OUTCOMES", (0, 60))
    monkeypatch.setattr(rewrite_eval, "_POOL", 110)


def _suggest(prompt: str, estimate: EstimateRisks) -> Sequence[Suggestion]:
    return [
        one for one in suggest(prompt, find_drivers({"prompt": prompt}, ()), estimate=estimate) if one.number
    ]


def _rewrite(prompt: str, pattern: str, new: str) -> list[Suggestion]:
    edits = [TextEdit(start=one.start(), end=one.end(), text=new) for one in re.finditer(pattern, prompt)]
    rewritten, diff = apply_edits(prompt, edits)
    return [
        Suggestion(
            number=1,
            message="",
            values={},
            conditions=(),
            sources=(),
            edits=tuple(edits),
            rewritten=rewritten,
            diff=diff,
        )
    ]


def test_the_first_suggestion_is_compared_with_the_same_prompt_sent_again() -> None:
    def run(new: str) -> dict[str, Any]:
        evaluation = RewriteEvaluation(
            suggest=lambda prompt, _estimate: _rewrite(prompt, r"\w+", new) if new else [],
            prompts=6,
            filters=1,
        )
        first: dict[str, Any] = evaluation.run()["rows"][0]["first"]
        return first

    other, none = run("zzz"), run("")
    assert other["refused_surely"] == none["refused_surely"] > 0
    assert (other["sure"]["mean"], none["sure"]["mean"]) == (1.0, 0.0)
    assert other["suggestion"] > other["again"]
    assert none["suggestion"] == none["again"] == other["again"]


def test_a_run_reports_each_number_of_outcomes_and_is_repeatable() -> None:
    evaluation = RewriteEvaluation(suggest=_suggest, prompts=6, filters=1)
    report = evaluation.run()
    assert report == evaluation.run()
    assert report["simulated"] is True
    rows = [row for row in report["rows"] if (row["source"], row["family"]) == ("*", "*")]
    assert [(row["outcomes"], row["n"]) for row in rows] == [(0, 6), (60, 6)]
    for row in rows:
        assert row["changed_fixed"] == 0
        assert row["slots_outside_kept"] in (None, 1.0)
        assert all(
            low <= share["mean"] <= high
            for share in row["passed"].values()
            for low, high in [share["interval"]]
        )


def test_a_prompt_without_suggestions_does_not_pass() -> None:
    report = RewriteEvaluation(suggest=lambda _prompt, _estimate: [], prompts=4, filters=1).run()
    assert {row["passed"]["suggestions"]["mean"] for row in report["rows"]} == {0.0}
    assert {row["without_suggestions"] for row in report["rows"]} == {4}
    with pytest.raises(InvalidField, match="more prompts"):
        RewriteEvaluation(suggest=_suggest, data=["a lake"] * 61, prompts=20, filters=1).run()


def test_a_changed_person_is_counted() -> None:
    report = RewriteEvaluation(
        suggest=lambda prompt, _estimate: _rewrite(prompt, r"\b[A-Za-z]+$|.$", " with twelve children"),
        prompts=4,
        filters=1,
    ).run()
    assert {(row["changed_fixed"], row["rewrites"]) for row in report["rows"]} == {(4, 4)}
