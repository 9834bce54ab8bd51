"""Reports of made-up scans, for tests of the page that tells of them."""

from __future__ import annotations

from typing import Any

import msgspec

from safelight.policy.findings import Cell, Finding, FrameRange, Modality, Stage, TimeRange
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.file_scan import FileReport

FACTS = {
    "container": "mov",
    "width": 640,
    "height": 384,
    "duration_s": 6.0,
    "fps": 24.0,
    "frames": 144,
    "video_codec": "h264",
    "pixel_format": "yuv420p",
    "audio_codec": "aac",
    "audio_rate": 48_000,
    "audio_channels": 2,
}
SCAN: dict[str, Any] = {
    "facts": FACTS,
    "schedule": {"frames": 144, "looked_at": 9, "why": {"first": 1, "regular": 8}},
    "sound": {"speech": [{"start_s": 1.0, "end_s": 2.0}], "transcribed": False},
}

#: The checks of the installation, as `GET /v1/coverage` has them.
INSTALLED = [
    ("sexual", "frames", "checked"),
    ("violence/graphic", "frames", "not checked"),
    ("hate", "image", "checked"),
]


def finding(category: str, *, score: float = 0.9, modality: Modality = Modality.FRAMES) -> Finding:
    """Seen from 1 to 2 s, or heard from 3 to 4 s."""
    frames = FrameRange(first=24, last=47, start_s=1.0, end_s=2.0, peak=36)
    place = TimeRange(start_s=3, end_s=4) if modality is Modality.AUDIO else frames
    return Finding(
        category=category,
        score=score,
        modality=modality,
        detector="d",
        version="1",
        reason="It looks <b>odd</b>.",
        evidence=(place,),
    )


def report(
    *findings: Finding, action: Action = Action.BLOCK, name: str = "clip.mp4", **more: object
) -> FileReport:
    """A clip's report with these findings."""
    verdict = Verdict(
        action=action,
        stage=Stage.OUTPUT,
        subject_sha256="0" * 64,
        policy="starter",
        policy_sha256="f" * 64,
        category=findings[0].category if findings else "",
        rule="violence-1" if findings else "",
        reason="Violence over several frames." if findings else "",
        findings=findings,
    )
    made = FileReport(
        name=name,
        looked_at=1_800_000_000.0,
        size=1234,
        sha256="a" * 64,
        verdict=verdict,
        findings=findings,
        coverage=(
            Cell(
                category="sexual",
                modality=Modality.FRAMES,
                required=True,
                available=True,
                ran=True,
                complete=True,
                detectors=("nudenet",),
            ),
            Cell(category="violence/graphic", modality=Modality.FRAMES, required=True),
        ),
        scan=SCAN,
        detectors={"nudenet": "1"},
    )
    return msgspec.structs.replace(made, **more)
