from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from safelight.core.errors import ConfigurationError
from safelight.detectors.protocol import TextContent
from safelight.detectors.text import plugins
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Finding
from safelight_lab.evaluation import prompt_eval, protocol, reports
from safelight_lab.evaluation.attacks import DISGUISE
from safelight_lab.evaluation.datasets import DataSet
from safelight_lab.evaluation.metrics import LATENCY, RATES
from safelight_lab.evaluation.protocol import CaseOutcome, EvalCase

POLICIES = {name: load(name, SHIPPED) for name in ("starter", "strict")}


def case(text: str, *categories: str) -> EvalCase:
    label = "unsafe" if categories else "safe"
    return EvalCase(text=text, label=label, categories=categories, source="mine", lang="en")


DATA = DataSet(
    name="mine",
    sha256="0" * 64,
    cases=(
        case("a nude woman", "sexual"),
        case("a quiet but bad scene", "sexual"),
        case("a waterfall"),
        case("children play"),
    ),
)


def pipeline() -> TextPipeline:
    return TextPipeline([plugins.WORDS.load({}), plugins.PATTERNS.load({}), plugins.CONJUNCTION.load({})])  # type: ignore[list-item]


def evaluation(pipeline: TextPipeline, metrics: list[protocol.Metric]) -> prompt_eval.PromptEvaluation:
    return prompt_eval.PromptEvaluation(
        pipeline=pipeline, taxonomy=SHIPPED, policies=POLICIES, metrics=metrics
    )


def measured(**more: Any) -> dict[str, Any]:
    return evaluation(pipeline(), [RATES, LATENCY]).run([DATA], **more).as_json()


def rows(report: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["attack"], row["label"], row["category"]): row for row in report["rows"]}


def test_found_and_blocked_are_counted_by_source_label_and_category() -> None:
    report = measured()
    found = rows(report)
    assert found["", "unsafe", "sexual"]["found"] == 1
    assert found["", "unsafe", "*"]["blocked"] == {"starter": 1, "strict": 1}
    assert found["", "safe", "*"] == {
        **found["", "safe", "*"],
        "n": 2,
        "found": 0,
        "blocked": {"starter": 0, "strict": 0},
    }
    assert (
        found["", "unsafe", "*"]["intervals"]["found"][0]
        < 0.5
        < found["", "unsafe", "*"]["intervals"]["found"][1]
    )
    assert report["latency_ms"]["n"] == 4
    assert report["latency_ms"]["incomplete"] == 0
    json.dumps(report)


def test_an_attack_rewrites_only_unsafe_prompts_and_is_detected() -> None:
    seen: list[CaseOutcome] = []
    report = measured(attacks=[DISGUISE], observe=seen.append)
    found = rows(report)
    assert ("disguise", "safe", "*") not in found
    assert found["disguise", "unsafe", "*"]["n"] == 8
    assert found["disguise", "unsafe", "*"]["blocked"]["starter"] == 4
    assert len(seen) == 12


def test_the_model_hash_changes_with_a_detector() -> None:
    whole = measured()["model_hash"]
    patterns = TextPipeline([plugins.PATTERNS.load({})])  # type: ignore[list-item]
    less = evaluation(patterns, [RATES]).run([DATA])
    assert whole != less.model_hash
    assert less.as_json()["latency_ms"] == {}


def test_a_gap_is_counted() -> None:
    class Broken:
        name, version, capabilities = "broken", "1", plugins.WORDS.capabilities

        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            raise RuntimeError

    report = evaluation(TextPipeline([Broken()]), [LATENCY, RATES]).run([DATA]).as_json()
    assert report["latency_ms"]["incomplete"] == 4
    (total,) = [row for row in report["rows"] if row["label"] == "safe"]
    assert total["blocked"]["starter"] + total["held"]["starter"] == 2


class Count:
    name = "count"

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any:
        return len(outcomes)


def test_the_page_escapes_names_shows_no_prompt_and_has_the_metrics_of_other_packages() -> None:
    report = evaluation(pipeline(), [RATES, LATENCY, Count()]).run([DATA]).as_json()
    assert report["metrics"] == {"count": 4}
    report["datasets"][0]["name"] = "<script>"
    page = reports.html(report)
    assert "<script>" not in page
    assert "nude" not in page
    assert "Blocked by starter" in page
    assert "count" in page


@pytest.mark.parametrize("value", ["no_such_module:X", "safelight_lab.evaluation.metrics:FOUND"])
def test_a_failing_metric_is_named(value: str) -> None:
    points = [EntryPoint(name="bad", value=value, group=protocol.METRICS)]
    with pytest.raises(ConfigurationError, match="'bad'"):
        protocol.load_installed(protocol.METRICS, protocol.Metric, points=points)  # type: ignore[type-abstract]
