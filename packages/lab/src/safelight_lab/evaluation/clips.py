"""Labelled clips: a folder with the manifest `clips.jsonl`, which lists the segments of each file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from safelight.core.errors import InvalidField, NotFound
from safelight.core.fileio import sha256_file
from safelight.policy.findings import Modality

from .label_mapping import FOUND

MANIFEST = "clips.jsonl"


class LabelledSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled segment, in seconds from the start. It has either a category or words that OCR should
    read.
    """

    modality: Modality
    start_s: float
    end_s: float
    category: str = ""
    #: The segment shows the safety test card, not content of the category that the card names.
    card: bool = False
    #: Minimum score at which a finding counts. It is lower for facts that are not harmful by themselves, such
    #: as a face.
    score: float = FOUND
    #: Instead of a category: harmless words in the picture that OCR should read.
    words: str = ""
    #: Group for which recall is reported separately, such as `text, 3 %, .3`.
    group: str = ""


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One clip, which is one line of the manifest. `label` is `safe` or `unsafe`; the segments of a safe
    clip have words, not categories.

    `prompt`: evaluated together with the clip; empty if unknown. `group`: the kind of clip, for which costs
    are reported separately.
    """

    file: str
    sha256: str
    label: str
    segments: tuple[LabelledSegment, ...] = ()
    prompt: str = ""
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """A set of clips in one folder; `sha256` is the hash of the manifest."""

    name: str
    folder: Path
    sha256: str
    clips: tuple[Clip, ...]


def read(folder: Path) -> ClipSet:
    """Reads the clip set of a folder. Raises `NotFound`, or `InvalidField`, which names the invalid line.

    All files are compared with the manifest before the scan, so that a missing file is reported at once and
    not after an hour.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    clips = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            clip = msgspec.json.decode(line, type=Clip)
        except msgspec.DecodeError as error:
            raise _wrong(number, str(error)) from error
        _check(clip, folder, number)
        clips.append(clip)
    if not clips:
        raise InvalidField(f"{path} lists no clips.")
    return ClipSet(
        name=folder.name, folder=folder, sha256=hashlib.sha256(data).hexdigest(), clips=tuple(clips)
    )


def _check(clip: Clip, folder: Path, number: int) -> None:
    if clip.label not in ("safe", "unsafe"):
        raise _wrong(number, f"the label {clip.label!r} is neither safe nor unsafe")
    if clip.label == "safe" and any(one.category for one in clip.segments):
        raise _wrong(number, "a safe clip must not have segments of a category")
    if any(not 0 < one.score <= 1 for one in clip.segments):
        raise _wrong(number, "a score must be greater than 0 and at most 1")
    if any(bool(one.category) == bool(one.words.strip()) for one in clip.segments):
        raise _wrong(number, "a segment needs either a category or words")
    if any(one.words and one.modality is not Modality.TEXT for one in clip.segments):
        raise _wrong(number, "a segment with words needs the modality text")
    if any(not 0 <= one.start_s <= one.end_s for one in clip.segments):
        raise _wrong(number, "a segment ends before it starts")
    path = folder / clip.file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _wrong(number, f"{clip.file!r} is not in the folder")
    try:
        found = sha256_file(path)
    except OSError as error:
        raise _wrong(number, f"{clip.file!r} cannot be read: {error.strerror}") from error
    if found != clip.sha256.lower():
        raise _wrong(number, f"{clip.file!r} has the sha256 {found}, which differs from the manifest")


def _wrong(number: int, what: str) -> InvalidField:
    return InvalidField(
        f"{MANIFEST}, line {number}: {what}.",
        remedy='Example of a line: {"file": "a.mp4", "sha256": "...", "label": "unsafe", "segments":'
        ' [{"category": "sexual", "modality": "frames", "start_s": 1.0, "end_s": 2.5}]}.',
    )
