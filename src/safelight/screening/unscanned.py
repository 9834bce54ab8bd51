"""Parts of a clip that were not scanned, such as a second audio track: gaps in coverage, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from safelight.core.errors import InvalidMedia
from safelight.core.i18n import load_messages
from safelight.media.probe import MediaInfo, UnscannedKind, UnscannedPart
from safelight.policy.findings import Cell, Coverage, Modality
from safelight.policy.verdicts import Action

_VISIBLE = frozenset({Modality.FRAMES, Modality.TEXT})
#: The modalities that a part has. A check of one of them is incomplete without the part. Players show neither
#: data tracks, attachments nor bytes after the end, so these are only named.
_MODALITIES: Mapping[UnscannedKind, frozenset[Modality]] = {
    UnscannedKind.VIDEO_TRACK: _VISIBLE,
    UnscannedKind.COVER_IMAGE: _VISIBLE,
    UnscannedKind.AUDIO_TRACK: frozenset({Modality.AUDIO}),
    UnscannedKind.SUBTITLES: frozenset({Modality.TEXT}),
    UnscannedKind.TAGS: frozenset({Modality.TEXT}),
}
#: The sentence for one part, and for several.
_SENTENCES: Mapping[UnscannedKind, tuple[str, str]] = {
    UnscannedKind.VIDEO_TRACK: (
        "A second video track was not judged.",
        "{count} more video tracks were not judged.",
    ),
    UnscannedKind.COVER_IMAGE: ("The cover image was not judged.", "{count} cover images were not judged."),
    UnscannedKind.AUDIO_TRACK: (
        "A second sound track was not judged.",
        "{count} more sound tracks were not judged.",
    ),
    UnscannedKind.SUBTITLES: (
        "A subtitle track was not judged in full.",
        "{count} subtitle tracks were not judged in full.",
    ),
    UnscannedKind.DATA_TRACK: ("A data track was not judged.", "{count} data tracks were not judged."),
    UnscannedKind.ATTACHMENT: ("An attached file was not judged.", "{count} attached files were not judged."),
    UnscannedKind.TAGS: (
        "A tag or chapter title was not judged.",
        "{count} tags or chapter titles were not judged.",
    ),
    UnscannedKind.TRAILING_BYTES: (
        "1 byte after the end of the image or video was not judged.",
        "{count} bytes after the end of the image or video were not judged.",
    ),
}


def describe_unscanned(part: UnscannedPart) -> str:
    """One sentence: what was not judged."""
    one, several = _SENTENCES[part.kind]
    return one if part.count == 1 else several.format(count=f"{part.count:,}")


def unscanned_modalities(media: MediaInfo | None) -> frozenset[Modality]:
    """The modalities of which a part of the clip was not scanned."""
    parts = media.unscanned if media is not None else ()
    return frozenset().union(*(_MODALITIES.get(part.kind, frozenset()) for part in parts))


def mark_unscanned(coverage: Coverage, media: MediaInfo | None) -> Coverage:
    """The coverage, with the checks that miss a part of the clip as incomplete."""
    parts = media.unscanned if media is not None else ()
    return Coverage(cells=tuple(_mark_cell(cell, parts) for cell in coverage))


def _mark_cell(cell: Cell, parts: Iterable[UnscannedPart]) -> Cell:
    missed = [part for part in parts if cell.modality in _MODALITIES.get(part.kind, ())]
    # A cell is not available either if nothing reads text in the picture. Its detectors still judge tags.
    unread_tags = bool(cell.detectors) and any(part.kind is UnscannedKind.TAGS for part in missed)
    if not missed or not (cell.available or unread_tags):
        return cell
    note = " ".join(note for note in (cell.note, *map(describe_unscanned, missed)) if note)
    return msgspec.structs.replace(
        cell, available=True, ran=cell.ran or unread_tags, complete=False, note=note
    )


def reject_extra_tracks(media: MediaInfo) -> None:
    """Raise `InvalidMedia` if a clip has tracks besides one of picture and one of sound, or trailing bytes.

    A generator, or the receiver of a video, would get them unchecked.
    """
    if UnscannedKind.TRAILING_BYTES in (part.kind for part in media.unscanned):
        raise InvalidMedia(
            "The clip has bytes after its end that are not checked (trailing bytes).",
            remedy="Send a file that ends with the video, for example one that was exported again.",
        )
    tracks = [
        part.kind.value.replace("_", " ") for part in media.unscanned if part.kind is not UnscannedKind.TAGS
    ]
    if media.subtitles:
        tracks.append("subtitles")
    if tracks:
        raise InvalidMedia(
            f"The clip has tracks that are not checked: {', '.join(dict.fromkeys(tracks))}.",
            remedy="Send a file with one picture track and at most one sound track.",
        )


def missing_checks_sentence(
    tag: str, action: Action, *, absent: int, unfinished: int, has_findings: bool
) -> str:
    """What the checks of a file found, and how many required checks are missing, so that they decided."""
    t = load_messages("cli", tag)
    counts = [
        t(f"scan.missing_checks.{kind}{'_one' if count == 1 else ''}", n=count)
        for kind, count in (("absent", absent), ("unfinished", unfinished))
        if count
    ]
    found = t("scan.found_some" if has_findings else "scan.found_nothing")
    return t(f"scan.gap.{action.value}", found=found, checks=t("separator").join(counts))
