"""Sound and colours of clips that are copied, re-encoded and labelled, beside those of the clips themselves.

PYTHONPATH=tests python -m bench.played_clips
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np

from safelight.media.badge import BadgeStyle
from safelight.media.burned_badge import burn_badge
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits
from support.claps import (
    ENCODED_COLOURS,
    KEPT_COLOURS,
    SOUNDS,
    STARTS,
    look,
    off_ms,
    write_clap,
    write_patches,
)

LIMITS = VideoLimits()
COLOURS = {**{kind: ("mp4", properties) for kind, properties in KEPT_COLOURS.items()}, **ENCODED_COLOURS}


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
        for (ending, codec, sound, title, _), b_frames, (start, (picture, heard)) in itertools.product(
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
