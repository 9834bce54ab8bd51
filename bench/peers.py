"""What other screeners make of the same prompts, in their own Python.

    PYTHON bench/peers.py < prompts.jsonl

Started by `bench.screening --peers-python`; needs nothing of Safelight. A tool that is not installed, or has
no model at hand, is named with the reason. One line of JSON per tool: recall, false positives, milliseconds.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

#: The words a checklist for prompts warns of, as substrings: what is built first, everywhere.
NAIVE = (
    *("fight", "attack", "kill", "blood", "injury", "weapon", "battle", "war", "die", "gun", "knife"),
    *("nude", "naked", "sex", "sexy", "porn", "shoot", "bomb", "murder", "death", "drug", "suicide"),
)


def naive() -> Callable[[str], bool]:
    return lambda text: any(word in text.lower() for word in NAIVE)


def better_profanity() -> Callable[[str], bool]:
    profanity: Any = importlib.import_module("better_profanity").profanity
    profanity.load_censor_words()
    return lambda text: bool(profanity.contains_profanity(text))


def alt_profanity_check() -> Callable[[str], bool]:
    predict: Any = importlib.import_module("profanity_check").predict_prob
    return lambda text: float(predict([text])[0]) >= 0.5


def llm_guard_ban_substrings() -> Callable[[str], bool]:
    scanners: Any = importlib.import_module("llm_guard.input_scanners")
    scanner = scanners.BanSubstrings(substrings=list(NAIVE), match_type="word")
    return lambda text: not scanner.scan(text)[1]


def llm_guard_toxicity() -> Callable[[str], bool]:
    scanners: Any = importlib.import_module("llm_guard.input_scanners")
    scanner = scanners.Toxicity(threshold=0.5)
    return lambda text: not scanner.scan(text)[1]


TOOLS: dict[str, Callable[[], Callable[[str], bool]]] = {
    "naive substrings": naive,
    "better-profanity": better_profanity,
    "alt-profanity-check": alt_profanity_check,
    "llm-guard BanSubstrings": llm_guard_ban_substrings,
    "llm-guard Toxicity": llm_guard_toxicity,
}


def measured(flags: Callable[[str], bool], rows: list[dict[str, Any]]) -> dict[str, Any]:
    hits = {"unsafe": 0, "safe": 0}
    counts = {"unsafe": 0, "safe": 0}
    times = []
    for row in rows:
        began = time.perf_counter()
        flagged = flags(row["text"])
        times.append((time.perf_counter() - began) * 1000)
        counts[row["label"]] += 1
        hits[row["label"]] += flagged
    times.sort()
    return {
        "recall": round(100 * hits["unsafe"] / max(counts["unsafe"], 1), 1),
        "false_positives": round(100 * hits["safe"] / max(counts["safe"], 1), 1),
        "p50_ms": round(times[len(times) // 2], 3),
        "p99_ms": round(times[min(int(0.99 * len(times)), len(times) - 1)], 3),
    }


def main() -> int:
    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    for name, make in TOOLS.items():
        try:
            flags = make()
            flags("a quiet lake at dawn")
        # Somebody else's package may end in any way.
        except BaseException as error:
            told: dict[str, Any] = {"not_run": f"{type(error).__name__}: {error}"[:200]}
        else:
            told = measured(flags, rows)
        sys.stdout.write(json.dumps({"tool": name, **told}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
