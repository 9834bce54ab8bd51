"""Alert rules and dashboard: they name metrics that exist, and an alert fires only if something is wrong."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import ProcessCollector

from safelight.app.container import load
from safelight.core.metrics import COUNTERS, HISTOGRAMS
from safelight.policy.statistics import wilson
from support.optional_tools import leave_out
from support.rows import each_row, rows_of

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
ALL = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDED: dict[str, str] = {rule["record"]: rule["expr"] for rule in ALL if "record" in rule}
BOARD = json.loads((ROOT / "deploy" / "grafana" / "safelight.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = {f"{panel['title']} {one['refId']}": one["expr"] for panel in PANELS for one in panel["targets"]}
EXPRESSIONS = {**{name: rule["expr"] for name, rule in ALERTS.items()}, **RECORDED, **QUERIES}
#: A metric, `up` or a recorded series, with its conditions on labels.
_SERIES = re.compile(r"\b(up|(?:safelight|process)[_:][\w:]+)(\{(?:[^}\"]|\"[^\"]*\")*\})?")


def test_every_alert_has_a_case_a_severity_and_an_action() -> None:
    cases = rows_of(__file__, "an_alert_fires_when_something_is_wrong_and_only_then")
    assert sorted((row["alert"], row["labels"] is None) for row in cases) == sorted(
        itertools.product(ALERTS, (False, True))
    )
    for rule in ALERTS.values():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "action", "page"}
        page, _, anchor = rule["annotations"]["page"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE)
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of each metric."""
    found = {metric.name: set(metric.labels) for metric in COUNTERS}
    for histogram in HISTOGRAMS:
        found[f"{histogram.name}_count"] = set(histogram.labels)
        found[f"{histogram.name}_bucket"] = {*histogram.labels, "le"}
    container = load(None, data=tmp_path_factory.mktemp("data"))
    found |= {gauge.name: set(gauge.labels) for gauge in container.gauges.read()}
    found |= {
        sample.name: set() for one in ProcessCollector(registry=None).collect() for sample in one.samples
    }
    # Prometheus adds the target's labels.
    return {name: labels | {"job", "instance"} for name, labels in {**found, "up": set()}.items()}


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_an_expression_names_metrics_and_labels_that_exist(where: str, known: dict[str, set[str]]) -> None:
    series = _SERIES.findall(EXPRESSIONS[where])
    assert series
    for name, conditions in series:
        if name in RECORDED:
            continue
        assert name in known
        assert set(re.findall(r"(\w+)[=!]", re.sub(r'"[^"]*"', "", conditions))) <= known[name]
        for grouped in re.findall(r"(?:by|on) \(([^)]*)\)", EXPRESSIONS[where]):
            assert set(grouped.split(", ")) <= known[name]


def test_every_metric_of_the_gateway_is_in_an_alert_or_on_the_dashboard(known: dict[str, set[str]]) -> None:
    used = {name for text in EXPRESSIONS.values() for name, _ in _SERIES.findall(text)}
    ours = {name for name in known if name.startswith("safelight_")}
    assert {name.removesuffix("_count").removesuffix("_bucket") for name in ours - used} <= {
        name.removesuffix("_count").removesuffix("_bucket") for name in used
    }


def test_the_dashboard_has_its_rows_and_its_legends_name_labels_of_its_queries() -> None:
    rows = [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Requests", "Screening", "Generators", "Review", "Provenance", "Machine"]
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for one in (one for panel in PANELS for one in panel["targets"]):
        grouped = {label for text in re.findall(r"by \(([^)]*)\)", one["expr"]) for label in text.split(", ")}
        assert set(re.findall(r"\{\{(\w+)\}\}", one["legendFormat"])) <= grouped | {"instance"}


def promtool(*arguments: str, folder: Path) -> None:
    """Raise `AssertionError` unless promtool accepts the files in `folder`."""
    found = shutil.which("promtool")
    if found is None:
        leave_out("promtool", "install prometheus")
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_query_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES.values())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", "rules.yml", folder=tmp_path)


@pytest.mark.parametrize(("found", "answers"), [(0, 300), (1, 300), (20, 500), (300, 300)])
def test_the_rate_of_missed_harm_has_wilsons_interval(found: int, answers: int, tmp_path: Path) -> None:
    low, high = wilson(found, answers)
    expected = {"low": low, "rate": found / answers, "high": high}
    series = 'safelight_sample_answers{instance="g1",stratum="light",answer="%s"}'
    counts = {"against_policy": found, "in_policy": answers - found}
    test = {
        "rule_files": [str(RULES)],
        "tests": [
            {
                "input_series": [
                    {"series": series % answer, "values": f"{count}x5"}
                    for answer, count in counts.items()
                    if count
                ],
                "promql_expr_test": [
                    {
                        "expr": f"round(safelight:missed_harm:{name}, 0.0001)",
                        "eval_time": "5m",
                        "exp_samples": [
                            {"labels": '{instance="g1",stratum="light"}', "value": round(value, 4)}
                        ],
                    }
                    for name, value in expected.items()
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", "test.yml", folder=tmp_path)


@each_row
def test_an_alert_fires_when_something_is_wrong_and_only_then(
    alert: str, series: dict[str, str], labels: dict[str, str] | None, tmp_path: Path
) -> None:
    """`labels` are those of the alert, None if it does not fire. A day has 1440 minutes."""
    needed = [
        {k: v for k, v in rule.items() if k != "annotations"}
        for rule in ALL
        if "record" in rule or rule["alert"] == alert
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "rules", "rules": needed}]}))
    expected = [] if labels is None else [{"exp_labels": {**labels, **ALERTS[alert]["labels"]}}]
    whole = {re.sub(r'le="[^"]*"', 'le="+Inf"', name): values for name, values in series.items()}
    # Some compare with the hour a day ago, or a whole day with the one before.
    minutes = 40 + 1440 * sum(one in ALERTS[alert]["expr"] for one in ("offset 1d", ":share offset 1d"))
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in {**series, **whole}.items()
                ],
                "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", "test.yml", folder=tmp_path)
