"""Parts of the sound of a clip for reviewers, and the code that cuts one in the sandbox."""

from __future__ import annotations

import math
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidMedia
from safelight.media.sandbox.child_main import ChildChannel
from safelight.policy.findings import Finding, Modality, TimeRange

#: A part is at most this long: as long as a view counts at most (`videos.case_rows.exposure`).
MAX_PART_S = 60.0
#: Seconds of sound before and after a finding.
_AROUND_S = 0.5
#: Most parts around findings, so that their list stays short.
_MAX_FOUND_PARTS = 8
#: Enough for speech. WAV plays in every browser.
_RATE = 16_000


@dataclass(frozen=True, kw_only=True)
class SoundPart:
    """From `start_s` to `end_s` of the clip. `category`: of the finding there; empty for the whole sound."""

    start_s: float
    end_s: float
    category: str = ""

    @property
    def value(self) -> str:
        """In the form of a case, after the number of its file."""
        return f"{self.start_s:g} {self.end_s:g}"

    @property
    def is_valid(self) -> bool:
        return 0.0 <= self.start_s < self.end_s <= self.start_s + MAX_PART_S + 0.001


def list_parts(findings: Iterable[Finding], seconds: float) -> tuple[SoundPart, ...]:
    """The parts with findings about the sound, the strongest first, and then the whole sound. Pure."""
    found: dict[SoundPart, None] = {}
    for finding in sorted(findings, key=lambda one: -one.score):
        if finding.modality is not Modality.AUDIO and not finding.attributes.get("speech"):
            continue
        for place in finding.evidence:
            if not isinstance(place, TimeRange):
                continue
            part = part_around(place.start_s, place.end_s, seconds, finding.category)
            if part.is_valid:
                found.setdefault(part)
    starts = [number * MAX_PART_S for number in range(math.ceil(seconds / MAX_PART_S))]
    whole = [SoundPart(start_s=start, end_s=min(start + MAX_PART_S, seconds)) for start in starts]
    return (*list(found)[:_MAX_FOUND_PARTS], *whole)


def part_around(found_s: float, until_s: float, seconds: float, category: str = "") -> SoundPart:
    """The part around what was found in a clip of this length. Not valid for a place after its end."""
    start_s = max(found_s - _AROUND_S, 0.0)
    end_s = min(until_s + _AROUND_S, start_s + MAX_PART_S, seconds)
    return SoundPart(start_s=round(start_s, 1), end_s=round(end_s, 1), category=category)


def write_sound_excerpt(argument: dict[str, Any], _link: ChildChannel) -> None:
    """Entry point in the sandbox: write the sound of the clip `source` from `start_s` to `end_s` into the
    file `into`, mono as WAV. Raises `InvalidMedia` if there is no sound.
    """
    import numpy as np

    from safelight.media.audio import AudioDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS

    start, end = (round(argument[name] * _RATE) for name in ("start_s", "end_s"))
    excerpt = np.zeros(end - start, np.float32)
    heard = 0
    for window in AudioDecoder(Path(argument["source"]), ACCEPTED_CLIP_LIMITS).windows({_RATE}):
        samples = window.samples[_RATE]
        offset = round(window.start_s * _RATE)
        first, last = max(start, offset), min(end, offset + samples.size)
        if first < last:
            excerpt[first - start : last - start] = samples[first - offset : last - offset]
            heard = max(heard, last - start)
        if offset >= end:
            break
    if not heard:
        raise InvalidMedia("The clip has no sound in this part.")
    with wave.open(argument["into"], "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((np.clip(excerpt[:heard], -1.0, 1.0) * 32767).astype("<i2").tobytes())
