"""Sound and colours of clips that are copied, re-encoded and labelled, beside those of the clips themselves.

PYTHONPATH=tests python -m bench.played_clips
"""

from __future__ import annotations

import itertools
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from safelight.media.badge import BadgeStyle
from safelight.media.burned_badge import burn_badge
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits
from support.claps import look, off_ms, write_clap, write_patches

LIMITS = VideoLimits()
STARTS = {"together": (0.0, 0.0), "late": (0.0, 0.75), "early": (0.5, 0.0), "cut": (-0.5, -0.5)}
SOUNDS = (
    ("mp4", "libx264", "aac", ""),
    ("mp4", "libx264", "aac", "a title"),
    ("mp4", "libx264", "libopus", "a title"),
    ("mkv", "libx264", "libopus", ""),
    ("mov", "libx264", "pcm_s16le", ""),
    ("mp4", "mpeg4", "aac", ""),
)
COLOURS: dict[str, tuple[str, dict[str, Any]]] = {
    "HD": ("mp4", {}),
    "SD": ("mp4", {"matrix": 5}),
    "full range": ("mp4", {"full": True, "layout": "yuvj420p"}),
    "anamorphic": ("mp4", {"aspect": Fraction(16, 11)}),
    "ten bits": ("mp4", {"layout": "yuv422p10le"}),
    "HDR (PQ)": ("mp4", {"layout": "yuv420p10le", "matrix": 9, "transfer": 16}),
    "ProRes, anamorphic": (
        "mov",
        {"codec": "prores_ks", "layout": "yuv422p10le", "aspect": Fraction(16, 11)},
    ),
    "Motion JPEG": ("avi", {"codec": "mjpeg", "layout": "yuvj420p", "full": True, "matrix": 5}),
}


def delivered(clip: Path, folder: Path) -> tuple[str, Path, Path]:
    """How a clip is normalized, the result, and the result with a badge."""
    method = normalize_video(clip, folder / "plain.mp4", LIMITS).method
    plain = clip if method is NormalizeMethod.KEPT else folder / "plain.mp4"
    burn_badge(plain, folder / "badged.mp4", BadgeStyle(text="AI-generated"), LIMITS)
    return method.value, plain, folder / "badged.mp4"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| clip | B-frames | sound | itself | delivered | with the badge |\n| - | - | - | - | - | - |")
        for (ending, codec, sound, title), b_frames, (start, (picture, heard)) in itertools.product(
            SOUNDS, (True, False), STARTS.items()
        ):
            if ending == "mkv" and picture < 0:
                continue
            clip = write_clap(
                folder / f"a.{ending}",
                codec=codec,
                sound=sound,
                b_frames=b_frames,
                picture_from_s=picture,
                sound_from_s=heard,
                title=title,
            )
            method, plain, badged = delivered(clip, folder)
            reordered = "yes" if b_frames else "no"
            print(f"| {ending} {codec} {sound} | {reordered} | {start} | {off_ms(clip):.1f} ms ", end="")
            print(f"| {method}, {off_ms(plain):.1f} ms | {off_ms(badged):.1f} ms |")
        print("\n| clip | delivered | levels off | shown alike | with the badge | shown alike |")
        print("| - | - | - | - | - | - |")
        for kind, (ending, properties) in COLOURS.items():
            clip = write_patches(folder / f"a.{ending}", **properties)
            method, plain, badged = delivered(clip, folder)
            (before, shown), *after = (look(one) for one in (clip, plain, badged))
            told = " | ".join(
                f"{np.abs(colours - before).max()} | {'yes' if how == shown else f'{shown} {how}'}"
                for colours, how in after
            )
            print(f"| {kind} | {method} | {told} |")


if __name__ == "__main__":
    main()
