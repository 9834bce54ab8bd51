"""What a stranger gets to know about the origin of a file, and the same in words."""

from __future__ import annotations

import msgspec

from safelight.core.i18n import Messages, load_messages
from safelight.provenance.models import Evidence
from safelight.provenance.seal import MarkState

from .conclusion import Answer, Ground
from .recovery import Recovered

_WITH_MARK_STATE = (Ground.EXACT_FILE, Ground.MANIFEST)


class PublicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a stranger gets to know. The reason of a withdrawal is not in it."""

    answer: Answer
    ground: Ground
    #: The day (UTC) on which the video was delivered, as `2026-11-20`; only if the file comes from here.
    day: str | None = None
    withdrawn: bool = False
    #: Whether the limit was reached, so that this is the answer for similar files and no mark was searched.
    repeated: bool = False
    #: Whether the delivered file has a watermark; None if the answer rests on the picture. Otherwise the
    #: answer would tell whether the mark of a changed file is weak or was never there.
    mark: MarkState | None = None
    #: True if an id was given and the tenant that asks has a delivered video with it; otherwise None, also
    #: for the ids of other tenants.
    id_exists: bool | None = None


def public_answer(found: Recovered) -> PublicAnswer:
    """What a stranger gets to know of a recovery."""
    conclusion, is_ours = found.conclusion, found.conclusion.answer.is_from_here
    is_certain = conclusion.ground in _WITH_MARK_STATE
    return PublicAnswer(
        answer=conclusion.answer,
        ground=conclusion.ground,
        day=found.seal.sealed_at.date().isoformat() if is_ours and found.seal is not None else None,
        withdrawn=is_ours and found.is_withdrawn,
        mark=found.seal.mark.state if is_certain and found.seal is not None else None,
    )


def describe_answer(public: PublicAnswer, issuer: str, tag: str = "en") -> str:
    """The answer in one or two sentences, in the language with this tag."""
    t = _messages(tag)
    # A repeated answer is about similar files, so it does not name a watermark in this one.
    is_about_others = public.repeated and public.ground is Ground.MARK_AND_PICTURE
    key = "repeated.resembles" if is_about_others else f"{public.ground.value}.answer"
    sentence = t(key, issuer=issuer, day=public.day or "")
    further = [t("id_exists")] if public.id_exists else []
    further += [t("withdrawn")] if public.withdrawn else []
    further += [t("repeated.answer")] if public.repeated else []
    return " ".join((sentence, *further))


def describe_evidence(public: PublicAnswer, tag: str = "en") -> Evidence:
    """The evidence that decided the answer: what it states, proves and does not prove."""
    t, ground = _messages(tag), "repeated" if public.repeated else public.ground.value
    return Evidence(
        kind="origin",
        says=t(f"{ground}.claims"),
        proves=t(f"{ground}.proves"),
        does_not_prove=t(f"{ground}.does_not_prove"),
    )


def describe_mark(state: str | None, tag: str = "en") -> str:
    """Whether a delivered file has a watermark, in words; empty if the state is None or unknown."""
    known = next((one for one in MarkState if one == state), None)
    return "" if known is None else _messages(tag)(f"mark.{known.name.lower()}")


def _messages(tag: str) -> Messages:
    return load_messages("provenance", tag)
