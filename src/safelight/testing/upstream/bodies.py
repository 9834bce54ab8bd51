"""Reads the body of a create request: JSON, or multipart with bracket fields as the SDKs send them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

_NAME = re.compile(rb'\bname="([^"]*)"')
_FILE = re.compile(rb'\bfilename="([^"]*)"')
_TYPE = re.compile(rb"(?im)^content-type:\s*([^\r\n]+)")
_BRACKET = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")


def read_create(content_type: str, body: bytes) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Fields and files of a create request. Raises `ValueError` if the body cannot be read."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if content_type.startswith("multipart/form-data") and boundary:
        return _multipart(body, boundary.group(1).encode())
    try:
        fields = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError("the body is neither JSON nor multipart") from error
    if not isinstance(fields, dict):
        raise ValueError("the body is not an object")
    return fields, []


def _multipart(body: bytes, boundary: bytes) -> tuple[dict[str, Any], list[dict[str, str]]]:
    fields: dict[str, Any] = {}
    files: list[dict[str, str]] = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise ValueError("a part has no name")
        field = name.group(1).decode("utf-8", "replace")
        if _FILE.search(head):
            kind = _TYPE.search(head)
            files.append(
                {
                    "field": field,
                    "media_type": kind.group(1).decode("latin-1").strip() if kind else "",
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
        elif bracket := _BRACKET.fullmatch(field):
            inner = fields.setdefault(bracket.group(1), {})
            if isinstance(inner, dict):
                inner[bracket.group(2)] = content.decode("utf-8", "replace")
        else:
            fields[field] = content.decode("utf-8", "replace")
    return fields, files
