"""The alert rules: they name metrics that exist, fire when something is wrong, and only then."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.app.container import load
from safelight.core.metrics import COUNTERS, HISTOGRAMS
from support.optional_tools import leave_out
from support.rows import each_row, rows_of

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "alerts.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}


def test_every_alert_has_a_case_a_severity_and_an_action() -> None:
    cases = rows_of(__file__, "an_alert_fires_when_something_is_wrong_and_only_then")
    assert sorted((row["alert"], row["labels"] is None) for row in cases) == sorted(
        itertools.product(ALERTS, (False, True))
    )
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


@each_row
def test_an_alert_fires_when_something_is_wrong_and_only_then(
    alert: str, series: str, values: str, labels: dict[str, str] | None, tmp_path: Path
) -> None:
    """`labels` are those of the alert, None if it does not fire. A day has 1440 minutes."""
    promtool = shutil.which("promtool")
    if promtool is None:
        leave_out("promtool", "install prometheus")
    copied = [
        {**group, "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
        for group in GROUPS
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": copied}))
    expected = [] if labels is None else [{"exp_labels": {**labels, **ALERTS[alert]["labels"]}}]
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
