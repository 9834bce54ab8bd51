"""Fields that other video APIs have, and what they are called here.

A request with such fields is refused, because a video of the wrong length costs money. The error has the
corrected request. Where a value has no certain meaning, nothing is corrected.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

from safelight.providers.protocol import GeneratorInfo

from .request import CreateRequest, RetryTerms

FIELD_SYNONYMS = {
    "duration": "seconds",
    "n_seconds": "seconds",
    "resolution": "size",
    "aspect_ratio": "size",
    "input_image": "input_reference",
    "user": "safety_identifier",
}
_SECONDS = re.compile(r"([0-9]{1,5})(?:\.0+)? ?(?:s|sec|seconds)?", re.ASCII)
_SIZE = re.compile(r"([0-9]{2,5}) ?[xX*×] ?([0-9]{2,5})", re.ASCII)
_LINES = re.compile(r"([0-9]{3,4})p", re.ASCII | re.IGNORECASE)
_RATIO = re.compile(r"([0-9]{1,3})[:/x]([0-9]{1,3})", re.ASCII)
_SCHEMES = ("https://", "http://", "data:")
#: Resolutions in words, with the length of the shorter side.
_WORDS = {"hd": 720, "full hd": 1080, "fhd": 1080, "2k": 1440, "4k": 2160}


def correct_fields(request: CreateRequest, offer: GeneratorInfo) -> CreateRequest | None:
    """The request with the names and values of our fields; None if it has none of the synonyms, or one
    without a certain meaning. Fields that have no name here are left out.
    """
    wrong = {name: value for name, value in request.extra.items() if name not in offer.extra_fields}
    uploads = tuple(
        replace(each, field=FIELD_SYNONYMS.get(each.field, each.field)) for each in request.uploads
    )
    is_renamed = FIELD_SYNONYMS.keys() & wrong.keys() or uploads != request.uploads
    if not is_renamed or any("[" in name for name in request.urls):
        return None
    changes: dict[str, Any] = {"uploads": uploads}
    lengths = {_read_seconds(wrong[name]) for name in ("duration", "n_seconds") if name in wrong}
    lengths |= {request.seconds} if request.seconds else set()
    if lengths:
        changes["seconds"] = lengths.pop()
    shapes = [str(wrong[name]).strip() for name in ("resolution", "aspect_ratio") if name in wrong]
    if shapes:
        size = _find_size(shapes, offer)
        changes["size"] = size if request.size in (None, size) else None
    image = wrong.get("input_image")
    if image is not None:
        is_url = isinstance(image, str) and image.lower().startswith(_SCHEMES)
        changes["urls"] = {**request.urls, "input_reference": image} if is_url else None
    if lengths or None in changes.values():
        # Two different lengths or sizes, or a value that is no length, size or address.
        return None
    extra = {name: value for name, value in request.extra.items() if name not in wrong}
    return replace(request, extra=extra, **changes)


def left_out_fields(request: CreateRequest, offer: GeneratorInfo) -> tuple[str, ...]:
    """The fields that a corrected request does not have, because this model has no such field."""
    return tuple(
        name for name in request.extra if name not in offer.extra_fields and name not in FIELD_SYNONYMS
    )


def describe_fields(request: CreateRequest) -> dict[str, Any]:
    """The request as JSON that a client can send. Files and data: URLs are named only."""
    fields = {
        "model": request.model,
        "prompt": request.prompt,
        "seconds": request.seconds,
        "size": request.size,
        **{name: "<the data: URL>" if url.startswith("data:") else url for name, url in request.urls.items()},
        **{each.field: f"<the file {each.filename}>" for each in request.uploads},
        **request.extra,
        "characters": [{"id": each} for each in request.characters] or None,
        "safety_identifier": request.safety_identifier,
        "metadata": dict(request.metadata) or None,
        "safelight": {"retry": _describe_retry(request.retry)} if request.retry else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _describe_retry(retry: RetryTerms) -> dict[str, Any]:
    asked = {"same": retry.same, "variation": retry.variation}
    return {name: value for name, value in asked.items() if value}


def _read_seconds(value: object) -> str | None:
    found = _SECONDS.fullmatch(str(value).strip())
    return str(int(found.group(1))) if found else None


def _find_size(given: list[str], offer: GeneratorInfo) -> str | None:
    """The size that fits a resolution and an aspect ratio; None if one cannot be read, or no size fits."""
    ratio: Fraction | None = None
    lines: int | None = None
    exact: tuple[int, int] | None = None
    for text in given:
        if found := _SIZE.fullmatch(text):
            exact = int(found.group(1)), int(found.group(2))
        elif (found := _RATIO.fullmatch(text)) and int(found.group(1)) and int(found.group(2)):
            ratio = Fraction(int(found.group(1)), int(found.group(2)))
        elif found := _LINES.fullmatch(text):
            lines = int(found.group(1))
        elif text.lower() in _WORDS:
            lines = _WORDS[text.lower()]
        else:
            return None
    if not exact and not offer.sizes:
        return _any_size(ratio or Fraction(16, 9), lines or 720)
    fitting = [
        (width, height)
        for width, height in ([exact] if exact else offer.sizes)
        if (ratio is None or width == ratio * height) and lines in (None, min(width, height))
    ]
    # A resolution without a ratio means a wide picture. A larger one costs more.
    fitting.sort(key=lambda size: (size[0] < size[1], size[0] * size[1]))
    return f"{fitting[0][0]}x{fitting[0][1]}" if fitting else None


def _any_size(ratio: Fraction, lines: int) -> str:
    longer = round(lines * max(ratio, 1 / ratio) / 2) * 2
    return f"{longer}x{lines}" if ratio >= 1 else f"{lines}x{longer}"
