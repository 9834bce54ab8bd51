"""The delivery stage: what is made of a file that may leave, in a child: plain MP4, badge, stills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.normalize import NormalizeMethod, NormalizeResult, normalize_in_child
from safelight.sandbox.child_main import ChildChannel
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox
from safelight.scanning.service import Scanner

_LIMITS = Limits(wall_s=600.0, cpu_s=900, memory_bytes=3 << 30, file_bytes=8 << 30, open_files=64)
_SHEET_FRAMES = 10
_THUMBNAIL_SIDE, _SHEET_SIDE = 480, 240


@dataclass(frozen=True, kw_only=True)
class Still:
    """A picture made from the sealed file, and only from it."""

    kind: str
    path: Path
    media_type: str


@dataclass(frozen=True, kw_only=True)
class DeliveryStage:
    sandbox: Sandbox
    scanner: Scanner

    def normalize(self, source: Path, into: Path) -> Path:
        """The clip as one plain MP4: itself, or a copy written to `into`. It is made before the scan.

        Raises `InvalidMedia`, `TooLarge` or `ChildFailed` where there is no clip to make it of.
        """
        answer = self.sandbox.run(
            EntryPoint.of(normalize_in_child),
            {
                "source": str(source),
                "into": str(into),
                "limits": msgspec.to_builtins(self.scanner.settings.video),
            },
            reads=[source],
            writes=[into],
            limits=_LIMITS,
        )
        if msgspec.convert(answer, NormalizeResult).method is NormalizeMethod.KEPT:
            into.unlink(missing_ok=True)
            return source
        return into

    def badge(self, source: Path, into: Path, text: str) -> Path:
        """Write a copy of the clip with the visible badge `text` burnt into every frame to `into`."""
        self.scanner.burn_badge(source, into, text)
        return into

    def pictures(self, sealed: Path, bench: Path) -> tuple[Still, ...]:
        """Thumbnail and spritesheet of the sealed file, written into `bench`."""
        stills = (
            Still(kind="thumbnail", path=bench / "thumbnail.webp", media_type="image/webp"),
            Still(kind="spritesheet", path=bench / "spritesheet.webp", media_type="image/webp"),
        )
        argument = {"source": str(sealed), **{still.kind: str(still.path) for still in stills}}
        self.sandbox.run(
            EntryPoint.of(draw_stills),
            argument,
            reads=[sealed],
            writes=[still.path for still in stills],
            limits=_LIMITS,
        )
        return stills


def draw_stills(argument: dict[str, str], _link: ChildChannel) -> None:
    """In the child: the middle frame as a thumbnail, and ten frames on one sheet."""
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS
    from safelight.media.thumbnails import write_contact_sheet, pick_frame_indices, write_thumbnail

    walk = VideoDecoder(Path(argument["source"]), ACCEPTED_CLIP_LIMITS)
    total, wanted = pick_frame_indices(walk.info, _SHEET_FRAMES)
    middle: Any = None
    small = []
    for frame in walk.frames():
        if frame.index in wanted:
            small.append(frame.resized(_SHEET_SIDE))
        if middle is None or frame.index == total // 2:
            middle = frame.resized(_THUMBNAIL_SIDE)
    write_thumbnail(middle, Path(argument["thumbnail"]), longest_side=_THUMBNAIL_SIDE)
    write_contact_sheet(small or [middle], Path(argument["spritesheet"]), longest_side=_SHEET_SIDE)
