"""Detects the QR code of the safety test card in frames and images."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.detectors import safety_card
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Finding, ImageBox, Modality

NAME, VERSION = "safety-card-image", "1"


class ImageCardDetector:
    """A `FrameDetector`. It fills no coverage cell, because the test card is not harmful content."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    #: With a longest side of 960, a card that covers a ninth of a 1080p picture is missed.
    longest_side = 1280
    every_frame = False
    parts = True

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        return [
            Finding(
                category=category,
                score=1.0,
                modality=Modality.FRAMES,
                detector=NAME,
                version=VERSION,
                basis=Basis.MATCHED,
                reason=f"The picture contains the safety test card for {category}.",
                evidence=(ImageBox(x=box[0], y=box[1], w=box[2], h=box[3]),),
                attributes={"area": round(box[2] * box[3], 5)},
                test_card=True,
            )
            for category, box in safety_card.read_qr(frame.pixels)
        ]


def _load(_options: PluginOptions) -> ImageCardDetector:
    return ImageCardDetector()


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, load=_load)
