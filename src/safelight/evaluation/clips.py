"""Data sets of clips: a folder with `clips.jsonl`, which says of every file what is in it, where and when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from safelight.errors import InvalidField, NotFound
from safelight.fileio import sha256_file
from safelight.policy.findings import Modality

from .label_mapping import FOUND

MANIFEST = "clips.jsonl"


class LabelledSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One true thing in a clip, in seconds from its start: something of a category, or words to be read."""

    modality: Modality
    start_s: float
    end_s: float
    category: str = ""
    #: It is the safety test card, which shows that the way works and nothing of the category it names.
    card: bool = False
    #: What a finding has to reach to count; less than elsewhere for what is a fact and no harm, as a face is.
    score: float = FOUND
    #: Instead of a category: these words stand in the picture, and mean nothing. They are to be read.
    words: str = ""
    #: What it is one of, for a rate of its own, such as `text, 3 %, .3`.
    group: str = ""


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the manifest. `label` is `safe` or `unsafe`; a safe clip has no segments but words.

    `prompt`: what the clip was asked for with, judged together with it; empty where nobody knows.
    `group`: what kind of clip it is, for a cost of its own.
    """

    file: str
    sha256: str
    label: str
    segments: tuple[LabelledSegment, ...] = ()
    prompt: str = ""
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """Clips and where they are; `sha256` is the manifest's."""

    name: str
    folder: Path
    sha256: str
    clips: tuple[Clip, ...]


def read(folder: Path) -> ClipSet:
    """The set in a folder. Raises `NotFound`, or `InvalidField` with the line that does not hold.

    Files that are not there, or not what the manifest says, are found out now and not after an hour.
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
        raise InvalidField(f"{path} names no clips.")
    return ClipSet(
        name=folder.name, folder=folder, sha256=hashlib.sha256(data).hexdigest(), clips=tuple(clips)
    )


def _check(clip: Clip, folder: Path, number: int) -> None:
    if clip.label not in ("safe", "unsafe"):
        raise _wrong(number, f"the label {clip.label!r} is neither safe nor unsafe")
    if clip.label == "safe" and any(one.category for one in clip.segments):
        raise _wrong(number, "a safe clip has no segments of a category")
    if any(not 0 < one.score <= 1 for one in clip.segments):
        raise _wrong(number, "a score is over 0 and at most 1")
    if any(bool(one.category) == bool(one.words.strip()) for one in clip.segments):
        raise _wrong(number, "a segment has either a category or words")
    if any(one.words and one.modality is not Modality.TEXT for one in clip.segments):
        raise _wrong(number, "words to be read have the modality text")
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
        raise _wrong(number, f"{clip.file!r} has the sha256 {found}, not the one written down")


def _wrong(number: int, what: str) -> InvalidField:
    return InvalidField(
        f"{MANIFEST}, line {number}: {what}.",
        remedy='A line is such as {"file": "a.mp4", "sha256": "...", "label": "unsafe", "segments":'
        ' [{"category": "sexual", "modality": "frames", "start_s": 1.0, "end_s": 2.5}]}.',
    )
