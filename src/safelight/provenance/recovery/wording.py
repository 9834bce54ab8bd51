"""The public answer about the origin of a file in words."""

from __future__ import annotations

from safelight.i18n import Messages, load_messages
from safelight.provenance.models import Evidence
from safelight.provenance.seal import MarkState

from .conclusion import Ground
from .provenance_check import PublicAnswer


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
