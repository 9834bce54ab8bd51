"""The explanation of a stored verdict in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from safelight.core.i18n import translate_sentence
from safelight.policy.explanations import (
    ChargeFacts,
    ExplanationLevel,
    ExplanationLinks,
    explain,
    explain_ground,
    help_lines,
    without_reason,
)
from safelight.policy.findings import Taxonomy
from safelight.policy.verdicts import Action, Verdict
from safelight.videos.models import Video, VideoRecord, VideoState
from safelight.videos.reinstatement import describe_release
from safelight.videos.summary import charge_object

from .translations import Translations

#: Messages of the job service: the reason of the state, and the key of its translated sentence.
_SENTENCE_KEYS = {"review_expired": "verdict.review_expired_text"}


@dataclass(frozen=True, kw_only=True)
class VerdictText:
    sentence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    #: True if the sentence is in English although the page is in another language.
    in_english: bool = False


def explain_video(
    video: Video,
    record: VideoRecord | None,
    taxonomy: Taxonomy,
    t: Translations,
    level: ExplanationLevel = ExplanationLevel.DEVELOPER,
) -> VerdictText:
    """Explain the state of a video. If a stored verdict led to that state, the explanation is generated
    again.
    """
    stored: Mapping[str, Any] = video.explanation or {}
    if video.vaulted:
        return VerdictText()
    verdict = blocking_verdict(record) if record and "source" not in stored else None
    if reason := _SENTENCE_KEYS.get(str(stored.get("reason", ""))):
        why = explain(verdict, taxonomy, level=level, locale=t.tag).why if verdict is not None else ""
        sentences = [t(reason), *([t("verdict.held_because", why=why)] if why else [])]
        return VerdictText(sentence=t.join_sentences(sentences), details={**stored, "next_step": ""})
    explained = video.state in {VideoState.REJECTED, VideoState.BLOCKED, VideoState.HELD}
    if verdict is None or not explained or (video.state is not VideoState.HELD and not stored):
        changes: dict[str, Any] = {}
        if stored.get("support") and (t.tag != "en" or t.region):
            changes["support"] = _support_lines(t)
        if step := stored.get("next_step"):
            changes["next_step"] = translate_sentences(str(step), t)
        original = video.error_message or ""
        sentence = translate_sentences(original, t)
        return VerdictText(
            sentence=sentence,
            details={**stored, **changes},
            in_english=t.tag != "en" and sentence == original,
        )
    assert record is not None
    is_refused = bool(stored.get("reviewed"))
    # What the reviewer stated; other reviewers read what the checks found.
    has_facts = is_refused and "facts" in stored and level is not ExplanationLevel.REVIEWER
    if is_refused:
        # The stored verdict only held the video, and a reviewer rejected it.
        verdict = without_reason(verdict) if has_facts else verdict
        verdict = msgspec.structs.replace(verdict, action=Action.BLOCK)
    explanation = explain(
        verdict,
        taxonomy,
        level=level,
        charge=_charge_facts(record),
        links=ExplanationLinks(
            appeal=str(stored.get("appeal") or ""), record=str(stored.get("record") or "")
        ),
        locale=t.tag,
        region=t.region,
    )
    sentences = [t("verdict.rejected_by_reviewer")] if is_refused else []
    stated: Mapping[str, Any] = {}
    if has_facts:
        sentences += explain_ground(str(stored["group"] or ""), str(stored["facts"]), t.tag)
        stated = {name: stored[name] for name in ("categories", "group", "rule") if name in stored}
    details = {**explanation.as_wire(), **stated, "gap_notes": explanation.gap_notes}
    sentence = explanation.sentence
    if video.reinstated_as:
        step = translate_sentences(describe_release(video.reinstated_as), t)
        sentence = sentence.replace(explanation.next_step, step)
        details |= {"next_step": step, "retry": None}
    return VerdictText(sentence=t.join_sentences([*sentences, sentence]), details=details)


def translate_sentences(text: str, t: Translations) -> str:
    """The text with each sentence that has a translation in the page's language. Others stay English."""
    translated = text
    for sentence in re.split(r"(?<=[.!?]) ", text):
        if found := translate_sentence("provider_errors", sentence, t.tag):
            translated = translated.replace(sentence, found, 1)
    return translated if translated == text else re.sub(r"(?<=[。！？]) ", "", translated)


def blocking_verdict(record: VideoRecord) -> Verdict | None:
    """The last stored verdict that held or blocked the video."""
    for stage_record in reversed(record.stages):
        if stage_record.verdict.action.severity >= Action.HOLD.severity:
            return stage_record.verdict
    return None


def _charge_facts(record: VideoRecord) -> ChargeFacts | None:
    if not record.attempts:
        return None
    charge = charge_object(attempt.charge for attempt in record.attempts)
    return ChargeFacts(
        charged=charge["charged"],
        amount=charge["amount"],
        currency=charge["currency"],
        source=charge["source"] or "",
    )


def _support_lines(t: Translations) -> list[dict[str, Any]]:
    return [line.as_wire() for line in help_lines(t.tag, t.region)]
