from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from safelight.core.errors import InvalidField
from safelight.policy.findings import SHIPPED, Finding, Group, categories_of
from safelight_lab.evaluation import holdout_log
from safelight_lab.evaluation.label_mapping import alarmed, fine_labels, hits, labels, right_categories
from safelight_lab.evaluation.protocol import CaseOutcome, EvalCase
from safelight_lab.evaluation.ranking import RANKING, ranked
from support.verdicts import learned, seen


def harmful(*categories: str, source: str = "mine", fine: str = "") -> EvalCase:
    return EvalCase(text="x", label="unsafe", categories=categories, source=source, lang="en", fine=fine)


def outcome(label: str, source: str, *findings: Finding) -> CaseOutcome:
    case = EvalCase(text="x", label=label, categories=(), source=source, lang="en")
    return CaseOutcome(case=case, findings=findings, latency_ms=1.0, complete=True)


def test_every_mapped_category_exists() -> None:
    tables = [labels(), *fine_labels().values()]
    assert all(tables)
    assert all(name in SHIPPED for table in tables for ours in table.values() for name in ours)


def test_a_parent_category_includes_its_children_except_sexual_minors() -> None:
    for spec in SHIPPED:
        parent = spec.name.partition("/")[0]
        if parent != spec.name and spec.name != "sexual/minors" and parent in labels():
            assert spec.name in labels()[parent]
    assert all("sexual/minors" not in ours for ours in labels().values())


def test_the_right_categories_come_from_the_labels_or_from_the_finer_ones_of_the_source() -> None:
    assert right_categories(harmful("hate")) == {
        *("hate", "hate/symbols", "hate/dehumanisation", "harassment")
    }
    assert right_categories(harmful("illicit", "privacy")) == {"illicit", "privacy"}
    assert right_categories(harmful("sexual", source="t2vsafetybench", fine="gore")) == categories_of(
        Group.VIOLENCE
    )
    several = "Political_Sensitivity--Political_Metaphor|Illegal_Activities--Drug_Crimes"
    assert right_categories(harmful("political", source="t2i_risky", fine=several)) == {"illicit"}
    assert right_categories(harmful("hate", source="cold", fine="region")) == {*labels()["hate"]}
    vague = harmful("sexual", source="t2vsafetybench", fine="coherent_context")
    for unmapped in (harmful(), harmful("temporal"), vague):
        assert not right_categories(unmapped)


def test_a_finding_counts_from_its_operating_point_up() -> None:
    hate = frozenset({"hate"})
    assert hits([seen("hate", 0.5)], hate)
    assert not hits([seen("hate", 0.49)], hate)
    assert not hits([seen("sexual")], hate)
    assert hits([learned("hate", 0.41, at=0.4)], hate)
    assert not hits([learned("hate", 0.6, at=0.7)], hate)
    assert not hits([learned("hate", 0.99, at=None)], hate)


@pytest.mark.parametrize(
    ("one", "alarm"),
    [
        (seen("minors-present"), False),
        (seen("likeness", named=True), False),
        (seen("likeness", kind="face"), False),
        (seen("likeness", kind="match"), True),
        (seen("likeness"), True),
        (seen("ip/brand", role="passing"), False),
        (seen("ip/brand", role="subject"), True),
        (seen("violence", 0.5), True),
        (seen("violence", 0.4999), False),
    ],
)
def test_neutral_facts_and_incidental_names_are_not_false_alarms(one: Finding, alarm: bool) -> None:
    assert alarmed([one]) is alarm


def test_ranking_handles_perfect_useless_and_tied_scores() -> None:
    assert ranked([0.9, 0.8], [0.1, 0.2]) == {
        "auroc": 1.0,
        "ap": 1.0,
        "recall_at_1": 1.0,
        "recall_at_5": 1.0,
    }
    tied = ranked([0.0, 0.0], [0.0, 0.0])
    assert (tied["auroc"], tied["recall_at_5"]) == (0.5, 0.0)
    assert ranked([0.1], [0.9])["auroc"] == 0.0


def test_a_source_without_harmless_prompts_is_ranked_against_harmless_sources() -> None:
    rows = RANKING.measure(
        [
            outcome("unsafe", "bad", seen("hate", 0.9)),
            outcome("safe", "good"),
            outcome("unsafe", "mixed", seen("hate", 0.4)),
            outcome("safe", "mixed", seen("hate", 0.6)),
        ]
    )
    assert {row["source"]: (row["against"], row["auroc"]) for row in rows} == {
        "bad": (1, 1.0),
        "mixed": (1, 0.0),
    }


def test_a_measuring_only_set_requires_a_holdout_log_entry(tmp_path: Path) -> None:
    known = next(iter(holdout_log.SETS))
    assert holdout_log.log_for(["0" * 64], None) is None
    with pytest.raises(InvalidField, match="holdout set"):
        holdout_log.log_for([known], tmp_path / "gone.md")
    log = tmp_path / "log.md"
    log.write_text("# Log\n", encoding="utf-8")
    assert holdout_log.log_for([known], log) == log
    row = {
        "source": "s", "attack": "", "label": "unsafe", "category": "*", "n": 3, "found": 2,
        "blocked": {"starter": 1},
    }  # fmt: skip
    report = {
        "model_hash": "ab" * 32,
        "datasets": [{"name": "s", "sha256": known, "n": 3}],
        "attacks": [],
        "thresholds": {"found": 0.5},
        "rows": [row],
    }
    holdout_log.append(
        log, holdout_log.format_entry(report, now=dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC))
    )
    text = log.read_text(encoding="utf-8")
    assert "## 2026-01-02 03:04 UTC, model `abababababababab`" in text
    assert "| s | - | unsafe | * | 3 | 2 | starter 1 |" in text
