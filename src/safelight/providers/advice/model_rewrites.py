"""Rewrites of a model: which of them keep what the prompt says, as suggestions. Pure.

What a model returns is untrusted text. A rewrite is kept if it changes reported words and nothing else. With
a measure of meaning, one that says everything in other words is kept too, if it is near and has the same
persons, numbers, ages, names, quotations and denials. Our policy and the risk at the provider are examined
afterwards (`providers.advice.model_rewriting`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import TypeAlias

from safelight.detectors.text.chinese import locale_of

from .age_cues import find_age_cues
from .driver_tables import Slot
from .graphic_words import has_violent_word
from .meaning_slots import find_fixed_changes, find_slot_changes, keeps_meaning
from .rewrite_form import RewriteForm, find_denials
from .suggestion import Suggestion, SuggestionMaker
from .text_edit import TextEdit, apply_edits, compare_words

#: How near a text is to the prompt by its meaning: a cosine of embeddings.
Nearness: TypeAlias = Callable[[str], float]
#: Condition of every rewrite of a model: a person checks it. The second: of one with other sentences.
CHECK_CONDITION, REWORDED_CONDITION = "model_written", "model_reworded"
#: Least nearness of a rewrite with other sentences, by E5: most honest ones reach it, and few in which
#: an event, a thing or a person is another one (docs/benchmarks/advice.md).
MIN_NEARNESS = 0.8
#: Least and greatest length of such a rewrite, as a share of the prompt's. A short one leaves something out.
_MIN_LENGTH, _MAX_LENGTH = 0.6, 1.7


class DropReason(StrEnum):
    """Why a rewrite of a model is not suggested."""

    #: It is not a text, or there are more rewrites than were asked for.
    FORMAT = "format"
    #: It is the prompt itself, or another suggestion.
    SAME = "same"
    #: It changes, adds or leaves out words outside the reported ones, and meaning is not compared.
    OTHER_WORDS = "other_words"
    #: Its new words are too many, a name, a number, a denial, or in another language or script.
    NEW_WORDS = "new_words"
    #: It changes who, how many, an age, an identity or another slot that it may not change, adds violence, or
    #: its meaning is another one.
    MEANING = "meaning"
    #: A detector, our policy or the gate of help is against it.
    VERDICT = "verdict"
    #: It does not lower the risk at the provider.
    RISK = "risk"


def examine_rewrite(
    form: RewriteForm, text: object, known: Collection[str], nearness: Nearness | None = None
) -> Suggestion | DropReason:
    """The suggestion of one rewrite, or why it is dropped. `known`: texts that are suggested already."""
    if not isinstance(text, str):
        return DropReason.FORMAT
    edits = form.find_edits(text)
    if edits is None:
        return DropReason.OTHER_WORDS if nearness is None else _examine_sentences(form, text, known, nearness)
    if not edits:
        return DropReason.SAME
    if not all(map(form.is_wording, edits)):
        return DropReason.NEW_WORDS
    rewritten, diff = apply_edits(form.prompt, edits)
    if rewritten in known:
        return DropReason.SAME
    changed = [(form.part_at(edit), edit.text) for edit in edits]
    allowed = frozenset[Slot]().union(*(part.slots for part, _new in changed))
    if (
        not keeps_meaning(diff, allowed)
        or find_fixed_changes(form.prompt, rewritten)
        or find_age_cues(rewritten) - find_age_cues(form.prompt)
        or any(has_violent_word(edit.text) for edit in edits)
        or locale_of(rewritten) != locale_of(form.prompt)
    ):
        return DropReason.MEANING
    return Suggestion(
        number=0,
        source=SuggestionMaker.REWRITER,
        message="rewritten_by_model",
        values={"changes": " / ".join(f"{part.words} → {new}" for part, new in changed)},
        conditions=tuple(
            dict.fromkeys(
                (CHECK_CONDITION, *(name for part, new in changed for name in part.find_conditions(new)))
            )
        ),
        sources=(),
        edits=edits,
        slots=frozenset(slot for change in find_slot_changes(diff) for slot in change.slots),
        rewritten=rewritten,
        diff=diff,
    )


def _examine_sentences(
    form: RewriteForm, text: str, known: Collection[str], nearness: Nearness
) -> Suggestion | DropReason:
    """The suggestion of a rewrite with other sentences, or why it is dropped."""
    prompt, text = form.prompt, text.strip()
    if text in known:
        return DropReason.SAME
    length = len(text) / len(prompt)
    if not _MIN_LENGTH <= length <= _MAX_LENGTH or any(words not in text for words in form.protected):
        return DropReason.NEW_WORDS
    if (
        locale_of(text) != locale_of(prompt)
        or find_denials(text) != find_denials(prompt)
        or find_fixed_changes(prompt, text)
        or find_age_cues(text) - find_age_cues(prompt)
        or (has_violent_word(text) and not has_violent_word(prompt))
        or nearness(text) < MIN_NEARNESS
    ):
        return DropReason.MEANING
    diff = compare_words(prompt, text)
    slots = frozenset(slot for change in find_slot_changes(diff) for slot in change.slots)
    changed = tuple(slot.value for slot in (Slot.PLACE, Slot.TIME) if slot in slots)
    return Suggestion(
        number=0,
        source=SuggestionMaker.REWRITER,
        message="reworded_by_model",
        values={},
        conditions=(REWORDED_CONDITION, *changed),
        sources=(),
        edits=(TextEdit(start=0, end=len(prompt), text=text),),
        slots=slots,
        rewritten=text,
        diff=diff,
    )
