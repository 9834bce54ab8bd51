"""What shows too briefly to be noticed and can still be made out, in one frame or two. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from safelight.detectors import safety_card
from safelight.detectors.box_tracker import Box, overlap
from safelight.detectors.protocol import MediaText
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality
from safelight.scanning.sampling import SampledFrame, SampleReason
from safelight.scanning.segments import FrameTimings

NAME, VERSION = "brief", "2"

#: The most frames that are too brief.
_FRAMES = 2
#: A text is one from so many letters on, read with this confidence; a thing from this score on.
_LETTERS, _SURE, _SEEN = 4, 0.8, 0.5
#: A text at the same place, of so many letters, so shortly before or after is the same one, read otherwise.
_FEW, _AGAIN_S = 2, 1.6
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class BriefAppearance:
    """Frames in which something stood that the frames around them do not have."""

    first: int
    last: int
    region: Box | None


def group_appearances(looks: Sequence[SampledFrame]) -> list[BriefAppearance]:
    """The frames unlike both neighbours, one or two in a row, and what came and was gone again within two."""
    found: list[BriefAppearance] = []
    place = 0
    while place < len(looks):
        row = _row(looks, place)
        if len(row) == _FRAMES:
            found.append(BriefAppearance(first=row[0].frame, last=row[-1].frame, region=_joined(row)))
            place += len(row)
            continue
        # More in a row are movement, and each is judged by itself.
        found += [
            BriefAppearance(first=one.frame, last=one.frame, region=one.region) for one in row if _odd(one)
        ]
        look, place = looks[place], place + max(len(row), 1)
        after = looks[place] if place < len(looks) and not row else None
        came = look.why in (SampleReason.CUT, SampleReason.APPEARED)
        if (
            came
            and after
            and after.why in (SampleReason.CUT, SampleReason.APPEARED)
            and after.frame - look.frame <= _FRAMES
        ):
            found.append(BriefAppearance(first=look.frame, last=after.frame - 1, region=look.region))
    return found


def _odd(look: SampledFrame) -> bool:
    return look.why is SampleReason.OUTLIER


def _row(looks: Sequence[SampledFrame], place: int) -> list[SampledFrame]:
    """The looks from there on at frames unlike both neighbours, frame after frame.

    What stands for two frames and moves is unlike both in each of them; or has come in the first.
    """
    row = [looks[place]]
    for look in islice(looks, place + 1, None):
        if not _odd(look) or look.frame != row[-1].frame + 1:
            break
        row.append(look)
    return row if _odd(row[0]) or (row[0].why is SampleReason.APPEARED and len(row) > 1) else []


def _joined(row: Sequence[SampledFrame]) -> Box | None:
    """The box around all of their regions; None where one has none."""
    regions = [look.region for look in row if look.region is not None]
    if len(regions) < len(row):
        return None
    left, top = min(one[0] for one in regions), min(one[1] for one in regions)
    right, bottom = max(one[0] + one[2] for one in regions), max(one[1] + one[3] for one in regions)
    return left, top, right - left, bottom - top


def find_brief_appearances(
    looks: Sequence[SampledFrame],
    frames: FrameTimings,
    findings: Iterable[Finding],
    texts: Sequence[MediaText],
    *,
    scheduled: Collection[str] = (),
) -> list[Finding]:
    """A finding for every moment in which something stood that can be read or told, at most twenty.

    `frames` says when each frame starts and ends, `scheduled` which detectors were not shown every frame.
    """
    seen = _Seen(findings, texts, scheduled)
    told = ((moment, what) for moment in group_appearances(looks) if (what := _what(moment, seen)))
    return [_finding(moment, frames, what) for moment, what in islice(told, _MOST)]


class _Seen:
    """What was seen and read, by frame: there may be much of it in hours."""

    def __init__(
        self, findings: Iterable[Finding], texts: Sequence[MediaText], scheduled: Collection[str]
    ) -> None:
        self.scheduled = scheduled
        self.cards: list[FrameRange] = []
        self._findings: dict[int, list[tuple[int, Finding]]] = {}
        self._lasting: list[tuple[FrameRange, Finding]] = []
        self._read: dict[int, list[MediaText]] = {}
        for finding in findings:
            where = _range(finding)
            if where is None:
                continue
            if where.last - where.first >= _FRAMES:
                self._lasting.append((where, finding))
            if finding.score < _SEEN:
                continue
            self._findings.setdefault(where.first, []).append((where.last, finding))
            if finding.test_card:
                self.cards.append(where)
        for text in texts:
            if text.frame is not None:
                self._read.setdefault(text.frame, []).append(text)
        self._from = np.array([where.start_s for where, _finding in self._lasting])
        self._until = np.array([where.end_s for where, _finding in self._lasting])
        self._placed = [text for text in texts if text.box is not None]
        self._starts = np.array([text.start_s for text in self._placed])
        self._ends = np.array([text.end_s for text in self._placed])

    def within(self, moment: BriefAppearance) -> Iterator[Finding]:
        """Findings that are of these frames and no others."""
        for frame in range(moment.first, moment.last + 1):
            yield from (one for last, one in self._findings.get(frame, ()) if last <= moment.last)

    def lasting(self, where: FrameRange) -> Iterator[tuple[FrameRange, Finding]]:
        """Findings of more than a moment that stand about this one."""
        near = (self._from - _AGAIN_S <= where.end_s) & (where.start_s <= self._until + _AGAIN_S)
        return (self._lasting[place] for place in np.flatnonzero(near).tolist())

    def read(self, moment: BriefAppearance) -> Iterator[MediaText]:
        """Texts whose best reading is in these frames."""
        for frame in range(moment.first, moment.last + 1):
            yield from self._read.get(frame, ())

    def about(self, seconds: float) -> Iterator[MediaText]:
        """Texts with a place that stand about this time."""
        near = (self._starts - _AGAIN_S <= seconds) & (seconds <= self._ends + _AGAIN_S)
        return (self._placed[place] for place in np.flatnonzero(near).tolist())


def _what(moment: BriefAppearance, seen: _Seen) -> str:
    """What can be read or seen in these frames and in none beside; empty: nothing.

    Nor where the safety test card is in them: it trips its own category and no other.
    """
    if _has_card(moment, seen):
        return ""
    if any(_alone(text, moment, seen) for text in seen.read(moment)):
        return "text"
    for finding in seen.within(moment):
        if not _counts(finding, moment) or _lasts(finding, seen):
            continue
        kind = finding.attributes.get("kind")
        return kind if isinstance(kind, str) else "picture"
    return ""


def _has_card(moment: BriefAppearance, seen: _Seen) -> bool:
    if any(where.first <= moment.last and where.last >= moment.first for where in seen.cards):
        return True
    return any(safety_card.read_text(text.text) for text in seen.read(moment))


def _alone(text: MediaText, moment: BriefAppearance, seen: _Seen) -> bool:
    if _letters(text) < _LETTERS or text.confidence < _SURE or text.end_s > text.start_s or text.box is None:
        return False
    if moment.region is not None and not _inside(text.box, moment.region):
        return False
    return not any(
        other is not text
        and _letters(other) >= _FEW
        and other.box is not None
        and not (other.frame is not None and moment.first <= other.frame <= moment.last)
        and overlap(other.box, text.box) > 0.1
        for other in seen.about(text.start_s)
    )


def _letters(text: MediaText) -> int:
    return sum(letter.isalpha() for letter in text.text)


def _counts(finding: Finding, moment: BriefAppearance) -> bool:
    """Whether a finding says that something can be made out here: it lies in what is new in these frames.

    Drawn symbols by themselves do not: they count as not checked, and too much is taken for one.
    """
    where = _range(finding)
    kind = finding.attributes.get("kind")
    if where is None or (finding.category == Category.HATE_SYMBOLS and kind != "hash"):
        return False
    if where.box is None or moment.region is None:
        return True
    return overlap(where.box.sides, moment.region) > 0


def _lasts(finding: Finding, seen: _Seen) -> bool:
    """Whether a thing stood there longer than a detector tells that was not shown every frame.

    It does where another finding of its kind goes on over it, and never had two such things at once; or
    stands, for more than a moment, at the same place shortly before or after.
    """
    where = _range(finding)
    if where is None or finding.detector not in seen.scheduled:
        return False
    for span, other in seen.lasting(where):
        if (other.category, other.attributes.get("kind")) != (
            finding.category,
            finding.attributes.get("kind"),
        ):
            continue
        if span.first <= where.first and where.last <= span.last:
            if other.attributes.get("count", 1) == 1:
                return True
        elif (
            span.box is not None and where.box is not None and overlap(span.box.sides, where.box.sides) > 0.1
        ):
            return True
    return False


def _inside(box: Box, region: Box) -> bool:
    """Whether the middle of a box is in a region."""
    across, down = box[0] + box[2] / 2, box[1] + box[3] / 2
    return region[0] <= across <= region[0] + region[2] and region[1] <= down <= region[1] + region[3]


def _range(finding: Finding) -> FrameRange | None:
    return next((one for one in finding.evidence if isinstance(one, FrameRange)), None)


def _finding(moment: BriefAppearance, frames: FrameTimings, what: str) -> Finding:
    first, last = frames[moment.first], frames[moment.last]
    region = moment.region
    count = moment.last - moment.first + 1
    spell = "one frame" if count == 1 else f"{count} frames"
    return Finding(
        category=Category.DECEPTION_SUBLIMINAL.value,
        score=0.9,
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        reason=f"Something that can be made out ({what}) shows for {spell} only.",
        evidence=(
            FrameRange(
                first=moment.first,
                last=moment.last,
                start_s=round(first.start_s, 4),
                end_s=round(last.end_s, 4),
                peak=moment.first,
                box=None if region is None else ImageBox(x=region[0], y=region[1], w=region[2], h=region[3]),
            ),
        ),
        attributes={"kind": what, "frames": count, "duration_s": round(last.end_s - first.start_s, 4)},
    )
