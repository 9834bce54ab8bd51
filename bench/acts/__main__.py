"""What a policy stops of the test sets of acts, and of other sets, as the prompt stage decides.

    python -m bench.acts [--policy starter] [--store FOLDER] [--data FILE.jsonl ...] [--every N] [--out FILE]
    python -m bench.acts --by lang
    python -m bench.acts --detector threats --no-test --data bench/threats/test_*.jsonl

It prints counts and never a row. Columns: what the policy stops without the detector (`acts`, if no other is
named); with it; with it if every finding of acts were a hold from its operating point; what it labels or
stops; and, of harmless rows, the alarms: any action but allow, or a finding that is a false alarm.
`--store` is the folder of models with `e5-small`. `--data` adds files of rows with `text`, and `label` or
`expect`. `--by` tells rows of acts apart by language or register. The prompt, the visible and the spoken
words of a row of `joint` are read as one text.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.screening import quantile

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.acts import POINT_SCORE
from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.policy.documents import load as load_policy
from safelight.policy.findings import SHIPPED, Finding, Modality, Stage
from safelight.policy.grounding import Grounding, Support
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageInput, evaluate, texts_sha256
from safelight_lab.evaluation.label_mapping import alarmed

#: The test sets, each by another writer.
TESTS = tuple(Path(__file__).parent / name for name in ("test", "test_second", "test_third", "test_fourth"))
#: How the kinds of rows of the later sets begin.
LATER_TESTS = {TESTS[1]: "second ", TESTS[2]: "third ", TESTS[3]: "fourth "}
#: The parts of a row that has no single text.
PARTS = ("prompt", "visible", "spoken")
ACTS = "acts"
#: Actions after which a request is not generated at once.
STOPS = frozenset({Action.HOLD, Action.BLOCK})
COLUMNS = ("without", "with", "if held")
LABELLED, ALARM = "labelled or stopped", "alarm"


@dataclass
class Counts:
    """The rows of one kind, and how many of them each column stops."""

    rows: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    #: Of the rows that are stopped only "if held": the categories.
    categories: Counter[str] = field(default_factory=Counter)


def read_rows(paths: Sequence[Path], every: int, by: str) -> Iterator[tuple[str, str]]:
    """The rows: the name of their kind, and the text. Rows of acts are told apart by the field `by`."""
    for path in map(Path.resolve, paths):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for line in lines[:: 1 if path.parent in TESTS else every]:
            row: dict[str, Any] = json.loads(line)
            text = row.get("text") or "\n".join(row[part] for part in PARTS if row[part])
            act = f" {row[by]}" if path.name == "acts.jsonl" else ""
            fine = f" {row['fine'].partition('|')[0]}" if row.get("fine") else ""
            label = row.get("label") or ("unsafe" if "block" in row["expect"] else "safe")
            yield f"{LATER_TESTS.get(path.parent, '')}{path.stem}{act}{fine} {label}", text


def is_act(finding: Finding, support: Support) -> bool:
    return (
        finding.detector == ACTS
        and finding.score >= POINT_SCORE
        and support >= Support.HOLD
        and "/" in finding.category
    )


class Judge:
    """Stops texts as the prompt stage does."""

    def __init__(self, policy: str, detector: str) -> None:
        self._detector = detector
        self._policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load_policy(policy, SHIPPED))

    def columns(self, text: str, report: TextReport) -> tuple[set[str], str]:
        """The columns in which the text counts, and the category of its strongest act."""
        without = tuple(one for one in report.findings if one.detector != self._detector)
        found = set()
        if self._action(text, report, without) in STOPS:
            found.add("without")
        action = self._action(text, report, report.findings)
        if action in STOPS:
            found |= {"with", "if held"}
        if action is not Action.ALLOW:
            found |= {LABELLED, ALARM}
        if alarmed(report.findings):
            found.add(ALARM)
        grounding = Grounding(report.findings)
        acts = [one for one in report.findings if is_act(one, grounding.support(one))]
        return (found | {"if held"} if acts else found), acts[0].category if acts else ""

    def _action(self, text: str, report: TextReport, findings: tuple[Finding, ...]) -> Action:
        given = StageInput(
            stage=Stage.PROMPT,
            subject_sha256=texts_sha256({"prompt": text}),
            findings=findings,
            coverage=report.cells,
            modalities=frozenset({Modality.TEXT}),
        )
        return evaluate(self._policy, given).verdict.action


def count(rows: Iterator[tuple[str, str]], pipeline: TextPipeline, judge: Judge) -> dict[str, Any]:
    counts: dict[str, Counts] = {}
    costs: list[float] = []
    for kind, text in rows:
        began = time.process_time()
        report = pipeline.screen({"prompt": text})
        costs.append((time.process_time() - began) * 1000)
        one = counts.setdefault(kind, Counts())
        one.rows += 1
        stopped, category = judge.columns(text, report)
        one.stopped.update(stopped)
        if category:
            one.categories[category] += 1
    costs.sort()
    return {
        "counts": {
            kind: {"rows": one.rows, **one.stopped, "categories": dict(one.categories.most_common())}
            for kind, one in sorted(counts.items())
        },
        "cpu_ms": {"p50": round(quantile(costs, 0.5), 1), "p99": round(quantile(costs, 0.99), 1)},
    }


def table(counts: dict[str, Any]) -> str:
    """The counts as a table of Markdown, with Wilson's interval of the column `if held`."""
    shown = (*COLUMNS, LABELLED, ALARM)
    lines = [f"| rows | n | {' | '.join(shown)} | 95 % of {COLUMNS[-1]} |", "| --- " * (len(shown) + 3) + "|"]
    for kind, one in counts.items():
        rates = [f"{100 * one.get(name, 0) / one['rows']:.1f}" for name in shown]
        low, high = wilson(one.get("if held", 0), one["rows"])
        lines.append(
            f"| {kind} | {one['rows']} | {' | '.join(rates)} | {100 * low:.1f} to {100 * high:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="starter")
    parser.add_argument("--detector", default=ACTS)
    parser.add_argument("--store", default="")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="of the files of --data, read every Nth row")
    parser.add_argument("--by", choices=("act", "lang", "register"), default="act", help="of rows of acts")
    parser.add_argument("--no-test", action="store_true", help="only the files of --data")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    registry = DetectorRegistry.discover({given.detector: {"store": given.store}})
    pipeline = TextPipeline(registry.text_detectors(), budget_s=30.0)
    paths = [] if given.no_test else [path for folder in TESTS for path in sorted(folder.glob("*.jsonl"))]
    found = count(
        read_rows([*paths, *given.data], given.every, given.by),
        pipeline,
        Judge(given.policy, given.detector),
    )
    if given.out:
        given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(table(found["counts"]))
    print(found["cpu_ms"])


if __name__ == "__main__":
    main()
