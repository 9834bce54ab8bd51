from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from safelight.errors import InvalidField
from safelight.evaluation.protocol import CaseOutcome, EvalCase
from safelight.policy.categories import SHIPPED
from safelight.policy.findings import Attribute, Basis, Finding, Modality, OperatingPoint
from safelight_lab.evaluation import holdout_log
from safelight_lab.evaluation.label_mapping import alarmed, fine_labels, hits, labels, right_categories
from safelight_lab.evaluation.ranking import RANKING, ranked


def finding(
    category: str,
    score: float = 0.9,
    *,
    basis: Basis = Basis.MATCHED,
    point: float | None = None,
    **attributes: Attribute,
) -> Finding:
    return Finding(
        basis=basis,
        point=None if point is None else operating_point(point),
        category=category,
        score=score,
        modality=Modality.TEXT,
        detector="d",
        version="1",
        reason="Seen.",
        attributes=attributes,
    )


def operating_point(score: float) -> OperatingPoint:
    return OperatingPoint(
        voice="english",
        language="en",
        length="4-8",
        score=score,
        false_alarm_rate=0.001,
        low=0.0,
        high=0.01,
        sample=500,
    )


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
    assert right_categories(harmful("hate")) == {"hate", "hate/symbols", "harassment"}
    assert right_categories(harmful("illicit", "privacy")) == {"illicit", "privacy"}
    assert right_categories(harmful("sexual", source="t2vsafetybench", fine="gore")) == {
        "violence",
        "violence/graphic",
    }
    several = "Political_Sensitivity--Political_Metaphor|Illegal_Activities--Drug_Crimes"
    assert right_categories(harmful("political", source="t2i_risky", fine=several)) == {"illicit"}
    assert right_categories(harmful("hate", source="cold", fine="region")) == {*labels()["hate"]}


def test_a_row_is_unmapped_if_none_of_its_labels_says_what_it_is() -> None:
    assert not right_categories(harmful())
    assert not right_categories(harmful("temporal"))
    assert not right_categories(harmful("sexual", source="t2vsafetybench", fine="coherent_context"))


def test_a_finding_counts_from_its_operating_point_up() -> None:
    hate = frozenset({"hate"})
    assert hits([finding("hate", 0.5)], hate)
    assert not hits([finding("hate", 0.49)], hate)
    assert not hits([finding("sexual")], hate)
    assert hits([finding("hate", 0.41, basis=Basis.LEARNED, point=0.4)], hate)
    assert not hits([finding("hate", 0.6, basis=Basis.LEARNED, point=0.7)], hate)
    assert not hits([finding("hate", 0.99, basis=Basis.LEARNED)], hate)


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
