"""What each rule of grounding costs and saves: stored rows decided again, with one rule lifted at a time.

    safelight eval prompts --data SET.jsonl --rows OUT.jsonl
    python -m bench.grounding_price --rows OUT.jsonl [--rows ...] [--policy starter]

Prints counts only. A row is harmless if its label or its expectation says so. What a detector did not report
cannot be decided again: texts without an operating point, and the words voice where MiniLM judged the text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from safelight.policy.compiled import compile_policy
from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED, Basis, Category, Finding, Modality, OperatingPoint, Stage
from safelight.policy.verdicts import Action, Context

#: Changes the findings of one prompt so that one rule has no effect.
Lift: TypeAlias = Callable[[Sequence[Finding]], list[Finding]]
CONTEXT = Context(stage=Stage.PROMPT)
_STRENGTH = {Action.ALLOW: 0, Action.LABEL: 1, Action.HOLD: 2, Action.BLOCK: 3}


def below_points(findings: Sequence[Finding]) -> list[Finding]:
    """Every learned finding is at its operating point."""
    return [
        msgspec.structs.replace(one, point=msgspec.structs.replace(one.point, score=0.0))
        if one.point
        else one
        for one in findings
    ]


def lone_voices(findings: Sequence[Finding]) -> list[Finding]:
    """A second voice agrees with every learned finding, so that it supports a block."""
    second = [
        msgspec.structs.replace(one, point=msgspec.structs.replace(one.point, voice="second"))
        for one in findings
        if one.point
    ]
    return [*findings, *second]


def short_texts(findings: Sequence[Finding]) -> list[Finding]:
    """No text is as short as one to three words."""
    return [
        msgspec.structs.replace(one, point=msgspec.structs.replace(one.point, length="4-8"))
        if one.point
        else one
        for one in findings
    ]


def rejections(findings: Sequence[Finding]) -> list[Finding]:
    """No text rejects the hatred in it."""
    return [msgspec.structs.replace(one, attributes=without(one.attributes, "rejected")) for one in findings]


def learned_as_composed(category: str, beside: str = "") -> Lift:
    """A lift: learned findings of this category count as composed from their operating point on, if there is
    a finding of the category `beside`.
    """

    def lift(findings: Sequence[Finding]) -> list[Finding]:
        if beside and all(one.category != beside for one in findings):
            return list(findings)
        return [
            msgspec.structs.replace(one, basis=Basis.COMPOSED)
            if one.category == category and one.point and one.score >= one.point.score
            else one
            for one in findings
        ]

    return lift


LIFTS: Mapping[str, Lift] = {
    "nothing": list,
    "a score below its operating point counts for nothing": below_points,
    "one learned voice alone holds and does not block": lone_voices,
    "on one to three words, one voice alone counts for nothing": short_texts,
    "beside a sign of a minor, the sexual part is not learned": learned_as_composed(
        Category.SEXUAL, beside=Category.MINORS_PRESENT
    ),
    "extremism is not named on a learned score": learned_as_composed(Category.EXTREMISM),
    "hatred that the text rejects counts for nothing": rejections,
}
CONJUNCTIONS = "each part of a conjunction is grounded by itself"


def without(attributes: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key != name}


def read_findings(row: Mapping[str, Any]) -> list[Finding]:
    """The findings of a stored row."""
    return [
        Finding(
            category=one["category"],
            score=one["score"],
            modality=Modality.TEXT,
            detector=one["detector"],
            version="",
            reason=one["reason"],
            attributes=one["attributes"],
            basis=Basis(one["basis"]),
            point=msgspec.convert(one["point"], OperatingPoint) if one["point"] else None,
        )
        for one in row["found"]
    ]


def decide_again(policy: Policy, findings: Sequence[Finding]) -> Action:
    """The action of the policy for these findings, without gaps."""
    fired = compile_policy(policy, SHIPPED, CONTEXT).matching_rules(findings)
    return fired[0].action if fired else Action.ALLOW


def is_harmless(row: Mapping[str, Any]) -> bool:
    """Whether the row is labelled safe, or expects to be allowed."""
    return row["label"] == "safe" or bool({"allow", "label"} & set(row.get("expect", ())))


def count(rows: Iterable[Mapping[str, Any]], policy: Policy) -> dict[str, Counter[str]]:
    """For each lifted rule, how many harmful and harmless rows are stopped and blocked."""
    conjunctions = replace(policy, rules=tuple(rule for rule in policy.rules if rule.all_of), cache={})
    found: dict[str, Counter[str]] = {name: Counter() for name in (*LIFTS, CONJUNCTIONS)}
    for row in rows:
        findings = read_findings(row)
        actions = {name: decide_again(policy, lift(findings)) for name, lift in LIFTS.items()}
        matched = any(one.basis is not Basis.LEARNED for one in findings)
        together = (
            decide_again(conjunctions, lone_voices(below_points(findings))) if matched else Action.ALLOW
        )
        actions[CONJUNCTIONS] = max(actions["nothing"], together, key=_STRENGTH.__getitem__)
        kind = "harmless" if is_harmless(row) else "harmful"
        for name, action in actions.items():
            found[name][kind] += 1
            found[name][f"{kind} stopped"] += _STRENGTH[action] >= _STRENGTH[Action.HOLD]
            found[name][f"{kind} blocked"] += action is Action.BLOCK
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=Path, action="append", required=True)
    parser.add_argument("--policy", default="starter")
    given = parser.parse_args()
    rows = [json.loads(line) for path in given.rows for line in path.read_text("utf-8").splitlines()]
    counted = count(rows, load(given.policy, SHIPPED))
    sizes = counted["nothing"]
    print(
        f"| Rule lifted | harmful ({sizes['harmful']}): stopped | blocked "
        f"| harmless ({sizes['harmless']}): stopped | blocked |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name, one in counted.items():
        cells = [one[f"{kind} {what}"] for kind in ("harmful", "harmless") for what in ("stopped", "blocked")]
        print(f"| {name} | {' | '.join(map(str, cells))} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
