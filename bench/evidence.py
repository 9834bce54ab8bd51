"""Whether evidence is small, and is what the finding stands on.

    python -m bench.evidence [--count 100] [--lang en|zh]

Of the committed examples that are never fitted, a fixed random sample of harmful ones that are found: how
much of the tokens the evidence in the strongest finding's category takes, whether the category is gone when
it is cut out, and whether it is back when it stands in a harmless scene. Shows no prompt.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections import Counter
from typing import Any

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.attribution import mask_tokens, token_spans
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Finding, TextSpan
from safelight_lab.evaluation.label_mapping import FOUND, is_false_positive
from safelight_lab.training.training_data import Split, load_committed

#: A harmless scene on either side.
CARRIERS = {
    False: ("A quiet harbour at dawn, slow pan over fishing boats. ", " Gulls circle above the pier."),
    True: ("清晨安静的港口，镜头缓缓扫过渔船。", "海鸥在码头上空盘旋。"),
}


def over(pipeline: TextPipeline, text: str) -> list[Finding]:
    found = pipeline.screen({"prompt": text}).findings
    return [one for one in found if one.score >= FOUND and is_false_positive(one)]


def spans(findings: list[Finding], category: str) -> list[tuple[int, int]]:
    """The places of all findings in a category, joined where they touch."""
    places = sorted(
        {
            (span.start, span.end)
            for one in findings
            if one.category == category
            for span in one.evidence
            if isinstance(span, TextSpan)
        }
    )
    joined: list[tuple[int, int]] = []
    for start, end in places:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def share(text: str, places: list[tuple[int, int]]) -> float:
    every = token_spans(text)
    inside = [one for one in every if any(one[0] < end and start < one[1] for start, end in places)]
    return len(inside) / max(len(every), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--lang", choices=("en", "zh"))
    given = parser.parse_args()
    pipeline = TextPipeline(DetectorRegistry.discover({}).text_detectors(), budget_s=60, total_s=120)
    kept = [one for one in load_committed() if one.split is Split.REPORT and one.categories]
    kept = [one for one in kept if given.lang is None or one.chinese is (given.lang == "zh")]
    random.Random(4).shuffle(kept)
    shares: list[float] = []
    counts: Counter[str] = Counter()
    for one in kept:
        if counts["prompts"] == given.count:
            break
        findings = over(pipeline, one.text)
        if not findings:
            continue
        strongest = max(findings, key=lambda finding: finding.score)
        places = spans(findings, strongest.category)
        counts["prompts"] += 1
        counts[f"by {strongest.detector}"] += 1
        shares.append(share(one.text, places))
        counts["small"] += shares[-1] <= 0.3
        rest = over(pipeline, mask_tokens(one.text, places))
        gone = all(finding.category != strongest.category for finding in rest)
        before, after = CARRIERS[one.chinese]
        moved = before + " ".join(one.text[start:end] for start, end in places) + after
        back = any(finding.category == strongest.category for finding in over(pipeline, moved))
        counts["gone without it"] += gone
        counts["back in a harmless scene"] += back
        counts["all three"] += gone and back and shares[-1] <= 0.3
    figures: dict[str, Any] = dict(sorted(counts.items()))
    if shares:
        figures["median share of the tokens"] = round(statistics.median(shares), 3)
        figures["largest share"] = round(max(shares), 3)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
