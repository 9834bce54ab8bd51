"""Suggestions after a block by the provider: which details to leave out. Pure.

With own outcomes, the risk model shows which words were in refused requests, also words that no table has.
Without them, a shorter prompt shows whether the details or the main scene were refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from . import driver_tables
from .driver_tables import Slot
from .meaning_slots import FIXED
from .prompt_details import Detail
from .suggestion import Suggestion
from .text_edit import TextEdit, apply_edits
from .whole_prompt import keep_compatible, merge

#: The estimated probability that the provider refuses each of these prompts; None if too few outcomes are
#: known.
EstimateRisks = Callable[[Sequence[str]], Sequence[float] | None]

BY_OUTCOMES, MAIN_SCENE = "leave_out_refused", "main_scene"
#: A change counts from this decrease of the log-odds: less does not show in any level of the risk.
_MIN_GAIN = 0.05
#: What one more word that is left out must gain, so that a phrase is chosen before the clause around it.
_GAIN_PER_WORD = 0.02
#: Most changes of the suggestion by outcomes, so that it keeps most of the prompt.
_MAX_CHANGES = 5
_MIN_PROBABILITY = 1e-6
#: The main scene alone is a test of its own if at least this share of the prompt is left out. Readers found
#: advice to leave out one word, such as "dusk", to have nothing to do with a refusal.
_MIN_LEFT_OUT = 0.25


def find_changes_by_outcomes(
    prompt: str, details: Sequence[Detail], replacements: Sequence[Suggestion], estimate: EstimateRisks
) -> Iterator[Suggestion]:
    """At most one suggestion, with the changes that lower the risk most.

    A change leaves out one of `details` or is one of `replacements`.
    """
    changes = [*map(_leave_out, details), *replacements]
    texts = [prompt, *(apply_edits(prompt, change.edits)[0] for change in changes)]
    risks = estimate(texts) if changes else None
    if risks is None:
        return
    before, *after = map(_log_odds, risks)
    gains = [before - odds for odds in after]
    net = [
        gain - _GAIN_PER_WORD * max(len(prompt.split()) - len(text.split()), 0)
        for gain, text in zip(gains, texts[1:], strict=True)
    ]
    order = sorted(range(len(changes)), key=net.__getitem__, reverse=True)
    chosen = _without_overlaps(changes[number] for number in order if gains[number] >= _MIN_GAIN)
    if chosen:
        yield _merged(prompt, BY_OUTCOMES, chosen[:_MAX_CHANGES])


def find_simplifications(
    prompt: str, details: Sequence[Detail], replacements: Sequence[Suggestion]
) -> Iterator[Suggestion]:
    """The main scene alone, and with each half of the details.

    Nothing if the details are a small part of the prompt.
    """
    longest = sorted(details, key=lambda one: one.start - one.end)
    kept = _without_overlaps(map(_leave_out, longest))
    kept.sort(key=lambda one: one.edits[0].start)
    left_out = sum(edit.end - edit.start - len(edit.text) for one in kept for edit in one.edits)
    if left_out < _MIN_LEFT_OUT * len(prompt):
        return
    yield _merged(prompt, MAIN_SCENE, _without_overlaps([*kept, *replacements]))
    if len(kept) > 1:
        half = len(kept) // 2
        yield _merged(prompt, MAIN_SCENE, kept[half:])
        yield _merged(prompt, MAIN_SCENE, kept[:half])


def _leave_out(detail: Detail) -> Suggestion:
    return Suggestion(
        number=0,
        message=BY_OUTCOMES,
        values={},
        conditions=("same_scene",),
        sources=(),
        slots=frozenset(Slot) - FIXED,
        edits=(TextEdit(start=detail.start, end=detail.end, text=detail.kept),),
    )


def _without_overlaps(changes: Iterable[Suggestion]) -> list[Suggestion]:
    """The changes that do not overlap an earlier one."""
    kept: list[Suggestion] = []
    for one in changes:
        if not any(_overlap(one, other) for other in kept):
            kept.append(one)
    return kept


def _merged(prompt: str, message: str, members: Sequence[Suggestion]) -> Suggestion:
    whole = merge(message, keep_compatible(members))
    places = sorted((edit.start, edit.end) for edit in whole.edits)
    words = " / ".join(prompt[start:end].strip(" ,;，；、") for start, end in places)
    return Suggestion(
        number=0,
        message=message,
        values={"words": words},
        conditions=whole.conditions,
        sources=(driver_tables.sources()["scenario"],) if message == MAIN_SCENE else whole.sources,
        slots=whole.slots,
        stated=whole.stated,
        edits=whole.edits,
    )


def _overlap(one: Suggestion, other: Suggestion) -> bool:
    return any(edit.start < each.end and each.start < edit.end for edit in one.edits for each in other.edits)


def _log_odds(risk: float) -> float:
    risk = min(max(risk, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return math.log(risk / (1 - risk))
