"""The word checker of two articles about a provider's `self-harm` errors, to compare with.

One publishes a checker as code, which is written out here as it stands: a prompt with a high-risk word is not
submitted; two context words only bring a warning. The tables and patterns around it are prose; `warned` has
the words that they name, and no others, so that the comparison with them is also possible.
"""

from __future__ import annotations

from collections.abc import Sequence

HIGH_RISK_WORDS = (
    *("suicide", "kill", "die", "death", "blood", "bleeding"),
    *("cut", "cutting", "hurt", "harm", "pain", "suffer"),
    *("fall", "jump", "crash", "drown", "hang", "choke"),
)
CONTEXT_RISK_WORDS = (
    *("alone", "isolated", "desperate", "hopeless", "crying"),
    *("rooftop", "bridge", "cliff", "edge", "night", "dark"),
)
#: The tables of trigger words and of emotional intensity.
TABLE_WORDS = (
    *("fall", "falling", "cut", "cutting", "hurt", "pain", "blood", "bleeding", "crash", "collision"),
    *("desperate", "despair", "suffering", "agony", "alone", "isolated", "hopeless", "give up"),
    *("tears", "crying"),
)
#: Risk stacking: of these, the example has four, and each alone passes.
STACKED_WORDS = ("alone", "rooftop", "night", "looking down")
#: The patterns of scenes: a word of the first part and one of the second.
PATTERNS = (
    (("bathroom", "restroom"), ("sharp",)),
    (("pill", "medication"), ("large quantit", "excessive")),
    (("high-altitude", "high altitude", "rooftop", "cliff"), ("edge", "jump")),
    (("confined",), ("unable to escape", "escape")),
    (("rope", "binding"), ("neck", "hanging")),
)


def risk_level(prompt: str) -> str:
    """`low`, `medium` or `high`, as the published checker says."""
    if _found(HIGH_RISK_WORDS, prompt):
        return "high"
    return "medium" if len(_found(CONTEXT_RISK_WORDS, prompt)) >= 2 else "low"


def is_refused(prompt: str) -> bool:
    """Whether the published checker does not submit the prompt."""
    return risk_level(prompt) == "high"


def is_warned(prompt: str) -> bool:
    """Whether the checker, a table or a pattern of the articles names anything in the prompt."""
    return (
        risk_level(prompt) != "low"
        or bool(_found(TABLE_WORDS, prompt))
        or len(_found(STACKED_WORDS, prompt)) >= 2
        or any(_found(first, prompt) and _found(second, prompt) for first, second in PATTERNS)
    )


def _found(words: Sequence[str], prompt: str) -> list[str]:
    lower = prompt.lower()
    return [word for word in words if word in lower]
