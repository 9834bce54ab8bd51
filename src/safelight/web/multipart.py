"""A strict reader of multipart/form-data: texts stay in memory within a limit, files go straight to disk."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from safelight.errors import BadInput, InvalidField, StorageFull, TooLarge
from safelight.moderation.request import Upload

MAX_FIELDS = 256
MAX_FILES = 8
MAX_HEADER_BYTES = 8 * 1024


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
        if b"filename" in options:
            self._open(_decoded(options[b"filename"], self._name))

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
