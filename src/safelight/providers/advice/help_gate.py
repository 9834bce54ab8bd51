"""The gate of help: which requests get help, a question or a refusal. It is stricter than every policy.

It reads findings, coverage and the texts, and is the only place that decides about help: every part that
suggests, rewrites, searches or tries asks `PromptAdvice.helps`, which is its answer. A refusal never states
which category caused it, because that could guide an evasion.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from safelight.detectors.text.purposes import without_purposes
from safelight.policy.findings import (
    Category,
    Cell,
    Depth,
    Finding,
    Group,
    Modality,
    categories_of,
    is_alarm,
    is_threat,
    suggests_sexual_minors,
)
from safelight.policy.verdicts import Action

from .graphic_words import is_scored_graphic, suggest_graphic_violence
from .harm_scenes import discusses_harm, find_harm, shows_lawful_force

# Scenes with a minor for which no help is given, though the policy may allow them. Pure.
#
# The words are those of undress and allure. Children who swim or bathe are ordinary scenes.

_WORDS = re.compile(
    r"\b(?:bikinis?|lingerie|underwear|panties|bras?|thongs?|nudes?|nudity|naked|topless|undress\w*|strip(?:s|ping)"
    r"|sexy|sexual\w*|seducti\w+|sensual\w*|erotic\w*|provocative\w*|alluring\w*|flirt\w*|fetish\w*)\b"
    r"|比基尼|[內内][衣褲裤]|裸|[脫脱]衣|性感|[誘诱]惑|挑逗|情趣|[嫵妩]媚",
    re.IGNORECASE,
)
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
    {
        *categories_of(Group.VIOLENCE, Group.SELF_HARM, Group.EXTREMISM, Group.ILLICIT),
        Category.SEXUAL_REAL_PERSON.value,
        Category.DECEPTION.value,
        Category.DECEPTION_IMPERSONATION.value,
        Category.DECEPTION_SCAM.value,
    }
)
#: The detector of acts of harm. It is sure that a text is harmless if all its findings in it, also those that
#: are not recorded, stay below a score; below a lower one if words suggest graphic violence. It is never sure
#: about words of an act with its object (docs/benchmarks/advice.md has the figures behind this).
_READER = "acts"
SURE_BELOW, SURE_BELOW_WITH_WORDS = 0.01, 0.001


def suggest_minor_scene(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether a minor is present and a text has a word of undress or allure."""
    present = any(one.category == Category.MINORS_PRESENT and is_alarm(one) for one in findings)
    return present and any(_WORDS.search(text) for text in texts)


class HelpAnswer(StrEnum):
    """The answer to a request for advice."""

    HELP = "help"
    #: One neutral question. The user answers it in the prompt, which is then judged as one text.
    ASK = "ask"
    REFUSE = "refuse"


class HelpRefusal(StrEnum):
    """Why a request gets no suggestions."""

    #: Our policy holds or blocks the request, or has not decided yet.
    POLICY = "policy"
    #: A detector reports a gated category.
    FINDING = "finding"
    #: Words or a finding suggest a threat, a scene of harm, graphic violence, or a minor without clothes.
    WORDS = "words"
    #: The reader of acts is not sure that the scene is harmless.
    UNSURE = "unsure"
    #: A gated category was not checked in the language of the text.
    NOT_CHECKED = "not_checked"
    #: The text reads like the writer's own distress.
    DISTRESS = "distress"
    #: Our policy or a reviewer blocked a request of this end user or account within the last hour.
    RECENT_BLOCK = "recent_block"


#: With these, a check has no advice but one sentence: no words, no risk of a provider, no steps.
WITHOUT_ADVICE = frozenset({HelpRefusal.WORDS, HelpRefusal.UNSURE, HelpRefusal.DISTRESS})


def find_refusal(
    findings: Iterable[Finding],
    cells: Iterable[Cell],
    *,
    action: Action,
    undecided: bool = False,
    texts: Collection[str] = (),
    had_block: bool = False,
    unrecorded: Iterable[Finding] = (),
) -> HelpRefusal | None:
    """Why a request gets no suggestions; None if it does. Pure.

    `texts`: what the video is to show. `had_block`: whether a request of the same end user or
    account was blocked within the last hour.
    `unrecorded`: findings with too low a score to be recorded.
    """
    found, checks = tuple(findings), tuple(cells)
    if any(is_alarm(one) and is_threat(one) for one in found):
        return HelpRefusal.WORDS
    if action.severity >= Action.HOLD.severity:
        return HelpRefusal.POLICY
    if any(is_alarm(one) and one.category == Category.SELF_HARM_INTENT for one in found):
        return HelpRefusal.DISTRESS
    is_graphic = suggest_graphic_violence(found, texts)
    is_read, is_act = _is_read(checks), _find_act(texts)
    harm = _harm_reported(found, texts)
    # A finding of plain violence alone, which sport and rescue set off too, waits for the reader of acts.
    is_force = harm == {Category.VIOLENCE.value} and is_read and not is_act
    if (
        (harm and not is_force)
        or suggest_minor_scene(found, texts)
        or (is_graphic and is_scored_graphic(found))
    ):
        return HelpRefusal.WORDS
    other = _other_refusal(found, checks, undecided=undecided)
    other = other or (HelpRefusal.RECENT_BLOCK if had_block else None)
    # Words alone may lead to a question, but not beside another reason.
    if (is_act or is_graphic or is_force) and (other or not is_read):
        return HelpRefusal.WORDS
    if other or not is_read:
        return other
    doubt = max((one.score for one in (*found, *unrecorded) if _is_doubt(one)), default=0.0)
    is_sure = doubt < (SURE_BELOW_WITH_WORDS if is_graphic else SURE_BELOW)
    if is_force:
        if not is_sure:
            return HelpRefusal.WORDS
        return None if shows_lawful_force([without_purposes(text) for text in texts]) else HelpRefusal.UNSURE
    return None if is_sure and not is_act else HelpRefusal.UNSURE


def _other_refusal(
    findings: Collection[Finding], cells: Iterable[Cell], *, undecided: bool
) -> HelpRefusal | None:
    """The refusal that neither words nor earlier blocks cause."""
    if undecided:
        return HelpRefusal.POLICY
    if suggests_sexual_minors(findings) or any(is_alarm(one) and one.category in GATED for one in findings):
        return HelpRefusal.FINDING
    return HelpRefusal.NOT_CHECKED if any(_was_not_checked(cell) for cell in cells) else None


def _is_read(cells: Iterable[Cell]) -> bool:
    """Whether the reader of acts has judged all of the text."""
    read = [cell for cell in cells if cell.modality is Modality.TEXT and _READER in cell.detectors]
    return bool(read) and all(cell.complete and not cell.note for cell in read)


def _is_doubt(finding: Finding) -> bool:
    return finding.detector == _READER and not finding.attributes.get("negated")


def shows_harm(texts: Collection[str]) -> bool:
    """Whether the words suggest a scene of harm or graphic violence."""
    return _find_act(texts) or suggest_graphic_violence((), texts)


def _find_act(texts: Collection[str]) -> bool:
    """Whether the words are those of an act of harm, also without what only states a purpose."""
    return bool(find_harm(texts) or find_harm([without_purposes(text) for text in texts]))


def _harm_reported(findings: Collection[Finding], texts: Collection[str]) -> set[str]:
    """The categories of harm that a detector reports. A lesson on self-harm may be reported too."""
    alarms = {one.category for one in findings if is_alarm(one)} & _HARM
    if alarms == {Category.SELF_HARM.value} and discusses_harm(map(without_purposes, texts)):
        return set()
    return alarms


def _was_not_checked(cell: Cell) -> bool:
    """Whether a gated category was not checked in the text, or only by lists because a classifier does not
    know the language.
    """
    if cell.category not in GATED or cell.modality is not Modality.TEXT:
        return False
    return not cell.complete or (cell.depth is Depth.LISTS and bool(cell.note))
