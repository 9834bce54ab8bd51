"""Finds subliminal content: recognisable text or objects that are visible in only one or two frames. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from safelight.detectors import safety_card
from safelight.detectors.box_tracker import Box, intersection_over_union
from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Basis, Category, Finding, FrameRange, ImageBox, Modality

from .sampling import SampledFrame, SampleReason
from .segments import FrameTimings

NAME, VERSION = "brief", "2"

#: Maximum number of frames of a brief appearance.
_MAX_BRIEF_FRAMES = 2
#: A text counts if it has at least this number of letters and this OCR confidence, an object if it has at
#: least this score.
_MIN_LETTERS, _MIN_CONFIDENCE, _MIN_SCORE = 4, 0.8, 0.5
#: If a text with at least this many letters is at the same place within this many seconds before or after, it
#: is the same text, which OCR read differently.
_MIN_REPEAT_LETTERS, _REPEAT_WINDOW_S = 2, 1.6
#: Two boxes are at the same place if they overlap more than this (intersection over union).
_SAME_PLACE_OVERLAP = 0.1
_MAX_FINDINGS = 20


@dataclass(frozen=True, kw_only=True)
class BriefAppearance:
    """One or two consecutive frames with content that the frames before and after do not have."""

    first: int
    last: int
    region: Box | None


def group_appearances(sampled: Sequence[SampledFrame]) -> list[BriefAppearance]:
    """Finds brief appearances: one or two outlier frames, or content that vanishes within two frames."""
    appearances: list[BriefAppearance] = []
    index = 0
    while index < len(sampled):
        run = _outlier_run(sampled, index)
        if len(run) == _MAX_BRIEF_FRAMES:
            appearances.append(
                BriefAppearance(first=run[0].frame, last=run[-1].frame, region=_bounding_box(run))
            )
            index += len(run)
            continue
        # A longer run of outliers is motion, so each of its outliers is an appearance of its own.
        appearances += [
            BriefAppearance(first=outlier.frame, last=outlier.frame, region=outlier.region)
            for outlier in run
            if _is_outlier(outlier)
        ]
        sample, index = sampled[index], index + max(len(run), 1)
        following = sampled[index] if index < len(sampled) and not run else None
        appeared = sample.why in (SampleReason.CUT, SampleReason.APPEARED)
        if (
            appeared
            and following
            and following.why in (SampleReason.CUT, SampleReason.APPEARED)
            and following.frame - sample.frame <= _MAX_BRIEF_FRAMES
        ):
            appearances.append(
                BriefAppearance(first=sample.frame, last=following.frame - 1, region=sample.region)
            )
    return appearances


def _is_outlier(sampled: SampledFrame) -> bool:
    return sampled.why is SampleReason.OUTLIER


def _outlier_run(sampled: Sequence[SampledFrame], start: int) -> list[SampledFrame]:
    """The run of consecutive outlier frames that starts at this index.

    Moving content that is visible for two frames is an outlier in both frames, or an appearance in the first
    and an outlier in the second.
    """
    run = [sampled[start]]
    for sample in islice(sampled, start + 1, None):
        if not _is_outlier(sample) or sample.frame != run[-1].frame + 1:
            break
        run.append(sample)
    return run if _is_outlier(run[0]) or (run[0].why is SampleReason.APPEARED and len(run) > 1) else []


def _bounding_box(run: Sequence[SampledFrame]) -> Box | None:
    """The box around the regions of all frames; None if a frame has no region."""
    regions = [sample.region for sample in run if sample.region is not None]
    if len(regions) < len(run):
        return None
    left, top = min(region[0] for region in regions), min(region[1] for region in regions)
    right, bottom = (
        max(region[0] + region[2] for region in regions),
        max(region[1] + region[3] for region in regions),
    )
    return left, top, right - left, bottom - top


def find_brief_appearances(
    sampled: Sequence[SampledFrame],
    frames: FrameTimings,
    findings: Iterable[Finding],
    texts: Sequence[MediaText],
    *,
    scheduled: Collection[str] = (),
) -> list[Finding]:
    """One finding for each brief appearance of readable text or of a recognised object, at most twenty.

    `frames` has the start and end of each frame. `scheduled` names the detectors that inspected only sampled
    frames.
    """
    index = _ScanIndex(findings, texts, scheduled)
    visible = (
        (appearance, kind)
        for appearance in group_appearances(sampled)
        if (kind := _visible_kind(appearance, index))
    )
    return [_make_finding(appearance, frames, kind) for appearance, kind in islice(visible, _MAX_FINDINGS)]


class _ScanIndex:
    """The findings and texts of the scan, indexed by frame and time, because long videos have many."""

    def __init__(
        self, findings: Iterable[Finding], texts: Sequence[MediaText], scheduled: Collection[str]
    ) -> None:
        self.scheduled = scheduled
        self.cards: list[FrameRange] = []
        self._findings_by_frame: dict[int, list[tuple[int, Finding]]] = {}
        self._lasting_findings: list[tuple[FrameRange, Finding]] = []
        self._texts_by_frame: dict[int, list[MediaText]] = {}
        for finding in findings:
            span = _frame_range(finding)
            if span is None:
                continue
            if span.last - span.first >= _MAX_BRIEF_FRAMES:
                self._lasting_findings.append((span, finding))
            if finding.score < _MIN_SCORE:
                continue
            self._findings_by_frame.setdefault(span.first, []).append((span.last, finding))
            if finding.test_card:
                self.cards.append(span)
        for text in texts:
            if text.frame is not None:
                self._texts_by_frame.setdefault(text.frame, []).append(text)
        self._lasting_starts = np.array([span.start_s for span, _finding in self._lasting_findings])
        self._lasting_ends = np.array([span.end_s for span, _finding in self._lasting_findings])
        self._texts_with_box = [text for text in texts if text.box is not None]
        self._text_starts = np.array([text.start_s for text in self._texts_with_box])
        self._text_ends = np.array([text.end_s for text in self._texts_with_box])

    def findings_in(self, appearance: BriefAppearance) -> Iterator[Finding]:
        """Findings whose frames are all among the frames of the appearance."""
        for frame in range(appearance.first, appearance.last + 1):
            yield from (
                one for last, one in self._findings_by_frame.get(frame, ()) if last <= appearance.last
            )

    def findings_near(self, span: FrameRange) -> Iterator[tuple[FrameRange, Finding]]:
        """Findings that are longer than a brief appearance and within the repeat window of this span."""
        near = (self._lasting_starts - _REPEAT_WINDOW_S <= span.end_s) & (
            span.start_s <= self._lasting_ends + _REPEAT_WINDOW_S
        )
        return (self._lasting_findings[index] for index in np.flatnonzero(near).tolist())

    def texts_in(self, appearance: BriefAppearance) -> Iterator[MediaText]:
        """Texts whose best reading is in a frame of the appearance."""
        for frame in range(appearance.first, appearance.last + 1):
            yield from self._texts_by_frame.get(frame, ())

    def texts_near(self, seconds: float) -> Iterator[MediaText]:
        """Texts with a box within the repeat window of this time."""
        near = (self._text_starts - _REPEAT_WINDOW_S <= seconds) & (
            seconds <= self._text_ends + _REPEAT_WINDOW_S
        )
        return (self._texts_with_box[index] for index in np.flatnonzero(near).tolist())


def _visible_kind(appearance: BriefAppearance, index: _ScanIndex) -> str:
    """The kind of content that is recognisable in these frames only; empty if there is none.

    Also empty if the frames show the safety test card, because the card must produce only the finding of its
    own category.
    """
    if _has_card(appearance, index):
        return ""
    if any(_is_only_here(text, appearance, index) for text in index.texts_in(appearance)):
        return "text"
    for finding in index.findings_in(appearance):
        if not _is_evidence(finding, appearance) or _persists(finding, index):
            continue
        if "tenant" in finding.attributes:
            # It counts for one tenant, and a scan does not know for which tenant it is.
            continue
        kind = finding.attributes.get("kind")
        return kind if isinstance(kind, str) else "picture"
    return ""


def _has_card(appearance: BriefAppearance, index: _ScanIndex) -> bool:
    if any(span.first <= appearance.last and span.last >= appearance.first for span in index.cards):
        return True
    return any(safety_card.read_text(text.text) for text in index.texts_in(appearance))


def _is_only_here(text: MediaText, appearance: BriefAppearance, index: _ScanIndex) -> bool:
    """Whether a confident text is in these frames, and no similar text is at its place before or after."""
    if (
        _letter_count(text) < _MIN_LETTERS
        or text.confidence < _MIN_CONFIDENCE
        or text.end_s > text.start_s
        or text.box is None
    ):
        return False
    if appearance.region is not None and not _centre_inside(text.box, appearance.region):
        return False
    return not any(
        other is not text
        and _letter_count(other) >= _MIN_REPEAT_LETTERS
        and other.box is not None
        and not (other.frame is not None and appearance.first <= other.frame <= appearance.last)
        and intersection_over_union(other.box, text.box) > _SAME_PLACE_OVERLAP
        for other in index.texts_near(text.start_s)
    )


def _letter_count(text: MediaText) -> int:
    return sum(char.isalpha() for char in text.text)


def _is_evidence(finding: Finding, appearance: BriefAppearance) -> bool:
    """Whether a finding shows recognisable content in these frames: its box overlaps their novelty.

    Drawn symbols do not count without other evidence: their category is reported as not checked, and false
    positives are frequent.
    """
    span = _frame_range(finding)
    kind = finding.attributes.get("kind")
    if span is None or (finding.category == Category.HATE_SYMBOLS and kind != "hash"):
        return False
    if span.box is None or appearance.region is None:
        return True
    return intersection_over_union(span.box.sides, appearance.region) > 0


def _persists(finding: Finding, index: _ScanIndex) -> bool:
    """Whether an object was visible for longer than this finding shows.

    Only for detectors of sampled frames, which miss the frames between the samples. The object persists if a
    longer finding of its kind covers this finding and never had two objects at once, or if a longer finding
    is at the same place shortly before or after.
    """
    span = _frame_range(finding)
    if span is None or finding.detector not in index.scheduled:
        return False
    for other_span, other in index.findings_near(span):
        if (other.category, other.attributes.get("kind")) != (
            finding.category,
            finding.attributes.get("kind"),
        ):
            continue
        if other_span.first <= span.first and span.last <= other_span.last:
            if other.attributes.get("count", 1) == 1:
                return True
        elif (
            other_span.box is not None
            and span.box is not None
            and intersection_over_union(other_span.box.sides, span.box.sides) > _SAME_PLACE_OVERLAP
        ):
            return True
    return False


def _centre_inside(box: Box, region: Box) -> bool:
    """Whether the centre of a box is in a region."""
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return region[0] <= x <= region[0] + region[2] and region[1] <= y <= region[1] + region[3]


def _frame_range(finding: Finding) -> FrameRange | None:
    return next((part for part in finding.evidence if isinstance(part, FrameRange)), None)


def _make_finding(appearance: BriefAppearance, frames: FrameTimings, kind: str) -> Finding:
    first, last = frames[appearance.first], frames[appearance.last]
    region = appearance.region
    count = appearance.last - appearance.first + 1
    length = "one frame" if count == 1 else f"{count} frames"
    return Finding(
        category=Category.DECEPTION_SUBLIMINAL.value,
        score=0.9,
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        basis=Basis.COMPOSED,
        reason=f"Recognisable content ({kind}) is visible for {length} only.",
        evidence=(
            FrameRange(
                first=appearance.first,
                last=appearance.last,
                start_s=round(first.start_s, 4),
                end_s=round(last.end_s, 4),
                peak=appearance.first,
                box=None if region is None else ImageBox(x=region[0], y=region[1], w=region[2], h=region[3]),
            ),
        ),
        attributes={"kind": kind, "frames": count, "duration_s": round(last.end_s - first.start_s, 4)},
    )
