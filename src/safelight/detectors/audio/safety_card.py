"""Detects the tone sequence of the safety test card in sound."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.detectors import safety_card
from safelight.detectors.protocol import AudioChunk, Capability, DetectorPlugin, PluginOptions
from safelight.policy.findings import Basis, Finding, Modality, TimeRange

NAME, VERSION = "safety-card-audio", "1"


class AudioCardDetector:
    """A `SoundDetector`. It fills no coverage cell, because the test card is not harmful content."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    rate = 16_000

    def inspect_sound(self, sound: AudioChunk) -> Iterable[Finding]:
        return [
            Finding(
                category=category,
                score=1.0,
                modality=Modality.AUDIO,
                detector=NAME,
                version=VERSION,
                basis=Basis.MATCHED,
                reason=f"The sound contains the tones of the safety test card for {category}.",
                evidence=(
                    TimeRange(start_s=round(sound.start_s + start, 3), end_s=round(sound.start_s + end, 3)),
                ),
                attributes={"duration_s": round(end - start, 3)},
                test_card=True,
            )
            for category, start, end in safety_card.read_tones(sound.samples, sound.rate)
        ]


def _load(_options: PluginOptions) -> AudioCardDetector:
    return AudioCardDetector()


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, load=_load)
