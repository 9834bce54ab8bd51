"""Sound and colours of clips that are copied, re-encoded, labelled and watermarked, beside those of the clips
themselves.

PYTHONPATH=tests python -m bench.played_clips
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

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
    write_marked,
    write_patches,
)

LIMITS = VideoLimits()
COLOURS = {**{kind: ("mp4", properties) for kind, properties in KEPT_COLOURS.items()}, **ENCODED_COLOURS}


def delivered(clip: Path, folder: Path) -> tuple[str, Path, Path, Path | None]:
    """How a clip is normalized, the result, the result with a badge, and the result with a watermark; None
    if its format has no watermark.
    """
    method = normalize_video(clip, folder / "plain.mp4", LIMITS).method
    plain = clip if method is NormalizeMethod.KEPT else folder / "plain.mp4"
    burn_badge(plain, folder / "badged.mp4", BadgeStyle(text="AI-generated"), LIMITS)
    return method.value, plain, folder / "badged.mp4", write_marked(plain, folder / "marked.mp4")


def told(seen: tuple[Any, Any] | None, before: Any, shown: Any) -> str:
    """The levels by which colours differ from those before, and whether they are shown alike."""
    if seen is None:
        return "none | none"
    colours, how = seen
    return f"{np.abs(colours - before).max()} | {'yes' if how == shown else f'{shown} {how}'}"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| clip | B-frames | sound | itself | delivered | with the badge | marked |")
        print("| - | - | - | - | - | - | - |")
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
            method, plain, badged, marked = delivered(clip, folder)
            reordered = "yes" if b_frames else "no"
            print(f"| {ending} {codec} {sound} | {reordered} | {start} | {off_ms(clip):.1f} ms ", end="")
            with_mark = "none" if marked is None else f"{off_ms(marked):.1f} ms"
            print(f"| {method}, {off_ms(plain):.1f} ms | {off_ms(badged):.1f} ms | {with_mark} |")
        print(
            "\n| clip | delivered | levels off | shown alike | badge | shown alike | marked | shown alike |"
        )
        print("| - | - | - | - | - | - | - | - |")
        for kind, (ending, properties) in COLOURS.items():
            clip = write_patches(folder / f"a.{ending}", **properties)
            method, *files = delivered(clip, folder)
            before, shown = look(clip)
            cells = [told(None if one is None else look(one), before, shown) for one in files]
            print(f"| {kind} | {method} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
