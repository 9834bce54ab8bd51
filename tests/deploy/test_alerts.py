"""The alert rules: they name metrics that exist, fire when something is wrong, and only then."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.bootstrap import load
from safelight.metrics import COUNTERS, HISTOGRAMS
from support.optional_tools import leave_out

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "alerts.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
G = 'instance="g1"'
#: Per alert: a series that fires it, the labels of the alert, and a series that does not. A day has 1440
#: minutes.
CASES: dict[str, tuple[tuple[str, str], dict[str, str], tuple[str, str]]] = {
    "SafelightDown": (
        ('up{job="safelight"}', "0x1500"),
        {"job": "safelight"},
        ('up{job="safelight"}', "1x1500"),
    ),
    "SafelightBackgroundPartDown": (
        ('safelight_background_part_up{part="sweeper"}', "0x1500"),
        {"part": "sweeper"},
        ('safelight_background_part_up{part="sweeper"}', "1x1500"),
    ),
    "SafelightRowsParked": (
        ('safelight_background_part_parked_rows{part="sweeper"}', "1x1500"),
        {"part": "sweeper"},
        ('safelight_background_part_parked_rows{part="sweeper"}', "0x1500"),
    ),
    "SafelightDatabaseDown": (
        ("safelight_database_up", "0x1500"),
        {},
        ("safelight_database_up", "1x1500"),
    ),
    "SafelightDatabaseErrors": (
        (f'safelight_database_errors_total{{kind="busy",{G}}}', "0+10x1500"),
        {"kind": "busy", "instance": "g1"},
        (f'safelight_database_errors_total{{kind="busy",{G}}}', "5x1500"),
    ),
    "SafelightEngineErrors": (
        (f'safelight_engine_errors_total{{level="error",{G}}}', "0+2x1500"),
        {"instance": "g1"},
        (f'safelight_engine_errors_total{{level="warning",{G}}}', "0+2x1500"),
    ),
    "SafelightDetectorTimeouts": (
        (f'safelight_detector_timeouts_total{{detector="minilm",{G}}}', "0+1x1500"),
        {"detector": "minilm", "instance": "g1"},
        (f'safelight_detector_timeouts_total{{detector="minilm",{G}}}', "3x1500"),
    ),
    "SafelightNewCoverageGap": (
        (
            'safelight_coverage_gaps_total{stage="output",category="hate",modality="frames"}',
            "0x1400 0+1x100",
        ),
        {"stage": "output", "category": "hate", "modality": "frames"},
        ('safelight_coverage_gaps_total{stage="output",category="hate",modality="frames"}', "0+1x1500"),
    ),
    "SafelightQueueStalled": (
        ('safelight_longest_unchanged_seconds{state="scanning"}', "0+60x1500"),
        {"state": "scanning"},
        ('safelight_longest_unchanged_seconds{state="scanning"}', "300x1500"),
    ),
    "SafelightReviewsWait": (
        ('safelight_longest_unchanged_seconds{state="held"}', "0+60x1500"),
        {"state": "held"},
        ('safelight_longest_unchanged_seconds{state="held"}', "600x1500"),
    ),
    "SafelightUpstreamDown": (
        ('safelight_upstream_up{generator="wan"}', "0x1500"),
        {"generator": "wan"},
        ('safelight_upstream_up{generator="wan"}', "1x1500"),
    ),
    "SafelightUpstreamPaused": (
        ('safelight_upstream_paused{generator="wan"}', "1x1500"),
        {"generator": "wan"},
        ('safelight_upstream_paused{generator="wan"}', "0x1500"),
    ),
    "SafelightServerErrors": (
        (f'safelight_request_seconds_count{{status="503",{G}}}', "0+3x1500"),
        {"instance": "g1"},
        (f'safelight_request_seconds_count{{status="400",{G}}}', "0+3x1500"),
    ),
    "SafelightSlowPolls": (
        (
            f'safelight_request_seconds_bucket{{method="GET",route="/v1/videos/{{video_id}}",le="2.5",{G}}}',
            "0+9x1500",
        ),
        {"instance": "g1"},
        (
            f'safelight_request_seconds_bucket{{method="GET",route="/v1/videos/{{video_id}}",le="0.1",{G}}}',
            "0+9x1500",
        ),
    ),
}


def test_every_alert_has_a_case_a_severity_and_an_action() -> None:
    assert ALERTS.keys() == CASES.keys()
    for rule in ALERTS.values():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "action"}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of each metric."""
    found = {metric.name: set(metric.labels) for metric in COUNTERS}
    for histogram in HISTOGRAMS:
        found[f"{histogram.name}_count"] = set(histogram.labels)
        found[f"{histogram.name}_bucket"] = {*histogram.labels, "le"}
    container = load(None, data=tmp_path_factory.mktemp("data"))
    found |= {gauge.name: set(gauge.labels) for gauge in container.gauges.read()}
    return {**found, "up": {"job"}}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_names_metrics_and_labels_that_exist(alert: str, known: dict[str, set[str]]) -> None:
    expression = ALERTS[alert]["expr"]
    for name, labels in re.findall(r"\b(up|safelight_\w+)(\{[^}]*\})?", expression.replace("{video_id}", "")):
        assert name in known
        assert set(re.findall(r"(\w+)=", labels)) <= known[name]
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert set(grouped.split(", ")) <= known[name] | {"instance"}


@pytest.mark.parametrize("fires", [True, False])
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_something_is_wrong_and_only_then(
    alert: str, fires: bool, tmp_path: Path
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        leave_out("promtool", "install prometheus")
    wrong, labels, right = CASES[alert]
    series, values = wrong if fires else right
    copied = [
        {**group, "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
        for group in GROUPS
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": copied}))
    expected = [{"exp_labels": {**labels, **ALERTS[alert]["labels"]}}] if fires else []
    series_list = [{"series": series, "values": values}]
    if "_bucket" in series:
        series_list.append({"series": re.sub(r'le="[^"]*"', 'le="+Inf"', series), "values": values})
    minutes = "1490m" if "offset 1d" in ALERTS[alert]["expr"] else "40m"
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series_list,
                "alert_rule_test": [{"eval_time": minutes, "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
