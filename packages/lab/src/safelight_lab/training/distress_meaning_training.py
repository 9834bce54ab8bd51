"""The texts on which the classifier of distress that reads meaning is trained: pairs of a statement of
distress and a harmless twin, and other harmless texts.

The operating point is chosen on the families whose hash is even; the others measure.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.distress import MAX_DOUBT, SCORE, is_first_person
from safelight.detectors.text.normalise import normalize_text
from safelight.policy.findings import Category

from .meaning_training import MAX_CHARS, Kind, percentile, with_generated
from .training_data import Example

#: Files of pairs of bench/acts/fit. In them a statement has the label `distress`.
PAIRS = ("distress", "distress_more", "denials")
#: Largest share of the harmless twins that may get help lines.
TWIN_BUDGET = 0.025
#: Per cent of the families of committed harmless texts that are not in the first person and are fitted.
FITTED_PROMPTS = 13


def distress_kind() -> Kind:
    """Statements of distress, of which rules find some."""
    rules = CompositionDetector(
        shipped_compositions(), name="distress", categories=[Category.SELF_HARM_INTENT.value]
    )

    def leeway(content: TextContent) -> float:
        """Rules that find a wish to die decide alone; those that find despair do if the meaning is near."""
        score = max((one.score for one in rules.inspect_text(content)), default=0.0)
        return math.inf if score > SCORE else MAX_DOUBT if score > 0 else 0.0

    return Kind(
        voice="distress-meaning",
        word="distress",
        category=Category.SELF_HARM_INTENT.value,
        score=SCORE,
        twin_budget=TWIN_BUDGET,
        strength=0.1,
        gram_factor=1.0,
        fits=lambda _example: True,
        calibrates=lambda example: hashlib.sha256(example.family.encode()).digest()[0] % 2 == 0,
        leeway=leeway,
    )


def read_examples(folder: Path, committed: Sequence[Example]) -> list[Example]:
    """The pairs, the harmless rows of the other files of the folder, and the committed and generated texts
    that are fitted.
    """
    found = []
    for path in sorted(folder.glob("*.jsonl"), key=lambda one: (one.stem not in PAIRS, one.stem)):
        rows: list[dict[str, Any]] = list(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
        found += [
            Example(
                text=row["text"],
                categories=frozenset({Category.SELF_HARM_INTENT.value} if row["label"] == "distress" else ()),
                source=f"acts/{path.stem}",
                lang=row["lang"],
                family=row.get("pair") or row["id"],
                kind="pair" if path.stem in PAIRS else "plain",
            )
            for row in rows
            if row["label"] in ("distress", "safe")
        ]
    near = {one.family for one in committed if any(name.startswith("self-harm") for name in one.categories)}
    for one in committed:
        wanted = (
            one.family in near
            or is_first_person(normalize_text(one.text))
            or percentile(one.family) < FITTED_PROMPTS
        )
        harmless = not one.categories and len(one.text) <= MAX_CHARS
        if Category.SELF_HARM_INTENT.value in one.categories or (harmless and wanted):
            found.append(one)
    return with_generated(found)
