"""Crops of the new part of a frame: cuts them out for detectors, and maps results back to the frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from safelight.detectors.box_tracker import Box, intersection_over_union
from safelight.detectors.protocol import Frame, MediaText
from safelight.media.decode import DecodedFrame
from safelight.policy.findings import Finding, ImageBox

from .frame_difference import COMPARED_SIDE_PX, FrameComparator, Novelty
from .optical_flow import Map
from .overlay import OverlayCrop, extract_overlay
from .sampling import Region, SampledFrame, SampleReason

#: Longest side of the frames from which crops are cut, and the maximum factor by which a small crop is
#: enlarged.
_CROP_SOURCE_SIDE_PX, _MAX_ENLARGEMENT = 1280, 3.0
#: Shortest side of a crop.
_MIN_CROP_PX = 8
#: If a crop would be larger than this fraction of the frame, the whole frame is used instead.
_FULL_FRAME_FRACTION = 0.6
#: Content that appeared at most this many frames ago may vanish again. Frames that show it are not used as
#: background.
_MAX_BRIEF_FRAMES = 2
#: Maximum age, in frames, of the background frame while the content keeps changing.
_MAX_BACKGROUND_AGE_FRAMES = 6
#: Two findings of the same kind in one frame are duplicates if their boxes overlap this much (intersection
#: over union).
_MIN_SAME_OVERLAP = 0.5


class NoveltyCropper:
    """Cuts the new part out of a notable frame: once unchanged, once with the background subtracted."""

    def __init__(self, comparator: FrameComparator) -> None:
        self._comparator = comparator
        #: Index of the last notable frame; the frame before the content appeared, which shows the background.
        self._last_notable = -_MAX_BACKGROUND_AGE_FRAMES
        self._before_appearance: DecodedFrame | None = None

    def crops(
        self,
        sampled: SampledFrame | None,
        novelty: Novelty,
        before: DecodedFrame | None,
        frame: DecodedFrame,
        after: DecodedFrame | None,
    ) -> list[OverlayCrop]:
        """The crops of a frame; empty unless the frame is an outlier or an appearance.

        Call it for every frame, because it also remembers the background.
        """
        notable = sampled is not None and is_notable(sampled)
        crops = []
        if sampled is not None and sampled.region is not None and notable:
            backgrounds = self._background_frames(sampled, novelty, before, frame, after)
            crops = self._cut(sampled.region, frame, backgrounds)
        self._remember_background(before, frame, notable=notable)
        return crops

    def _cut(
        self, region: Region, frame: DecodedFrame, backgrounds: list[tuple[DecodedFrame | None, Map | None]]
    ) -> list[OverlayCrop]:
        x, y, w, h = region
        whole = w * h > _FULL_FRAME_FRACTION
        if whole:
            x, y, w, h = 0.0, 0.0, 1.0, 1.0
        pixels = frame.resized(_CROP_SOURCE_SIDE_PX)
        height, width = pixels.shape[:2]
        left, top = int(x * width), int(y * height)
        right = max(left + _MIN_CROP_PX, round((x + w) * width))
        bottom = max(top + _MIN_CROP_PX, round((y + h) * height))
        window = (slice(top, min(bottom, height)), slice(left, min(right, width)))
        part = pixels[window]
        plain = _crop(part, (left / width, top / height, part.shape[1] / width, part.shape[0] / height))
        crops = [] if whole else [plain]
        warped = [
            self._comparator.background(
                other.resized(_CROP_SOURCE_SIDE_PX),
                flow,
                window,
                frame.downscaled(COMPARED_SIDE_PX),
                other.downscaled(COMPARED_SIDE_PX),
            )
            for other, flow in backgrounds
            if other is not None
            and flow is not None
            and other.resized(_CROP_SOURCE_SIDE_PX).shape == pixels.shape
        ]
        extracted = extract_overlay(part, warped) if warped else None
        if extracted is not None:
            box = plain.to_frame_box(extracted.x, extracted.y, extracted.w, extracted.h)
            crops.append(_crop(extracted.pixels, box))
        return crops

    def _background_frames(
        self,
        sampled: SampledFrame,
        novelty: Novelty,
        before: DecodedFrame | None,
        frame: DecodedFrame,
        after: DecodedFrame | None,
    ) -> list[tuple[DecodedFrame | None, Map | None]]:
        """The frames that show the background, and the flow from `frame` to each of them."""
        if sampled.why is SampleReason.APPEARED and self._before_appearance is not None:
            # If a frame with briefly visible content were the background, subtracting it would leave the
            # inverted content in the crop.
            older = self._before_appearance
            flow = self._comparator.flow(
                frame.downscaled(COMPARED_SIDE_PX), older.downscaled(COMPARED_SIDE_PX)
            )
            return [(older, flow)]
        if sampled.why is SampleReason.OUTLIER and before is not None and after is not None:
            flows = self._comparator.flows_to_neighbours(
                before.downscaled(COMPARED_SIDE_PX), after.downscaled(COMPARED_SIDE_PX)
            )
            if flows is not None:
                return [(before, flows[0]), (after, flows[1])]
        # The content appeared and stays, so the next frame shows it too and is not a background.
        return [(before, novelty.flow_before)]

    def _remember_background(
        self, before: DecodedFrame | None, frame: DecodedFrame, *, notable: bool
    ) -> None:
        """Keep the frame before an appearance as background while the content may vanish again."""
        if notable:
            self._last_notable = frame.index
            self._before_appearance = self._before_appearance or before
        background = self._before_appearance
        outdated = background is not None and frame.index - background.index >= _MAX_BACKGROUND_AGE_FRAMES
        if outdated or frame.index - self._last_notable >= _MAX_BRIEF_FRAMES:
            self._before_appearance = None


def is_notable(sampled: SampledFrame) -> bool:
    """Whether the frame was sampled as an outlier or as an appearance."""
    return sampled.why in (SampleReason.OUTLIER, SampleReason.APPEARED)


def frame_input(frame: DecodedFrame, longest_side: int) -> Frame:
    """The whole frame as input for a detector, resized so that its longest side is `longest_side`."""
    return Frame(
        index=frame.index,
        time_s=frame.time_s,
        pixels=frame.resized(longest_side),
        width=frame.width,
        height=frame.height,
    )


def crop_input(frame: DecodedFrame, crop: OverlayCrop, longest_side: int) -> Frame:
    """A crop as input for a detector, resized for `longest_side`; small crops are enlarged."""
    import cv2

    height, width = crop.pixels.shape[:2]
    longest = max(width, height)
    scale = min((longest_side or longest) / longest, _MAX_ENLARGEMENT)
    pixels = crop.pixels
    if scale != 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, size, interpolation=interpolation).astype("uint8", copy=False)
    return Frame(
        index=frame.index,
        time_s=frame.time_s,
        pixels=pixels,
        width=max(round(frame.width * crop.w), 1),
        height=max(round(frame.height * crop.h), 1),
        part=(crop.x, crop.y, crop.w, crop.h),
    )


def finding_in_frame(finding: Finding, crop: OverlayCrop) -> Finding:
    """A finding in a crop, with its box and area converted to fractions of the frame."""
    evidence = tuple(
        msgspec.structs.replace(part, **dict(zip("xywh", crop.to_frame_box(*part.sides), strict=True)))
        if isinstance(part, ImageBox)
        else part
        for part in finding.evidence
    )
    attributes = dict(finding.attributes)
    area = attributes.get("area")
    if isinstance(area, float):
        attributes["area"] = round(area * crop.w * crop.h, 5)
    return msgspec.structs.replace(finding, evidence=evidence, attributes=attributes)


def text_in_frame(text: MediaText, crop: OverlayCrop) -> MediaText:
    """A text in a crop, with its box converted to fractions of the frame."""
    return text if text.box is None else replace(text, box=crop.to_frame_box(*text.box))


def deduplicate(findings: list[Finding]) -> list[Finding]:
    """The findings of a frame and its crops without duplicates.

    Of several findings of the same kind at the same place, the one with the highest score is kept.
    """
    kept: list[tuple[Finding, Box | None]] = []
    for finding in sorted(findings, key=lambda one: -one.score):
        box = next((part.sides for part in finding.evidence if isinstance(part, ImageBox)), None)
        if not any(_is_duplicate(finding, box, other, other_box) for other, other_box in kept):
            kept.append((finding, box))
    return [finding for finding, _box in kept]


def _is_duplicate(finding: Finding, box: Box | None, other: Finding, other_box: Box | None) -> bool:
    kind, other_kind = finding.attributes.get("kind"), other.attributes.get("kind")
    if (finding.category, kind, finding.test_card) != (other.category, other_kind, other.test_card):
        return False
    return box is None or other_box is None or intersection_over_union(box, other_box) >= _MIN_SAME_OVERLAP


def _crop(pixels: Any, box: Box) -> OverlayCrop:
    x, y, w, h = box
    return OverlayCrop(pixels=pixels, x=x, y=y, w=w, h=h)
