from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from safelight.errors import InvalidField
from safelight.evaluation import holdout_log
from safelight.evaluation.label_mapping import alarmed, hits, labels
from safelight.evaluation.protocol import CaseOutcome, EvalCase
from safelight.evaluation.ranking import RANKING, ranked
from safelight.policy.categories import SHIPPED
from safelight.policy.findings import Attribute, Finding, Modality


def finding(category: str, score: float = 0.9, **attributes: Attribute) -> Finding:
    return Finding(
        category=category,
        score=score,
        modality=Modality.TEXT,
        detector="d",
        version="1",
        reason="Seen.",
        attributes=attributes,
    )


def outcome(label: str, source: str, *findings: Finding) -> CaseOutcome:
    case = EvalCase(text="x", label=label, categories=(), source=source, lang="en")
    return CaseOutcome(case=case, findings=findings, actions={}, latency_ms=1.0, complete=True)


def test_every_mapped_category_exists() -> None:
    assert labels()
    assert all(name in SHIPPED for ours in labels().values() for name in ours)


def test_a_hit_matches_the_label_and_exceeds_the_operating_point() -> None:
    assert hits([finding("violence")], ["disturbing"])
    assert hits([finding("hate")], ["hate"])
    assert hits([finding("illicit")], ["a label of theirs", "illicit"])
    assert not hits([finding("violence", 0.49)], ["disturbing"])
    assert not hits([finding("ip/brand")], ["disturbing"])
    assert not hits([], ["hate"])


@pytest.mark.parametrize(
    ("one", "alarm"),
    [
        (finding("minors-present"), False),
        (finding("likeness", named=True), False),
        (finding("likeness", kind="face"), False),
        (finding("likeness", kind="match"), True),
        (finding("likeness"), True),
        (finding("ip/brand", role="passing"), False),
        (finding("ip/brand", role="subject"), True),
        (finding("violence", 0.5), True),
        (finding("violence", 0.4999), False),
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
            outcome("unsafe", "bad", finding("hate", 0.9)),
            outcome("safe", "good"),
            outcome("unsafe", "mixed", finding("hate", 0.4)),
            outcome("safe", "mixed", finding("hate", 0.6)),
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
