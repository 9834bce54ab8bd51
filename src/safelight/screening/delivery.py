"""The delivery stage: normalizes a clip, draws its badge and its previews. Each runs in a sandboxed child."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import BadInput, ConfigurationError, SandboxFailed
from safelight.media.badge import BadgeStyle, check_badge_in_child
from safelight.media.normalize import NormalizeMethod, NormalizeResult, normalize_in_child
from safelight.media.sandbox.child_main import ChildChannel
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox

from .scanning.service import Scanner

_LIMITS = Limits(wall_s=600.0, cpu_s=900, memory_bytes=3 << 30, file_bytes=8 << 30, open_files=64)
#: An icon or a preview within its limits is drawn in a fraction of a second.
_PICTURE_LIMITS = Limits(wall_s=60.0, cpu_s=60, memory_bytes=1 << 30, file_bytes=1 << 20, open_files=64)
_SHEET_FRAMES = 10
_THUMBNAIL_SIDE, _SHEET_SIDE = 480, 240


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A preview image, which is drawn only from the sealed file."""

    kind: str
    path: Path
    media_type: str


@dataclass(frozen=True, kw_only=True)
class NormalizedClip:
    """A clip as a plain MP4, and the types of the tracks that it does not have any more."""

    path: Path
    dropped_tracks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeliveryStage:
    sandbox: Sandbox
    scanner: Scanner
    #: What the visible label shows.
    label: BadgeStyle

    def check_label(self) -> None:
        """Draw the visible label once. Raises `ConfigurationError` if its font or its icon cannot be used."""
        files = [Path(one) for one in (self.label.font, self.label.icon) if one is not None]
        for path in files:
            if not path.is_file():
                raise ConfigurationError(f"The visible label cannot be drawn: {path} is not a file.")
        try:
            self.sandbox.run(
                EntryPoint.of(check_badge_in_child),
                msgspec.to_builtins(self.label),
                reads=files,
                limits=_PICTURE_LIMITS,
            )
        except (BadInput, SandboxFailed) as error:
            raise ConfigurationError(
                f"The visible label cannot be drawn: {error.message}", remedy=error.remedy
            ) from error

    def normalize(self, source: Path, into: Path) -> NormalizedClip:
        """The clip as a plain MP4: the file itself, or a converted copy in `into`. This runs before the
        scan.

        Raises `InvalidMedia`, `TooLarge` or `SandboxFailed` if the file is not a usable clip.
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
        result = msgspec.convert(answer, NormalizeResult)
        if result.method is NormalizeMethod.KEPT:
            into.unlink(missing_ok=True)
            return NormalizedClip(path=source)
        return NormalizedClip(path=into, dropped_tracks=result.dropped_streams)

    def badge(self, source: Path, into: Path, text: str) -> Path:
        """Write a copy of the clip to `into`. Every frame of the copy has the visible badge `text`."""
        self.scanner.burn_badge(source, into, msgspec.structs.replace(self.label, text=text))
        return into

    def blur(self, source: Path, into: Path) -> None:
        """Draw a picture of a generation that was stopped, small and blurred, into `into` as WebP.

        Raises `BadInput` or `SandboxFailed` if it is not a usable picture.
        """
        self.sandbox.run(
            EntryPoint.of(blur_in_child),
            {"source": str(source), "into": str(into)},
            reads=[source],
            writes=[into],
            limits=_PICTURE_LIMITS,
        )

    def draw_previews(self, sealed: Path, work_dir: Path) -> tuple[Preview, ...]:
        """Draw the thumbnail and the contact sheet of the sealed file into `work_dir`."""
        previews = (
            Preview(kind="thumbnail", path=work_dir / "thumbnail.webp", media_type="image/webp"),
            Preview(kind="spritesheet", path=work_dir / "spritesheet.webp", media_type="image/webp"),
        )
        argument = {"source": str(sealed), **{preview.kind: str(preview.path) for preview in previews}}
        self.sandbox.run(
            EntryPoint.of(draw_previews_in_child),
            argument,
            reads=[sealed],
            writes=[preview.path for preview in previews],
            limits=_LIMITS,
        )
        return previews


def draw_previews_in_child(argument: dict[str, str], _link: ChildChannel) -> None:
    """Runs in the child. Draws the middle frame as a thumbnail, and ten frames on a contact sheet."""
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS
    from safelight.media.thumbnails import pick_frame_indices, write_contact_sheet, write_thumbnail

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


def blur_in_child(argument: dict[str, str], _link: ChildChannel) -> None:
    """Runs in the child. Blurs again what should be blurred already: the server may not have done it."""
    from safelight.media.images import ImageLimits, read_image
    from safelight.media.thumbnails import write_blurred

    limits = ImageLimits(pixels=4_000_000, frames=1, longest_side=_SHEET_SIDE)
    pixels = read_image(Path(argument["source"]), limits)[1][0]
    write_blurred(pixels, Path(argument["into"]), longest_side=_SHEET_SIDE)
