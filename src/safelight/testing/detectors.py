"""Detectors for tests, which report findings or fail as configured."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, RunLocation, TextContent
from safelight.policy.findings import Basis, Finding, ImageBox, Modality, TextSpan

Mode = Literal["find", "raise", "hang", "nan", "exit"]


class MarkerFailed(Exception):
    """The error of a test detector that is configured to fail.

    Not in the error tree: it represents any exception of a third-party detector.
    """


class MarkerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the test detectors. `mode`: what the detector does at the marker.

    A text can override `mode` after the marker word: `<word>:raise` and so on.
    """

    word: str = "MARKER"
    category: str = "violence"
    score: float = 0.9
    mode: Mode = "find"
    #: What findings in text rest on. A learned finding without an operating point has no effect.
    basis: Basis = Basis.MATCHED
    #: For frames: index of the first marked frame; later frames up to `last_frame` are marked too.
    first_frame: int = 0
    last_frame: int = 0
    #: Seconds for which the mode `hang` waits.
    hang_s: float = 3600.0


class FakeTextDetector:
    """Reports a finding for each occurrence of a word in a text."""

    name = "text-marker"
    version = "1"

    def __init__(self, options: MarkerOptions) -> None:
        self._options = options
        self.capabilities: tuple[Capability, ...] = (
            Capability(category=options.category, modality=Modality.TEXT),
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        word, start = self._options.word, 0
        while (start := content.text.find(word, start)) >= 0:
            end = start + len(word)
            _obey(_command(content.text[end:], self._options.mode), self._options)
            yield Finding(
                category=self._options.category,
                score=_score(_command(content.text[end:], self._options.mode), self._options),
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                basis=self._options.basis,
                reason=f"The text contains the marker {word!r}.",
                evidence=(TextSpan(field=content.field, start=start, end=end),),
                attributes={"source": content.field, "negated": content.negated},
            )
            start = end


class FrameMarker:
    """Reports a finding for each frame in a configured range of frame numbers, whatever the frame shows."""

    name = "frame-marker"
    version = "1"
    longest_side = 64
    every_frame = True

    def __init__(self, options: MarkerOptions) -> None:
        self._options = options
        self.capabilities: tuple[Capability, ...] = (
            Capability(category=options.category, modality=Modality.FRAMES),
        )

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        options = self._options
        if not options.first_frame <= frame.index <= max(options.first_frame, options.last_frame):
            return
        _obey(options.mode, options)
        yield Finding(
            category=options.category,
            score=_score(options.mode, options),
            modality=Modality.FRAMES,
            detector=self.name,
            version=self.version,
            basis=options.basis,
            reason="The frame is marked.",
            evidence=(ImageBox(x=0.25, y=0.25, w=0.5, h=0.5),),
            attributes={"area": 0.25},
        )


def text_marker(**options: Any) -> DetectorPlugin:
    """A plugin whose detector finds a word. The options of `load` take precedence over these
    `MarkerOptions`.
    """
    return _plugin(FakeTextDetector, RunLocation.GATEWAY, options)


def frame_marker(**options: Any) -> DetectorPlugin:
    """A plugin whose detector marks frames by number. The options of `load` take precedence over these."""
    return _plugin(FrameMarker, RunLocation.CHILD, options)


def _plugin(
    made: type[FakeTextDetector | FrameMarker], location: RunLocation, options: dict[str, Any]
) -> DetectorPlugin:
    return DetectorPlugin(
        name=made.name,
        version=made.version,
        location=location,
        capabilities=made(msgspec.convert(options, MarkerOptions)).capabilities,
        load=lambda more: made(msgspec.convert(options | more, MarkerOptions)),
    )


#: Plugins for entry points of the group `safelight.detectors`.
TEXT_MARKER = text_marker()
FRAME_MARKER = frame_marker()


def _command(rest: str, mode: Mode) -> Mode:
    commands: tuple[Mode, ...] = ("raise", "hang", "nan", "exit")
    return next((command for command in commands if rest.startswith(f":{command}")), mode)


def _obey(mode: Mode, options: MarkerOptions) -> None:
    if mode == "raise":
        raise MarkerFailed("The marker is configured to fail.")
    if mode == "hang":
        threading.Event().wait(options.hang_s)
    if mode == "exit":
        os._exit(70)


def _score(mode: Mode, options: MarkerOptions) -> float:
    return math.nan if mode == "nan" else options.score
