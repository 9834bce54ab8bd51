"""Messages between the gateway and its sandboxed children: length-prefixed msgpack over a pipe."""

from __future__ import annotations

import os
import struct
from typing import Any

import msgspec

_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()


class MalformedMessage(Exception):
    """The bytes from the pipe are not a valid message, or the message is larger than the limit.

    Not in the error tree: `ChildProcess` catches it and raises `SandboxCrashed` or `TooLarge`.
    """


def encode(message: Any, *, limit: int) -> bytes:
    """Encode a message. Raises `MalformedMessage` if it is larger than `limit` bytes."""
    body = _encoder.encode(message)
    if len(body) > limit:
        raise MalformedMessage(f"a message of {len(body):,} bytes is over the limit of {limit:,}")
    return _LENGTH.pack(len(body)) + body


def send(fd: int, message: Any, *, limit: int) -> None:
    """Write one message; blocks while the pipe is full."""
    data = memoryview(encode(message, limit=limit))
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int, *, limit: int) -> Any:
    """Read one message; blocks until it is complete. Raises `EOFError` if the other side closed the pipe."""
    (length,) = _LENGTH.unpack(_read_exactly(fd, _LENGTH.size))
    if length > limit:
        raise MalformedMessage(f"a message of {length:,} bytes is over the limit of {limit:,}")
    return _decode(_read_exactly(fd, length))


def _read_exactly(fd: int, count: int) -> bytes:
    parts, remaining = [], count
    while remaining:
        part = os.read(fd, min(remaining, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        remaining -= len(part)
    return b"".join(parts)


def _decode(body: bytes) -> Any:
    try:
        return msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"a message is not msgpack: {error}") from error


class MessageReader:
    """Assembles messages from the pieces that a pipe delivers. It never blocks."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """The messages that are complete now. Raises `MalformedMessage`."""
        self._pending += data
        messages = []
        while len(self._pending) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending)
            if length > self._limit:
                raise MalformedMessage(f"a message of {length:,} bytes is over the limit of {self._limit:,}")
            end = _LENGTH.size + length
            if len(self._pending) < end:
                break
            messages.append(_decode(bytes(self._pending[_LENGTH.size : end])))
            del self._pending[:end]
        return messages
