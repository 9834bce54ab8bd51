"""What a person is told of a verdict on record, in the language they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safelight.jobs.models import Video, VideoRecord
from safelight.jobs.states import VideoState
from safelight.jobs.summary import charge_object
from safelight.policy.categories import Taxonomy
from safelight.policy.explanations import ChargeFacts, ExplanationLevel, Links, explain, help_lines
from safelight.policy.verdicts import Action, Verdict

from .translations import Translations

#: Sentences that the job service itself puts on a video, by the reason they carry.
_OURS = {"review_expired": "verdict.review_expired_text"}


@dataclass(frozen=True, kw_only=True)
class VerdictText:
    sentence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    #: The sentence is in English, whatever the page is in.
    foreign: bool = False


def told(
    video: Video,
    record: VideoRecord | None,
    taxonomy: Taxonomy,
    words: Translations,
    viewer: ExplanationLevel = ExplanationLevel.DEVELOPER,
) -> VerdictText:
    """The explanation of where a video stands, said anew from the verdict where that is on record."""
    stored: Mapping[str, Any] = video.explanation or {}
    if video.vaulted:
        return VerdictText()
    verdict = deciding(record) if record and "owner" not in stored else None
    if reason := _OURS.get(str(stored.get("reason", ""))):
        return VerdictText(sentence=words(reason), details={**stored, "next_step": ""})
    wanted = video.state in {VideoState.REJECTED, VideoState.BLOCKED, VideoState.HELD}
    if verdict is None or not wanted or (video.state is not VideoState.HELD and not stored):
        kind = {"support": _support(words)} if stored.get("support") and words.tag != "en" else {}
        return VerdictText(
            sentence=video.error_message or "", details={**stored, **kind}, foreign=words.tag != "en"
        )
    assert record is not None
    again = explain(
        verdict,
        taxonomy,
        audience=viewer,
        charge=_facts(record),
        video_id=video.id,
        links=Links(appeal=str(stored.get("appeal") or ""), record=str(stored.get("record") or "")),
        locale=words.tag,
    )
    return VerdictText(sentence=again.sentence, details=again.as_wire())


def deciding(record: VideoRecord) -> Verdict | None:
    """The last verdict that kept a video from going on."""
    for made in reversed(record.judgements):
        if made.verdict.action.severity >= Action.HOLD.severity:
            return made.verdict
    return None


def _facts(record: VideoRecord) -> ChargeFacts | None:
    if not record.attempts:
        return None
    charge = charge_object(attempt.charge for attempt in record.attempts)
    return ChargeFacts(
        charged=charge["charged"],
        amount=charge["amount"],
        currency=charge["currency"],
        source=charge["source"] or "",
    )


def _support(words: Translations) -> list[dict[str, Any]]:
    return [{"name": line.name, "text": line.text} for line in help_lines(words.tag)]
