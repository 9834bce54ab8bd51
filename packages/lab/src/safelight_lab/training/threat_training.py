"""The texts on which the classifier of threats is trained: threats and harmless twins (bench/threats), and
other texts that are none, scenes of violence and statements of distress among them.

The operating point is chosen on texts of other writers, which are not fitted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from safelight.detectors.text.distress import is_first_person
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.threats import SCORE
from safelight.policy.findings import Category

from .meaning_training import MAX_CHARS, Kind, percentile, with_generated
from .training_data import Example

#: How the names of files begin that are fitted, and of those on which the operating point is chosen.
FITTED, CHOSEN_ON = "fit_", "choose_"
#: Largest share of the harmless twins of the latter that may be found.
TWIN_BUDGET = 0.0375
#: Per cent of the families of committed texts that are not in the first person and are fitted.
FITTED_PROMPTS = 35
#: Committed texts of these categories may be threats, and are not fitted.
_UNCLEAR = frozenset({"harassment", "hate", "extremism", "illicit", "deception", "privacy", "ncii"})

THREATS = Kind(
    voice="threats",
    word="threat",
    category=Category.HARASSMENT.value,
    score=SCORE,
    twin_budget=TWIN_BUDGET,
    strength=0.1,
    gram_factor=4.0,
    fits=lambda example: not example.source.startswith(f"threats/{CHOSEN_ON}"),
    calibrates=lambda example: example.source.startswith(f"threats/{CHOSEN_ON}"),
)


def read_examples(folder: Path, committed: Sequence[Example]) -> list[Example]:
    """The threats and twins of the folder, and the committed and generated texts that are fitted."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        if not path.stem.startswith((FITTED, CHOSEN_ON)):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.append(
                Example(
                    text=row["text"],
                    categories=frozenset({THREATS.category} if row["label"] == "unsafe" else ()),
                    source=f"threats/{path.stem}",
                    lang=row["lang"],
                    family=row["text"],
                    kind="pair",
                )
            )
    for one in committed:
        wanted = is_first_person(normalize_text(one.text)) or percentile(one.family) < FITTED_PROMPTS
        if wanted and len(one.text) <= MAX_CHARS and not one.categories & _UNCLEAR:
            found.append(one)
    return with_generated(found)
