"""How prompts on prevention, counter-speech and help are scored, and how many acts of harm are found.

    python -m bench.prevention

Reads bench/acts/fit, no row of bench/acts/test. MiniLM's weights are needed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.distress import read
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Category, Group, categories_of
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.prompt import PromptStage

HARM = categories_of(
    *(Group.SEXUAL, Group.VIOLENCE, Group.SELF_HARM, Group.HATE, Group.EXTREMISM, Group.ILLICIT),
    Group.DECEPTION,
) - {Category.SELF_HARM_INTENT.value}
POLICY = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load("starter", SHIPPED))
SCORES = (0.5, 0.7, 0.8)


def print_counts(stage: PromptStage, name: str, label: str) -> None:
    texts = [row["text"] for row in read(name) if row["label"] == label]
    counts, stopped = dict.fromkeys(SCORES, 0), 0
    for text in texts:
        result = stage.screen({"prompt": text}, POLICY)
        stopped += result.verdict.action.severity >= Action.HOLD.severity
        scores = [
            one.score
            for one in result.findings
            if one.category in HARM
            and not one.attributes.get("rejected")
            and not one.attributes.get("negated")
        ]
        for score in SCORES:
            counts[score] += max(scores, default=0.0) >= score
    print(
        f"{name}, {label}: {len(texts)} texts, {stopped} stopped, at or above a score: {counts}", flush=True
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        registry = DetectorRegistry.discover({"minilm": {"cache_dir": str(Path(cache))}})
        stage = PromptStage(pipeline=TextPipeline(registry.text_detectors(), budget_s=60))
        print_counts(stage, "prevention", "safe")
        for name in ("self-harm", "sexual", "real-person", "method", "deception", "dehumanisation"):
            print_counts(stage, name, "unsafe")


if __name__ == "__main__":
    main()
