"""Reads a request body within the limits of size and time, as JSON, multipart or a plain form."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, overload
from urllib.parse import parse_qsl, unquote_to_bytes

import anyio
import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from safelight.core.errors import BadInput, InvalidField, StorageFull, TooLarge
from safelight.core.ids import new_id
from safelight.videos.requests.request import Upload

from .services import Services

MAX_FIELDS = 256
MAX_FILES = 8
MAX_HEADER_BYTES = 8 * 1024
#: The first part of the media types of a part that is a file although it has no file name.
_MEDIA_TYPES = (b"image/", b"video/", b"audio/", b"application/octet-stream")
_ENCODED_NAME = re.compile(rb";\s*filename\*\s*=\s*\"?([\w.+-]*)'[^';]*'([^\";\s]*)", re.IGNORECASE)
MAX_DEPTH = 4
_REPEATED = "This field is given more than once."
_NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)\Z")
_STEP = re.compile(r"\[([^\[\]]*)\]")
#: Limit for a form of a few short fields, which a client may send without an account.
MAX_SHORT_FORM_BYTES = 64 * 1024
#: Limit for all text fields of one request in total. Larger media must be sent as a file, not as a data: URL.
MAX_TEXT_BYTES = 64 * 1024 * 1024

# Reads fields of a small JSON body and checks their types.


def optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """An optional text, or None if it is missing or null. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(f"`{name}` must be a text.", param=name)


def optional_identifier(fields: Mapping[str, Any], name: str) -> str | None:
    """An optional text without spaces around it, which would make it another identifier. None if empty."""
    return (optional_text(fields, name) or "").strip() or None


def required_text(fields: Mapping[str, Any], name: str) -> str:
    """A required text. Raises `InvalidField` if it is missing or not a text."""
    value = optional_text(fields, name)
    if value is None:
        raise InvalidField(f"{name} is missing.", param=name)
    return value


def optional_texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """An optional list of texts, or None if it is missing. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise InvalidField(f"`{name}` must be a list of texts.", param=name)


@overload
def optional_flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool: ...
@overload
def optional_flag(fields: Mapping[str, Any], name: str, *, default: None) -> bool | None: ...
def optional_flag(fields: Mapping[str, Any], name: str, *, default: bool | None) -> bool | None:
    """A boolean, or the default if it is missing or null. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise InvalidField(f"`{name}` must be true or false.", param=name)


# A strict reader of multipart/form-data: texts stay in memory within a limit, files go straight to disk.


class MultipartReader:
    """Parses a multipart body: call `feed` for each chunk, then `finish`.

    Raises `BadInput` for an incomplete or malformed body.
    """

    def __init__(self, boundary: bytes, folder: Path, *, max_text_bytes: int) -> None:
        self.texts: list[tuple[str, str]] = []
        self.uploads: list[Upload] = []
        self._folder = folder
        self._left = max_text_bytes
        self._parts = 0
        self._whole = False
        self._file: BinaryIO | None = None
        self._begin()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name_part,
                "on_header_value": self._header_value_part,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_end": self._finished,
            },
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed() from None
        except OSError as error:
            raise StorageFull("The disk is full: the upload cannot be stored.", retry_after_s=30.0) from error

    def finish(self) -> None:
        if not self._whole:
            raise _malformed()

    def close(self) -> None:
        """Close the file of an upload if reading stopped before the end of the upload."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._header_bytes = 0
        self._text = bytearray()
        self._name = ""
        self._filename: str | None = None

    def _header_name_part(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_name += data[start:end]

    def _header_value_part(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise BadInput("A header of a part of this multipart body is too long.")

    def _header_end(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _headers_finished(self) -> None:
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise BadInput(f"A request may have at most {MAX_FIELDS} fields.")
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if not options.get(b"name"):
            raise BadInput("A part of this multipart body has no name.")
        self._name = _decoded(options[b"name"], None)
        filename = _read_filename(options, self._headers)
        if filename is not None:
            self._open(filename)

    def _open(self, filename: str) -> None:
        if len(self.uploads) >= MAX_FILES:
            raise BadInput(f"A request may have at most {MAX_FILES} files.", param=self._name)
        if "\0" in filename:
            raise InvalidField("NUL characters are not allowed.", param=self._name)
        self._filename = PurePosixPath(filename.replace("\\", "/")).name[-255:]
        self._path = self._folder / f"{len(self.uploads)}.upload"
        self._file = self._path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            return
        self._left -= end - start
        if self._left < 0:
            raise TooLarge(
                "The text fields of this request are too large in total. Send media as files.",
                param=self._name,
            )
        self._text += data[start:end]

    def _end(self) -> None:
        if self._file is None:
            self.texts.append((self._name, _decoded(bytes(self._text), self._name)))
            return
        size = self._file.tell()
        self._file.close()
        self._file = None
        if size == 0 and not self._filename:
            self._path.unlink()
            return
        media_type = self._headers.get(b"content-type", b"application/octet-stream")
        self.uploads.append(
            Upload(
                field=self._name,
                path=self._path,
                filename=self._filename or "",
                media_type=media_type.decode("latin-1").partition(";")[0].strip().lower()[:100],
            )
        )

    def _finished(self) -> None:
        self._whole = True


def boundary_of(content_type: bytes) -> bytes:
    """The boundary in a Content-Type header. Raises `BadInput` if there is none."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise BadInput("The Content-Type of this multipart body has no boundary.")
    return boundary


def _read_filename(options: Mapping[bytes, bytes], headers: Mapping[bytes, bytes]) -> str | None:
    """The file name of a part; None if it is no file.

    Older clients send a name that is not ASCII only as `filename*`, and others its bytes in the encoding of
    their system. Nobody needs the name, so what cannot be read is replaced.
    """
    if b"filename" in options:
        return options[b"filename"].decode("utf-8", "replace")
    if encoded := _ENCODED_NAME.search(headers.get(b"content-disposition", b"")):
        return unquote_to_bytes(encoded[2]).decode("utf-8", "replace")
    is_media = headers.get(b"content-type", b"").lower().startswith(_MEDIA_TYPES)
    return "" if is_media else None


def _decoded(data: bytes, param: str | None) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidField("This field is not UTF-8 text.", param=param) from None


def _malformed() -> BadInput:
    return BadInput(
        "The multipart body is malformed or cut off.",
        remedy="Send the whole body again; let your HTTP library write the boundary.",
    )


# Form field names in the SDKs' bracket notation: `metadata[a]`, `tags[]`, `input_reference[image_url]`.


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The nested document of flat form fields.

    A field name that occurs twice is rejected unless it ends in `[]`, because two parsers could choose
    different values.
    """
    document: dict[str, Any] = {}
    for name, value in pairs:
        _put(document, name, _path(name), value)
    return document


def format_name(path: Iterable[str | int]) -> str:
    """The bracket name of a path in a nested document: `("a", "b", 0)` is `a[b][0]`."""
    root, *rest = path
    return str(root) + "".join(f"[{step}]" for step in rest)


def _path(name: str) -> list[str]:
    match = _NAME.match(name)
    if match is None:
        raise InvalidField(
            "This field name is not well formed. Write it like `metadata[name]`.", param=name[:200]
        )
    path = [match["root"], *_STEP.findall(match["rest"])]
    if len(path) > MAX_DEPTH:
        raise InvalidField(f"Fields may be nested at most {MAX_DEPTH} levels deep.", param=name[:200])
    return path


def _put(document: dict[str, Any], name: str, path: list[str], value: str) -> None:
    place: Any = document
    for step, following in zip(path, [*path[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == "" else {}
        if isinstance(place, list):
            if step != "":
                raise InvalidField("This field is used both as a list and as an object.", param=name)
            place.append(fresh)
            place = fresh
        elif step == "":
            raise InvalidField("This field is used both as a list and as an object.", param=name)
        elif step not in place:
            place[step] = fresh
            place = fresh
        elif following is None or not isinstance(place[step], type(fresh)):
            raise InvalidField(_REPEATED, param=name)
        else:
            place = place[step]


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
        # A filter in front may read the first of two values, and msgspec takes the last.
        json.loads(data, object_pairs_hook=_reject_repeated, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The body is not valid JSON: {str(error)[:200]}.") from None
    if not isinstance(document, dict):
        raise BadInput("The body must be a JSON object.")
    if len(document) > MAX_FIELDS:
        raise _too_many_fields()
    return document


def _reject_repeated(pairs: list[tuple[str, Any]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise InvalidField(_REPEATED, param=name[:200])
        names.add(name)


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
