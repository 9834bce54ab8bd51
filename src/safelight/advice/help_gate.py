"""The gate of help: for which requests Safelight suggests nothing. It is stricter than every policy.

It reads findings, coverage and the texts, and is the only place that decides about help: every part that
suggests, rewrites, searches or tries asks `PromptAdvice.helps`, which is its answer. A refusal never states
which category caused it, because that could guide an evasion.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from safelight.policy.findings import (
    Category,
    Cell,
    Depth,
    Finding,
    Modality,
    is_alarm,
    suggests_sexual_minors,
)
from safelight.policy.verdicts import Action

from .graphic_words import suggest_graphic_violence
from .harm_scenes import discusses_harm, find_harm

# Scenes with a minor for which no help is given, though the policy may allow them. Pure.
#
# The words are those of undress and allure. Children who swim or bathe are ordinary scenes.

_WORDS = re.compile(
    r"\b(?:bikinis?|lingerie|underwear|panties|bras?|thongs?|nudes?|nudity|naked|topless|undress\w*|strip(?:s|ping)"
    r"|sexy|sexual\w*|seducti\w+|sensual\w*|erotic\w*|provocative\w*|alluring\w*|flirt\w*|fetish\w*)\b"
    r"|比基尼|[內内][衣褲裤]|裸|[脫脱]衣|性感|[誘诱]惑|挑逗|情趣|[嫵妩]媚",
    re.IGNORECASE,
)


def suggest_minor_scene(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether a minor is present and a text has a word of undress or allure."""
    present = any(one.category == Category.MINORS_PRESENT and is_alarm(one) for one in findings)
    return present and any(_WORDS.search(text) for text in texts)


#: No help if a detector reports one of these, even if the policy allows the request.
GATED = frozenset(
    category.value
    for category in (
        Category.SEXUAL_MINORS,
        Category.SEXUAL,
        Category.NCII,
        Category.LIKENESS,
        Category.EXTREMISM,
        Category.SELF_HARM_INSTRUCTIONS,
        Category.ILLICIT,
        Category.VIOLENCE_GRAPHIC,
    )
)
#: Categories of the scenes of harm. A finding has the same effect as such a scene in words.
_HARM = frozenset(
    category.value
    for category in (
        Category.VIOLENCE,
        Category.VIOLENCE_GRAPHIC,
        Category.SELF_HARM,
        Category.SELF_HARM_INSTRUCTIONS,
        Category.EXTREMISM,
        Category.ILLICIT,
        Category.DECEPTION,
    )
)


class HelpRefusal(StrEnum):
    """Why a request gets no suggestions."""

    #: Our policy holds or blocks the request, or has not decided yet.
    POLICY = "policy"
    #: A detector reports a gated category.
    FINDING = "finding"
    #: Words or a finding suggest a scene of harm, graphic violence, or a minor without clothes.
    WORDS = "words"
    #: A gated category was not checked in the language of the text.
    NOT_CHECKED = "not_checked"
    #: The text reads like the writer's own distress.
    DISTRESS = "distress"
    #: The request is similar to one that our policy blocked within a day.
    RECENT_BLOCK = "recent_block"
    #: The request is similar to one of another end user of the account that our policy blocked within a day.
    BLOCK_OF_ANOTHER = "block_of_another"
    #: Many requests of this end user or account were similar to one that our policy blocked within a day.
    MANY_SIMILAR = "many_similar"
    #: Our policy blocked two requests of this end user or account within a day.
    TWO_BLOCKS = "two_blocks"


#: With these, a check has no advice but one sentence: no words, no risk of a provider, no steps.
WITHOUT_ADVICE = frozenset({HelpRefusal.WORDS, HelpRefusal.DISTRESS})


def find_refusal(
    findings: Iterable[Finding],
    cells: Iterable[Cell],
    *,
    action: Action,
    undecided: bool = False,
    texts: Collection[str] = (),
    recent: HelpRefusal | None = None,
) -> HelpRefusal | None:
    """Why a request gets no suggestions; None if it does. Pure.

    `texts`: what the video is to show. `recent`: the refusal that earlier blocks cause, if any.
    """
    found = tuple(findings)
    if action.severity >= Action.HOLD.severity:
        return HelpRefusal.POLICY
    if any(is_alarm(one) and one.category == Category.SELF_HARM_INTENT for one in found):
        return HelpRefusal.DISTRESS
    if _is_harm_reported(found, texts) or shows_harm(texts, found):
        return HelpRefusal.WORDS
    if undecided:
        return HelpRefusal.POLICY
    if suggests_sexual_minors(found) or any(is_alarm(one) and one.category in GATED for one in found):
        return HelpRefusal.FINDING
    if any(_was_not_checked(cell) for cell in cells):
        return HelpRefusal.NOT_CHECKED
    return recent


def shows_harm(texts: Collection[str], findings: Collection[Finding] = ()) -> bool:
    """Whether the words suggest a scene of harm, graphic violence, or a minor without clothes."""
    return bool(
        find_harm(texts) or suggest_graphic_violence(findings, texts) or suggest_minor_scene(findings, texts)
    )


def _is_harm_reported(findings: Collection[Finding], texts: Collection[str]) -> bool:
    """Whether a detector reports a category of harm. A lesson on self-harm may be reported too."""
    alarms = {one.category for one in findings if is_alarm(one)} & _HARM
    return bool(alarms - {Category.SELF_HARM} or (alarms and not discusses_harm(texts)))


def _was_not_checked(cell: Cell) -> bool:
    """Whether a gated category was not checked in the text, or only by lists because a classifier does not
    know the language.
    """
    if cell.category not in GATED or cell.modality is not Modality.TEXT:
        return False
    return not cell.complete or (cell.depth is Depth.LISTS and bool(cell.note))
