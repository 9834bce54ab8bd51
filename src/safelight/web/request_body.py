"""Reads a request body within the limits of size and time, as JSON, multipart or a plain form."""

from __future__ import annotations

import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from safelight.errors import BadInput, InvalidField, StorageFull, TooLarge
from safelight.ids import new_id
from safelight.moderation.request import Upload

from .form_fields import nest
from .multipart import MAX_FIELDS, MultipartReader, boundary_of
from .services import Services

#: Limit for a form of a few short fields, which a client may send without an account.
MAX_SHORT_FORM_BYTES = 64 * 1024
#: Limit for all text fields of one request in total. Larger media must be sent as a file, not as a data: URL.
MAX_TEXT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Body:
    #: The fields as a nested document. The files of `uploads` are removed when the request ends.
    fields: dict[str, Any]
    uploads: tuple[Upload, ...] = ()


@asynccontextmanager
async def read_body(request: Request, services: Services) -> AsyncIterator[Body]:
    """The fields and files of a request. The files exist until the `with` block ends."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        yield Body(fields=_json(await _whole(request, services)))
    elif kind == "application/x-www-form-urlencoded":
        yield Body(fields=_form(await _whole(request, services)))
    elif kind == "multipart/form-data":
        folder = services.scratch / new_id("req")
        try:
            yield await _multipart(request, services, folder, content_type)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(shutil.rmtree, folder, True)
    else:
        raise HTTPException(415, "Send the body as multipart/form-data or application/json.")


@asynccontextmanager
async def read_file(request: Request, services: Services) -> AsyncIterator[Path]:
    """The body of a request as one file: the whole body, or the only file of a form, in the field `file`.

    The file exists until the `with` block ends. Raises `InvalidField` if there is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with read_body(request, services) as body:
            if body.fields or [upload.field for upload in body.uploads] != ["file"]:
                raise InvalidField("Send one file in `file` and nothing else.", param="file")
            yield _not_empty(body.uploads[0].path)
        return
    if not kind.startswith(("video/", "image/")) and kind != "application/octet-stream":
        raise HTTPException(415, "Send a video or an image as the body, or in a multipart/form-data form.")
    services.scratch.mkdir(parents=True, exist_ok=True)
    path = services.scratch / new_id("req")
    try:
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in _chunks(request, services, services.max_body_bytes):
                await file.write(chunk)
        yield _not_empty(path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StorageFull("The disk is full: the upload cannot be stored.", retry_after_s=30.0) from error
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(path.unlink, True)


def _not_empty(path: Path) -> Path:
    if path.stat().st_size == 0:
        raise InvalidField("The file is empty.", param="file")
    return path


async def _multipart(request: Request, services: Services, folder: Path, content_type: str) -> Body:
    boundary = boundary_of(content_type.encode("latin-1"))
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StorageFull("The disk is full: the upload cannot be stored.", retry_after_s=30.0) from error
    reader = MultipartReader(boundary, folder, max_text_bytes=MAX_TEXT_BYTES)
    try:
        async for chunk in _chunks(request, services, services.max_body_bytes):
            reader.feed(chunk)
        reader.finish()
    finally:
        reader.close()
    return Body(fields=nest(reader.texts), uploads=tuple(reader.uploads))


async def read_short_form(
    request: Request, services: Services, *, max_bytes: int = MAX_SHORT_FORM_BYTES
) -> dict[str, str]:
    """The fields of a plain form without files."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send the body as application/x-www-form-urlencoded.")
    fields = _form(await _whole(request, services, max_bytes))
    return {name: value for name, value in fields.items() if isinstance(value, str)}


async def _whole(request: Request, services: Services, most: int = MAX_TEXT_BYTES) -> bytes:
    limit = min(services.max_body_bytes, most)
    return b"".join([chunk async for chunk in _chunks(request, services, limit)])


async def _chunks(request: Request, services: Services, limit: int) -> AsyncIterator[bytes]:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    deadline = anyio.current_time() + services.upload_total_s
    size = 0
    while True:
        wait = min(services.upload_idle_s, deadline - anyio.current_time())
        message: Any = None
        with anyio.move_on_after(max(wait, 0)):
            message = await request.receive()
        if message is None:
            raise HTTPException(408, "The upload was too slow. Send the request again.")
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk
        if not message.get("more_body", False):
            return


def _too_large(limit: int) -> TooLarge:
    mebibytes = limit / 1024 / 1024
    size = f"{mebibytes:.0f} MiB" if mebibytes >= 1 else f"{limit // 1024} KiB"
    return TooLarge(f"The request is larger than {size}.")


def _json(data: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The body is not valid JSON: {str(error)[:200]}.") from None
    if not isinstance(document, dict):
        raise BadInput("The body must be a JSON object.")
    if len(document) > MAX_FIELDS:
        raise _too_many_fields()
    return document


def _form(data: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            data.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise BadInput("The form fields are not UTF-8 text.") from None
    except ValueError:
        raise _too_many_fields() from None
    return nest(pairs)


def _too_many_fields() -> BadInput:
    return BadInput(f"A request may have at most {MAX_FIELDS} fields.")
