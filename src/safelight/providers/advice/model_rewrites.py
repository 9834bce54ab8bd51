"""Rewrites of a model: which of them keep what the prompt says, as suggestions. Pure.

What a model returns is untrusted text. A rewrite is kept only if it changes reported words and nothing else.
Our policy and the risk at the provider are examined afterwards (`providers.advice.model_rewriting`).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from safelight.detectors.text.chinese import locale_of

from .age_cues import find_age_cues
from .driver_tables import Slot
from .graphic_words import has_violent_word
from .meaning_slots import find_fixed_changes, find_slot_changes, keeps_meaning
from .rewrite_form import RewriteForm
from .suggestion import Suggestion, SuggestionMaker
from .text_edit import apply_edits

#: Condition of every rewrite of a model: a person checks it.
CHECK_CONDITION = "model_written"


class DropReason(StrEnum):
    """Why a rewrite of a model is not suggested."""

    #: It is not a text, or there are more rewrites than were asked for.
    FORMAT = "format"
    #: It is the prompt itself, or another suggestion.
    SAME = "same"
    #: It changes, adds or leaves out words outside the reported ones.
    OTHER_WORDS = "other_words"
    #: Its new words are too many, a name, a number, a denial, or in another language or script.
    NEW_WORDS = "new_words"
    #: It changes who, how many, an age, an identity or another slot that it may not change, or adds violence.
    MEANING = "meaning"
    #: A detector, our policy or the gate of help is against it.
    VERDICT = "verdict"
    #: It does not lower the risk at the provider.
    RISK = "risk"


def examine_rewrite(form: RewriteForm, text: object, known: Collection[str]) -> Suggestion | DropReason:
    """The suggestion of one rewrite, or why it is dropped. `known`: texts that are suggested already."""
    if not isinstance(text, str):
        return DropReason.FORMAT
    edits = form.find_edits(text)
    if edits is None:
        return DropReason.OTHER_WORDS
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
