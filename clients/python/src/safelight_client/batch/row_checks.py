"""Checks the fields of a row before anything is sent: names, values, files, what the model offers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..plan import asks_for_retry
from .rows import BatchRow

#: Names that other APIs use, and the name in the Videos API.
_RENAMED = {
    "duration": "seconds",
    "length": "seconds",
    "resolution": "size",
    "aspect_ratio": "size",
    "input_image": "input_reference",
    "image": "input_reference",
    "text": "prompt",
}
_OWN = frozenset({"prompt", "model", "seconds", "size", "input_reference", "metadata", "safelight"})
_SIZE = re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}")
_MAX_SECONDS = 3600
#: Entries of the metadata of one video.
_MAX_METADATA = 16
#: Characters of a path that a message shows.
_MAX_SHOWN = 300


def request_fields(row: BatchRow, model: str, folder: Path) -> dict[str, Any]:
    """The fields as they are sent: with the model, and a reference file as a path."""
    fields = {**row.fields, **({"model": model} if model else {})}
    reference = fields.get("input_reference")
    if isinstance(reference, str):
        fields["input_reference"] = folder / reference
    return fields


def with_batch_name(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The fields with the name in their metadata, by which a Safelight gateway finds the videos of the batch.

    Metadata that has such an entry, or room for no more, is left as it is.
    """
    given = fields.get("metadata", {})
    if not isinstance(given, Mapping) or len(given) >= _MAX_METADATA or "metadata[batch]" in fields:
        return dict(fields)
    # A file name that is not UTF-8 cannot be sent.
    name = name.encode(errors="replace").decode()
    return {**fields, "metadata": {"batch": name, **given}}


def find_problems(fields: Mapping[str, Any], offer: Mapping[str, Any] | None, folder: Path) -> Iterator[str]:
    """What is wrong with the fields of a row.

    `offer`: the model as a Safelight gateway lists it. `folder`: that of the batch; only its files are sent.
    """
    for wrong, right in _RENAMED.items():
        if wrong in fields:
            yield f"There is no field {wrong}: use {right}."
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        yield "The prompt is missing."
    seconds = read_seconds(fields)
    if "seconds" in fields and not seconds:
        yield f"seconds must be a whole number from 1 to {_MAX_SECONDS}."
    size = fields.get("size")
    if size is not None and not _SIZE.fullmatch(str(size)):
        yield "size must be WIDTHxHEIGHT in pixels, such as 1280x720."
    reference = fields.get("input_reference")
    if isinstance(reference, Path):
        yield from _find_file_problems(reference, folder)
    if asks_for_retry(fields):
        yield (
            "safelight.retry cannot be used here, because the batch makes retries of its own: "
            "a video could be made and paid twice."
        )
    if not _is_unicode(fields):
        yield "A text of the row is not valid Unicode."
    if offer is not None:
        yield from _find_unoffered(fields, offer, seconds)


def _find_file_problems(reference: Path, folder: Path) -> Iterator[str]:
    try:
        is_file = reference.is_file()
    except OSError:
        is_file = False  # For example a name that is too long.
    if not is_file:
        yield f"The file {str(reference)[:_MAX_SHOWN]} of input_reference does not exist."
    elif not reference.resolve().is_relative_to(folder.resolve()):
        yield f"The file {reference} of input_reference is not in the folder of the batch."


def _is_unicode(fields: Mapping[str, Any]) -> bool:
    """Whether all texts can be sent. JSON can have half of a surrogate pair, which UTF-8 cannot."""
    try:
        json.dumps(list(fields.items()), ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _find_unoffered(
    fields: Mapping[str, Any], offer: Mapping[str, Any], seconds: int | None
) -> Iterator[str]:
    lengths, sizes, extra = offer.get("seconds"), offer.get("sizes"), offer.get("fields")
    if seconds and isinstance(lengths, list) and lengths and seconds not in lengths:
        yield f"The model makes these lengths in seconds: {', '.join(map(str, lengths))}."
    if "size" in fields and isinstance(sizes, list) and sizes and fields["size"] not in sizes:
        yield f"The model makes these sizes: {', '.join(map(str, sizes))}."
    if isinstance(extra, list):
        for name in fields:
            if name not in _OWN and name not in extra and name not in _RENAMED:
                yield f"The model has no field {name}."


def read_seconds(fields: Mapping[str, Any]) -> int | None:
    """The length; None if it is missing or wrong."""
    text = str(fields.get("seconds", "")).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if 0 < number <= _MAX_SECONDS else None
