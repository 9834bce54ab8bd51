"""What the page of a video says, worked out before any template sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.jobs.models import Video, VideoRecord
from safelight.jobs.states import TERMINAL, VideoState
from safelight.policy.categories import Taxonomy
from safelight.policy.coverage import Coverage
from safelight.policy.verdicts import Action
from safelight.web.video_facts import coverage_and_charge, links, position, verdict_action

from . import coverage as covered
from .explanation_view import ExplanationLine, charge_sentence, lines, spans, support
from .formatting import iso, moment, money, short
from .highlights import HighlightedSpan, split_highlights
from .progress_steps import ProgressStep, progress_steps
from .translations import Translations
from .verdict_text import told


@dataclass(frozen=True, kw_only=True)
class VideoView:
    id: str
    position: int
    prompt: tuple[HighlightedSpan, ...]
    stops: tuple[ProgressStep, ...]
    #: Still on its way: the page looks again.
    live: bool
    percent: int
    #: allow, label, hold, block, none or trouble: the colour, always with its word and sign.
    tone: str
    headline: str
    #: The sentence under the headline; what the gate said.
    message: str
    #: The message is in English, whatever the page is in.
    foreign: bool
    verdict: str
    lines: tuple[ExplanationLine, ...]
    #: Help lines for a person who may need them: name and text.
    support: tuple[tuple[str, str], ...]
    state: str
    delivered: bool
    width: int
    height: int
    poster: str | None
    content: str | None
    record: str | None
    page: str | None
    facts: tuple[tuple[str, str], ...]
    cost: str
    coverage: tuple[covered.CoverageTableRow, ...]
    sha256: str | None
    #: Whether changing the prompt is the next step.
    change_prompt: bool


def video_view(
    video: Video, record: VideoRecord | None, words: Translations, taxonomy: Taxonomy
) -> VideoView:
    """The view of a video at this moment."""
    word = verdict_action(video)
    said = told(video, record, taxonomy, words)
    details = said.details
    delivered = video.state is VideoState.DELIVERED
    coverage = (
        Coverage().merged(cell for made in record.judgements for cell in made.coverage) if record else None
    )
    where = links(video)
    headline = words("state.vaulted" if video.vaulted else _headline(video, details))
    explained = lines(details, video.prompt, words)
    return VideoView(
        id=video.id,
        position=position(video),
        prompt=split_highlights(video.prompt, spans(details)),
        stops=progress_steps(video, record),
        live=video.state not in TERMINAL,
        percent=video.progress,
        tone=_tone(video, word),
        headline=headline,
        # The gate's own sentence often begins with what the headline says.
        message=_message(video, word, said.sentence, words).removeprefix(headline).strip(),
        foreign=said.foreign and bool(said.sentence) and video.state in _IN_OTHER_WORDS,
        verdict=words(_word(video, word)),
        lines=explained,
        support=support(details),
        state=video.state.value,
        delivered=delivered,
        width=video.width,
        height=video.height,
        poster=f"{where['content']}?variant=thumbnail" if delivered else None,
        content=where["content"],
        record=where["record"],
        page=where["page"],
        facts=_facts(video, words),
        cost=charge_sentence(coverage_and_charge(video, record)["charge"], words)
        if record and not explained
        else "",
        coverage=() if video.vaulted or coverage is None else _coverage(coverage, words),
        sha256=video.sealed_sha256 if delivered else None,
        change_prompt=word is Action.BLOCK and not video.vaulted,
    )


@dataclass(frozen=True, kw_only=True)
class VideoRow:
    """A video in the list of recent ones."""

    href: str
    prompt: str
    tone: str
    word: str
    at: str
    iso: str


def row(video: Video, words: Translations) -> VideoRow:
    word = verdict_action(video)
    live = video.state not in TERMINAL and video.state is not VideoState.HELD
    key = "verdict.none" if live else _word(video, word)
    return VideoRow(
        href=f"/videos/{video.id}",
        prompt=short(video.prompt),
        tone=_tone(video, word),
        word=words(key),
        at=moment(video.created_at, words),
        iso=iso(video.created_at),
    )


def price(usd_per_second: float | None, seconds: int, words: Translations) -> str:
    """What an order is expected to cost."""
    if usd_per_second is None:
        return words("studio.cost_unknown")
    if usd_per_second == 0:
        return words("studio.cost_free")
    return words("studio.cost_about", amount=money(usd_per_second * seconds, "USD").removeprefix("$"))


def _coverage(coverage: Coverage, words: Translations) -> tuple[covered.CoverageTableRow, ...]:
    return covered.rows(((cell.category, cell.modality.value, cell.status.value) for cell in coverage), words)


def _tone(video: Video, word: Action | None) -> str:
    if video.state is VideoState.FAILED:
        return "trouble"
    if video.state is VideoState.SEALING or word is None:
        return "none"
    return Action.BLOCK.value if video.state is VideoState.WITHDRAWN else word.value


def _word(video: Video, word: Action | None) -> str:
    if word is None:
        return "verdict.trouble" if video.state is VideoState.FAILED else "verdict.none"
    return "verdict.waived" if word is Action.ALLOW and video.waived else f"verdict.{word.value}"


def _headline(video: Video, details: Mapping[str, Any]) -> str:
    if video.state is VideoState.BLOCKED and details.get("owner") == "provider":
        return "state.blocked_by_provider"
    return f"state.{video.state.value}"


#: Where the sentence comes from what ended the video.
_IN_OTHER_WORDS = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED})


def _message(video: Video, word: Action | None, said: str, words: Translations) -> str:
    if video.vaulted:
        return words("verdict.vaulted_text")
    match video.state:
        case VideoState.DELIVERED | VideoState.SEALING:
            text = words("verdict.allow_waived" if video.waived else "verdict.allow_text")
            if word is Action.LABEL:
                text = f"{text} {words('verdict.label_text', label=video.label_text)}"
            return text
        case VideoState.HELD if video.review_due_at:
            due = words("verdict.hold_text", due=moment(video.review_due_at, words))
            return words("list.sentences", first=said, second=due) if said else due
        case VideoState.HELD:
            return said or words("verdict.hold_no_due")
        case VideoState.WITHDRAWN:
            return words("verdict.withdrawn_text")
    return said


def _facts(video: Video, words: Translations) -> tuple[tuple[str, str], ...]:
    facts = [
        (words("video.model"), video.model),
        (words("video.length"), words("studio.seconds_value", seconds=video.seconds)),
        (words("video.size"), f"{video.width}×{video.height}"),
        (words("video.made"), moment(video.created_at, words)),
    ]
    if video.ended_at:
        facts.append((words("video.ended"), moment(video.ended_at, words)))
    return tuple(facts)
